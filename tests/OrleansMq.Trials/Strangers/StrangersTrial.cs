using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace OrleansMq.Trials.Strangers;

/// <summary>
/// Damaged frames from outside against the real program with <c>--access on</c>, over each gateway, before and after it knows who comes, and crowds of connections that say little; a canary publishes
/// through it all. Nothing may come in, hang, or change what is not its own.
/// </summary>
internal sealed class StrangersTrial(GuardedProgram program, Canary canary, int frames, int rate)
{
    private const int HalfRequests = 2_000;
    private const int SlowSenders = 500;

    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(10);

    private readonly List<string> _violations = [];
    private readonly IPEndPoint _http = IPEndPoint.Parse(program.Http.Authority);

    public static async Task<int> Run(string[] args)
    {
        var options = args[1..].Chunk(2).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => int.Parse(pair[1], CultureInfo.InvariantCulture));
        var watch = Stopwatch.StartNew();
        await using var program = await GuardedProgram.Start();
        await using var canary = new Canary(program.As(GuardedProgram.Canary));
        var trial = new StrangersTrial(program, canary, options.GetValueOrDefault("--frames", 100_000), options.GetValueOrDefault("--rate", 500));
        await trial.All(options.GetValueOrDefault("--seed", 1), options.GetValueOrDefault("--idle", 10_000));
        foreach (var violation in trial._violations.Take(20))
            Console.WriteLine(violation);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{trial._violations.Count} violations, {watch.Elapsed.TotalSeconds:0} s"));
        return trial._violations.Count == 0 ? 0 : 1;
    }

    private async Task All(int seed, int idle)
    {
        canary.Start();
        await Task.Delay(Quiet);
        canary.Take();
        await Task.Delay(Quiet);
        Say("quiet", "");
        foreach (var known in new[] { false, true })
        {
            await Flooded($"Kafka, {(known ? "after" : "before")} it is known who comes", seed++, known, random => Sent.OverKafka(program.Kafka, known, random));
            await Flooded($"HTTP, {(known ? "after" : "before")} it is known who comes", seed++, known, random => Sent.OverHttp(_http, known, random));
        }
        await Crowded("silent connections, half to each gateway", async crowd =>
        {
            await crowd.Silent(program.Kafka, idle / 2);
            await crowd.Silent(_http, idle / 2);
        });
        await Crowded("requests of 64 KiB less a byte over Kafka", crowd => crowd.Half(program.Kafka, HalfRequests));
        await Crowded("heads sent a byte at a time over HTTP", crowd => crowd.Slowly(_http, SlowSenders, Quiet));
        await StillWhole();
    }

    private async Task Flooded(string name, int seed, bool known, Func<Random, Sent> make)
    {
        var before = await program.State();
        canary.Take();
        var result = await Flood.Run(frames, rate, seed, make);
        Say(name, $"{result}; seed {seed}");
        _violations.AddRange(result.Hangs.Select(hang => $"{name}: {hang}"));
        if (result.NotConnected > 0)
            _violations.Add($"{name}: {result.NotConnected} could not connect");
        if (!known && await program.State() != before)
            _violations.Add($"{name}: something changed");
    }

    private async Task Crowded(string name, Func<Crowd, Task> gather)
    {
        var before = program.Resident;
        using var crowd = new Crowd();
        canary.Take();
        await gather(crowd);
        await Task.Delay(TimeSpan.FromSeconds(2));
        var (most, open) = (program.Resident, crowd.Open);
        Say(name, string.Create(CultureInfo.InvariantCulture, $"{crowd.Count} connections, {open} of them open after 2 s, {(most - before) / 1024.0 / crowd.Count:0.0} KiB resident for each"));
        await Task.Delay(TimeSpan.FromSeconds(12));
        Console.WriteLine($"  {crowd.Open} still open 12 s later");
    }

    private async Task StillWhole()
    {
        await using var admin = program.As("admin");
        var kept = (await admin.DescribeTopic(GuardedProgram.Canary)).Partitions.Sum(partition => partition.End);
        if (kept < canary.Published)
            _violations.Add($"the canary published {canary.Published} and {kept} are there");
        _violations.AddRange(canary.Failures.Select(failure => $"the canary was refused: {failure}"));
    }

    private void Say(string name, string what)
    {
        var (p50, p99, count) = canary.Take();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {what}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  canary p50 {p50:0.00} ms, p99 {p99:0.00} ms of {count}; {program.Resident >> 20} MiB resident"));
    }
}

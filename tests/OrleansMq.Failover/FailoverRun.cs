using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using OrleansMq.Simulation.Checks;
using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Failover;

/// <summary>What a run came to.</summary>
/// <param name="Back">For each misfortune, how long until every partition acknowledged again.</param>
/// <param name="Broken">Promises that were broken; empty is what is wanted.</param>
public sealed record FailoverReport(int Acknowledged, int Stored, IReadOnlyList<(string What, TimeSpan? Back)> Back, IReadOnlyList<string> Broken);

/// <summary>A cluster of processes on a place that they share, load from outside it, misfortune, and at the end the books.</summary>
public static class FailoverRun
{
    private static readonly TopicName Topic = "failover";

    public static async Task<FailoverReport> Run(FailoverOptions options, Action<string> tell)
    {
        await using var place = await SharedPlace.Open(options);
        var cluster = $"failover-{Environment.ProcessId}";
        var arguments = $"--host orleans {place.Arguments} --cluster {cluster} --http 0 --kafka off --membership {options.Membership}";
        var silos = Enumerable.Range(1, options.Silos).Select(n => new SiloNode($"silo {n}", arguments, tell)).ToList();
        try
        {
            foreach (var silo in silos)
                await silo.Start();
            tell($"{silos.Count} silos are ready");
            using var client = await StartClient(cluster, place);
            var report = await Drive(options, silos, client, tell);
            await client.StopAsync();
            return report;
        }
        finally
        {
            silos.ForEach(silo => silo.Dispose());
        }
    }

    private static async Task<FailoverReport> Drive(FailoverOptions options, List<SiloNode> silos, IHost client, Action<string> tell)
    {
        var broker = client.Services.GetRequiredService<IBroker>();
        await broker.PutTopic(Topic, new TopicChange { Partitions = options.Partitions });
        using var over = new CancellationTokenSource();
        var load = new Load(broker, Topic, options);
        var running = load.Run(over.Token);
        var events = await new Misfortunes(options, silos, load, tell).Strike();
        await over.CancelAsync();
        await running;
        tell($"{load.Acknowledged} messages were acknowledged; reading everything");
        await ReadEverything(broker, load.History, options.Partitions);
        var broken = Check(load.History)
            .Concat(load.Refused.Select(refused => $"[refused] {refused}"))
            .Concat(events.Where(happened => happened.Back is null || happened.Back > options.BackWithin)
                .Select(happened => $"[back] {happened.What}: back after {Seconds(happened.Back)}, and {options.BackWithin.TotalSeconds:F0} s are allowed"));
        return new FailoverReport(load.Acknowledged, load.History.Final.Values.Sum(log => log.Records.Count), events, [.. broken]);
    }

    internal static string Seconds(TimeSpan? time) => time is { } known ? $"{known.TotalSeconds:F2} s" : "never";

    /// <summary>The simulation's own checkers.</summary>
    private static IEnumerable<string> Check(History history) =>
        LogCheck.Check(history, WorldPlan.Of(0) with { CappedPartitions = 0, Admit = 0 }).Concat(ProducerCheck.Check(history)).Select(violation => violation.ToString());

    private static async Task ReadEverything(IBroker broker, History history, int partitions)
    {
        for (var partition = 0; partition < partitions; partition++)
        {
            var described = (await broker.DescribeTopic(Topic)).Partitions[partition];
            var log = new FinalLog { Start = described.Start, End = described.End };
            history.Final[new Place(Topic.Text, partition)] = log;
            await foreach (var message in broker.Browse(Topic, partition, StartAt.Earliest))
            {
                log.Order.Add(message.Position.Offset);
                log.Records[message.Position.Offset] = (message.BodyText, message.KeyText, message.Token);
            }
        }
    }

    private static async Task<IHost> StartClient(string cluster, SharedPlace place)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.AddFilter(level => level >= LogLevel.Error);
        builder.UseOrleansClient(orleans => orleans
            .Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (cluster, cluster))
            .Configure<GatewayOptions>(options => options.GatewayListRefreshPeriod = TimeSpan.FromSeconds(2))
            .UseOrleansMqClustering(place.Documents)
            .AddOrleansMq());
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }
}

/// <summary>Kills, stops and terminates silos, one after the other, and waits each time until the cluster is whole again.</summary>
internal sealed class Misfortunes(FailoverOptions options, List<SiloNode> silos, Load load, Action<string> tell)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    public async Task<IReadOnlyList<(string What, TimeSpan? Back)>> Strike()
    {
        var (began, happened) = (Stopwatch.GetTimestamp(), new List<(string What, TimeSpan? Back)>());
        for (var n = 1; ; n++)
        {
            var due = n * options.KillEvery;
            if (due >= options.Length)
                break;
            if (due - Stopwatch.GetElapsedTime(began) is { } rest && rest > TimeSpan.Zero)
                await Task.Delay(rest);
            happened.Add(await Strike(n));
            tell($"{Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s: {happened[^1].What}; back after {FailoverRun.Seconds(happened[^1].Back)}; {load.Acknowledged} acknowledged so far");
        }
        if (options.Length - Stopwatch.GetElapsedTime(began) is { } last && last > TimeSpan.Zero)
            await Task.Delay(last);
        return happened;
    }

    private async Task<(string What, TimeSpan? Back)> Strike(int n)
    {
        var silo = silos[(n - 1) % silos.Count];
        if (options.StopEvery > 0 && n % options.StopEvery == 0)
            return await StopAndContinue(silo);
        var moment = Stopwatch.GetTimestamp();
        if (options.TermEvery > 0 && n % options.TermEvery == 0)
        {
            var took = await silo.Terminate();
            var handedOver = await Back(moment);
            await silo.Start();
            return ($"{silo.Name} ended in {took.TotalSeconds:F1} s after SIGTERM", handedOver);
        }
        await silo.Kill();
        var back = await Back(moment);
        await silo.Start();
        return ($"{silo.Name} was killed", back);
    }

    /// <summary>A zombie: it owned partitions, others own them now, and it goes on where it was stopped.</summary>
    private async Task<(string What, TimeSpan? Back)> StopAndContinue(SiloNode silo)
    {
        var moment = Stopwatch.GetTimestamp();
        await silo.Stop();
        var back = await Back(moment);
        if (options.StopFor - Stopwatch.GetElapsedTime(moment) is { } rest && rest > TimeSpan.Zero)
            await Task.Delay(rest);
        var continued = Stopwatch.GetTimestamp();
        await silo.Continue();
        var again = await Back(continued);
        // It learns that it was declared dead, and ends; where it was not, it stays.
        var patience = Stopwatch.GetTimestamp();
        while (silo.IsRunning && Stopwatch.GetElapsedTime(patience) < TimeSpan.FromSeconds(5))
            await Task.Delay(LookEvery);
        var ended = !silo.IsRunning;
        if (ended)
            await silo.Start();
        return ($"{silo.Name} was stopped, continued{(ended ? ", found itself declared dead and ended" : " and went on")} (after SIGCONT {FailoverRun.Seconds(again)})", back > again ? back : again);
    }

    private async Task<TimeSpan?> Back(long moment)
    {
        var patience = 3 * options.BackWithin;
        while (Stopwatch.GetElapsedTime(moment) < patience)
        {
            if (load.BackAfter(moment) is { } back)
                return back;
            await Task.Delay(LookEvery);
        }
        return null;
    }
}

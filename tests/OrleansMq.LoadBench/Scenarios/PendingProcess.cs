using System.Diagnostics;
using System.Globalization;
using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;
using OrleansMq.Records;

namespace OrleansMq.LoadBench.Scenarios;

/// <summary>The two processes of <see cref="PendingScenario"/>: one fills a folder and is killed, one opens it again. Each writes its figures to its standard output.</summary>
internal static class PendingProcess
{
    public const string ChildName = "pending-child";
    public const string Fill = "fill";
    public const string Open = "open";

    private const string Topic = "load";
    private const string Done = "done";

    public static Process Start(string role, string folder, Load load, string part) => Process.Start(new ProcessStartInfo(
        Environment.ProcessPath!,
        [ChildName, role, "--data", folder, "--count", $"{load.Count}", "--size", $"{load.Size}", "--partitions", $"{load.Partitions}", "--only", part])
    {
        RedirectStandardOutput = true,
    })!;

    /// <summary>Adds the figures of a process until it says that it has no more.</summary>
    public static async Task Follow(Process process, Bench bench, string part, string role)
    {
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line == Done)
                return;
            var words = line.Split('\t');
            bench.Add($"{part}, {role}: {words[0]}", double.Parse(words[1], CultureInfo.InvariantCulture), words[2]);
        }

        throw new InvalidOperationException($"The process '{role}' ended before it was done.");
    }

    public static async Task<int> RunChild(string[] args)
    {
        var options = BenchOptions.Parse(args[1..]);
        var load = new Load(Topic, options.Count!.Value) { Size = Math.Max(16, options.Size), Partitions = options.Partitions ?? 1 };
        var before = ProcessMemory.Now().Resident;
        var began = Stopwatch.GetTimestamp();
        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Data = options.Data, OnReport = Console.Error.WriteLine });
        if (args[0] == Fill)
            await Filled(broker, load, options.Only, before);
        else
            await Opened(broker, load, before, began);
        return 0;
    }

    private static async Task Filled(EmbeddedBroker broker, Load load, string part, long before)
    {
        await load.CreateTopic(broker);
        var pending = new PendingLoad(load, part);
        var meter = Stopwatch.StartNew();
        await pending.Send(broker);
        Tell("scheduled", load.Count / meter.Elapsed.TotalSeconds, "msgs/s");
        TellMemory(before);
        Tell("log", (double)(await broker.DescribeTopic(load.Topic)).Partitions.Sum(partition => partition.Bytes) / load.Count, "B/msg");
        await pending.SendSoon(broker);
        await Expect(broker, load, load.Count + PendingLoad.Soon);
        Console.WriteLine(Done);
        await Task.Delay(Timeout.Infinite);
    }

    private static async Task Opened(EmbeddedBroker broker, Load load, long before, long began)
    {
        await broker.FindOffset(load.Topic, 0, StartAt.Latest);
        var serving = DateTimeOffset.UtcNow;
        Tell("serving", Stopwatch.GetElapsedTime(began).TotalSeconds, "s");
        TellMemory(before);
        var late = await ReadSoon(broker, load, serving);
        Tell("came due", PendingLoad.Soon, "messages");
        Tell("of them after serving", late.Count, "messages");
        foreach (var share in (double[])[0.5, 0.99, 1])
            Tell($"late, {share * 100:0} of 100", Percentiles.Of(late, share) / 1_000, "ms");
        await Expect(broker, load, load.Count);
        Tell("still waiting", load.Count, "messages");
        TellMemory(before, " at the end");
        Console.WriteLine(Done);
    }

    /// <summary>Reads until all that is due soon has come.</summary>
    /// <returns>How late they were that came due while the process served, in µs.</returns>
    private static async Task<List<double>> ReadSoon(EmbeddedBroker broker, Load load, DateTimeOffset serving)
    {
        var (late, seen, next) = (new List<double>(), new HashSet<long>(), new long[load.Partitions]);
        while (seen.Count < PendingLoad.Soon)
        {
            using var result = await broker.Read(new ReadRequest
            {
                Partitions = [.. next.Select((offset, partition) => new PartitionCursor(load.Topic, partition, offset))],
                Wait = TimeSpan.FromSeconds(5),
            });
            var now = DateTimeOffset.UtcNow;
            foreach (var partition in result.Partitions)
                foreach (var batch in new RecordBatchReader(partition.Batches))
                    foreach (var record in batch.Records())
                    {
                        if (record.Offset < next[partition.Partition])
                            continue;
                        next[partition.Partition] = record.Offset + 1;
                        var (number, due) = PendingLoad.Read(record.Value.Span);
                        // The broker's clock and this one are the same to a millisecond.
                        if (number < load.Count || number >= load.Count + PendingLoad.Soon || !seen.Add(number) || now < due.AddMilliseconds(-1))
                            throw new InvalidOperationException($"Message {number}, due at {due:O}, came twice or too early, at {now:O}.");
                        if (due > serving.AddSeconds(1))
                            late.Add((now - due).TotalMicroseconds);
                    }
        }

        return late;
    }

    private static async Task Expect(EmbeddedBroker broker, Load load, long waiting)
    {
        var found = (await broker.DescribeTopic(load.Topic)).Partitions.Sum(partition => partition.Delayed);
        if (found != waiting)
            throw new InvalidOperationException($"{waiting} messages should wait, {found} do.");
    }

    private static void TellMemory(long before, string when = "")
    {
        var process = ProcessMemory.Now();
        Tell($"resident{when}", (process.Resident - before) / 1e6, "MB");
        Tell($"resident, peak{when}", (process.Peak - before) / 1e6, "MB");
        Tell($"heap{when}", GC.GetTotalMemory(forceFullCollection: true) / 1e6, "MB");
        Tell($"resident, collected{when}", (ProcessMemory.Now().Resident - before) / 1e6, "MB");
    }

    private static void Tell(string name, double value, string unit) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}\t{value}\t{unit}"));
}

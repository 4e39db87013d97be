using System.Diagnostics;
using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class BacklogScenario : IScenario
{
    private static readonly string[] Fifths = ["first", "second", "third", "fourth", "last"];

    public string Name => "backlog";

    public string Summary => "millions appended and not read, then drained: does the last million cost what the first did?";

    public string Help =>
        """
        Messages are appended in batches while nobody reads; then one reader drains them, first as they lie in the page cache, then again after posix_fadvise took the files out of it.
        "first fifth" to "last fifth": the rate of appending. "on disk": what the log counts for each message, and what the file system gave for it. "heap grew": managed memory
        while appending, after a collection; "process": its resident memory then, the tool's own included. Default: 5,000,000 messages accepted (--acks durable for the other), 1 partition.
        """;

    public async Task Run(Bench bench)
    {
        await using var host = await bench.StartBroker();
        var load = Load.Of(bench, 5_000_000, bench.Options.Acks ?? Acks.Accepted);
        await load.CreateTopic(host.Broker);
        await BatchWriting.Run(host.Broker, load with { Count = Math.Min(load.Count / 10, 100_000) });
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await Fill(bench, host, load);
        bench.Add("heap grew", (GC.GetTotalMemory(forceFullCollection: true) - before) / 1e6, "MB");
        bench.Add("process", Environment.WorkingSet / 1e6, "MB");
        var end = (await host.Broker.DescribeTopic(load.Topic)).Partitions;
        var count = end.Sum(partition => partition.End);
        bench.Add("on disk, log", (double)end.Sum(partition => partition.Bytes) / count, "B/msg");
        if (!bench.Options.Memory)
            bench.Add("on disk, file system", (double)host.Folder.AllocatedBytes / count, "B/msg");
        await Drain(bench, host, load, count, "drained, warm");
        if (bench.Options.Memory)
            return;
        foreach (var file in Directory.EnumerateFiles(host.Folder.Path, "*", SearchOption.AllDirectories).Where(file => new FileInfo(file).Length > 1 << 20))
            Disk.Forget(file);
        await Drain(bench, host, load, count, "drained, cold");
    }

    private static async Task Fill(Bench bench, BenchBroker host, Load load)
    {
        long appended = 0;
        var fifth = load.Count / 5;
        // Where each fifth begins; at the end, where the last one ends.
        var passed = new long[Fifths.Length + 1];
        passed[0] = Stopwatch.GetTimestamp();
        await BatchWriting.Run(host.Broker, load, messages =>
        {
            var now = Interlocked.Add(ref appended, messages);
            for (var i = 1; i < Fifths.Length; i++)
                if (now >= i * fifth && now - messages < i * fifth)
                    passed[i] = Stopwatch.GetTimestamp();
        });
        passed[^1] = Stopwatch.GetTimestamp();
        bench.Add("appended", load.Count / Stopwatch.GetElapsedTime(passed[0], passed[^1]).TotalSeconds, "msgs/s");
        for (var i = 0; i < Fifths.Length; i++)
            bench.Add($"appended, {Fifths[i]} fifth", (i < Fifths.Length - 1 ? fifth : load.Count - i * fifth) / Stopwatch.GetElapsedTime(passed[i], passed[i + 1]).TotalSeconds, "msgs/s");
    }

    private static async Task Drain(Bench bench, BenchBroker host, Load load, long count, string part)
    {
        var meter = new Meter();
        await BatchReading.Run(host.Broker, load.Topic, load.Partitions, count);
        meter.Report(bench, part, count);
    }
}

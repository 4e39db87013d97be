using System.Diagnostics;
using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class TopicsScenario : IScenario
{
    private const int AtOnce = 64;
    private const int First = 100;
    private const int UsedAgain = 200;

    private static readonly TimeSpan IdleAfter = TimeSpan.FromSeconds(5);
    /// <summary>Topics are forgotten so long after their partitions.</summary>
    private static readonly TimeSpan ForgottenAfter = 3 * IdleAfter;
#if ORLEANS
    /// <summary>Of a silo. A topic's grain is asked until its partition closes, and is collected within an idle age and two rounds of the collector; the directory's cache forgets it within twice its time.</summary>
    private static readonly TimeSpan CollectedAfter = Cluster.BenchSilo.IdleAge + 2 * TimeSpan.FromMinutes(1) + 2 * Cluster.BenchSilo.DirectoryCacheAge + TimeSpan.FromSeconds(20);
#endif

    private static readonly TimeSpan ClosesWithin = TimeSpan.FromMinutes(30);

    /// <summary>Where a topic's calls got no answer or "later" another one is made and used, so often.</summary>
    private const int Attempts = 10;

    private static readonly TimeSpan AttemptPause = TimeSpan.FromSeconds(1);

    public string Name => "topics";

    public string Summary => "100,000 topics, each made and used once: what they cost when they are idle";

    public string Help =>
        $"""
         {AtOnce} loops side by side make --count topics of one partition (default 100,000) with a queue-style group, put one durable message into each, lease it and acknowledge it. Then
         nobody does anything until the last partition is closed (idle after {IdleAfter.TotalSeconds:0} s; a silo: a minute), and then until it is forgotten, which takes a silo minutes: the directory's cache looks once a minute. "a topic": what there is more than before the first of them, after a collection,
         divided by their number; processor and allocations are this process'. "open files": of the data folder. "used again": one durable message into each of {UsedAgain} topics by chance, one after the other. "started again": a new
         broker on the folder until it has answered about a topic. "tried again": topics begun anew because a call got no answer. Parts: "embedded", and "silo": one silo as a process of its own and an Orleans client in this one (with Orleans).
         """;

    public async Task Run(Bench bench)
    {
        // A broker of its own for each run; what is compiled first does not matter for what stays.
        if (bench.WarmUp)
            return;
        var count = (int)bench.Count(100_000);
        if (bench.Wants("embedded"))
            await Embedded(bench, count);
#if ORLEANS
        if (bench.Wants("silo"))
            await Silo(bench, count);
#endif
    }

    private static async Task Embedded(Bench bench, int count)
    {
        using var folder = bench.Folder();
        var options = new EmbeddedOptions { Data = folder.Path, Journal = bench.Options.Journal, IdleAfter = IdleAfter, OnReport = text => Console.Error.WriteLine($"  broker: {text}") };
        await using (var broker = await EmbeddedBroker.Start(options))
        {
            await Measure(bench, "embedded", broker, count, 0, ForgottenAfter, collected => Task.FromResult(Footprint.OfThisProcess(folder.Path, collected)));
            bench.Add("embedded, on disk a topic", (double)folder.AllocatedBytes / count, "B");
        }

        var began = Stopwatch.GetTimestamp();
        await using (var broker = await EmbeddedBroker.Start(options))
        {
            await broker.DescribeTopic(TopicOf(count - 1));
            bench.Add("embedded, started again", Stopwatch.GetElapsedTime(began).TotalSeconds, "s");
            await broker.ListTopics();
            bench.Add("embedded, and listed", Stopwatch.GetElapsedTime(began).TotalSeconds, "s");
        }
    }

#if ORLEANS
    private static async Task Silo(Bench bench, int count)
    {
        const int partitions = 1;
        await using var silo = await Cluster.BenchSilo.Start(bench, partitions);
        // Its streams read their topic all the time.
        await Measure(bench, "silo", silo.Broker, count, partitions, CollectedAfter, silo.Footprint);
    }
#endif

    private static async Task Measure(Bench bench, string part, IBroker broker, int count, int alwaysOpen, TimeSpan then, Func<bool, Task<Footprint>> look)
    {
        using var stalls = new Stalls("this process");
        var again = 0;
        await Parallel.ForAsync(0, First, (number, _) => Use(broker, $"first{number}"));
        await Closed(look, alwaysOpen);
        var before = await Forgotten(look, then);
        var (most, meter) = (before, new Meter());
        using var done = new CancellationTokenSource();
        var watching = Watch();
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, (number, _) => UseInTheEnd(TopicOf(number)));
        var (seconds, processor, allocated) = (meter.Elapsed.TotalSeconds, meter.Processor, (double)meter.Allocated);
        await done.CancelAsync();
        await watching;
        bench.Add($"{part}, made and used", count / seconds, "topics/s");
        bench.Add($"{part}, tried again", again, "");
        bench.Add($"{part}, processor a topic", processor.TotalMilliseconds / count, "ms");
        bench.Add($"{part}, allocated a topic", allocated / count, "B");
        bench.Add($"{part}, resident at most", (most.Resident - before.Resident) / 1e6, "MB");
        bench.Add($"{part}, open files at most", most.OpenFiles, "");
        meter = new Meter();
        await Closed(look, alwaysOpen);
        bench.Add($"{part}, all closed after", meter.Elapsed.TotalSeconds, "s");
        var after = await Forgotten(look, then);
        bench.Add($"{part}, heap a topic", (double)(after.Heap - before.Heap) / count, "B");
        bench.Add($"{part}, resident a topic", (double)(after.Resident - before.Resident) / count, "B");
        bench.Add($"{part}, open files", after.OpenFiles, "");
        meter = new Meter();
        await broker.ListTopics();
        bench.Add($"{part}, a page of names", meter.Elapsed.TotalMilliseconds, "ms");
        var usedAgain = new List<double>(UsedAgain);
        for (var i = 0; i < UsedAgain; i++)
        {
            meter = new Meter();
            await broker.Publish(TopicOf(Random.Shared.Next(count)), [Message.OfText("again")]);
            usedAgain.Add(meter.Elapsed.TotalMilliseconds);
        }

        bench.Add($"{part}, used again p50", Percentiles.Of(usedAgain, 0.5), "ms");
        bench.Add($"{part}, used again p99", Percentiles.Of(usedAgain, 0.99), "ms");

        async ValueTask UseInTheEnd(string topic)
        {
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    // Under another name: what is left of the one before would be given with it.
                    await Use(broker, attempt == 1 ? topic : $"{topic}.{attempt}");
                    return;
                }
                catch (MqException e) when (attempt < Attempts && (e.IsRetriable || e.Code == ErrorCodes.OutcomeUnknown))
                {
                    Interlocked.Increment(ref again);
                    Console.Error.WriteLine($"  {DateTime.UtcNow:HH:mm:ss} {topic} is tried again: {e.Message}");
                    await Task.Delay(AttemptPause);
                }
            }
        }

        async Task Watch()
        {
            while (!done.IsCancellationRequested)
            {
                var now = await look(false);
                most = new Footprint(Math.Max(most.Heap, now.Heap), Math.Max(most.Resident, now.Resident), Math.Max(most.OpenFiles, now.OpenFiles), 0);
                await Task.WhenAny(Task.Delay(TimeSpan.FromSeconds(10), done.Token));
            }
        }
    }

    private static string TopicOf(int number) => $"topic{number}";

    private static async ValueTask Use(IBroker broker, string topic)
    {
        await broker.PutTopic(topic, new TopicChange { Partitions = 1 });
        await broker.PutGroup(topic, "workers", new GroupChange());
        await broker.Publish(topic, [Message.OfText("once")]);
        await QueueReading.Run(broker, topic, "workers", 1, 1, 1);
    }

    /// <summary>When no log is open any more but those that always are.</summary>
    private static async Task Closed(Func<bool, Task<Footprint>> look, int alwaysOpen)
    {
        for (var waited = Stopwatch.StartNew(); (await look(false)).OpenLogs > alwaysOpen; await Task.Delay(TimeSpan.FromSeconds(1)))
            if (waited.Elapsed > ClosesWithin)
                throw new InvalidOperationException($"Partitions were still open after {ClosesWithin}.");
    }

    private static async Task<Footprint> Forgotten(Func<bool, Task<Footprint>> look, TimeSpan after)
    {
        await Task.Delay(after);
        return await look(true);
    }
}

using System.Diagnostics;
using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class WorkersScenario : IScenario
{
    private static readonly int[] Workers = [1, 2, 4, 16, 64];
    private static readonly TimeSpan Work = TimeSpan.FromMilliseconds(10);

    public string Name => "workers";

    public string Summary => "a queue whose handler takes 10 ms: how much faster with 2, 4, 16, 64 workers?";

    public string Help =>
        """
        A QueueConsumer with nothing set but its workers drains a filled queue; the handler waits 10 ms (a timer's delay, which takes about a millisecond more). "speed-up" is the rate beside
        that of one worker, its limit the number of workers. The rate counts handlers ended between the first and the last. Default: 5 s for each number of workers.
        """;

    public async Task Run(Bench bench)
    {
        await using var host = await bench.StartBroker();
        var acks = bench.Options.Acks ?? Acks.Durable;
        var single = 0.0;
        foreach (var workers in Workers)
        {
            var count = (long)(workers * bench.Duration(5).TotalSeconds / Work.TotalSeconds * 0.9);
            var load = Load.Of(bench, 0, acks, $"load{workers}") with { Count = count };
            await load.CreateTopic(host.Broker);
            await BatchWriting.Run(host.Broker, load);
            var rate = await Handle(host.Broker, load, workers);
            single = workers == 1 ? rate : single;
            bench.Add($"{workers} workers", rate, "msgs/s");
            if (workers > 1)
                bench.Add($"{workers} workers, speed-up", rate / single, "times", workers, $"{workers} workers");
        }
    }

    private static async Task<double> Handle(IBroker broker, Load load, int workers)
    {
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        long handled = 0, first = 0;
        await using var consumer = new QueueConsumer(broker, load.Topic, "workers", async (_, cancel) =>
        {
            Interlocked.CompareExchange(ref first, Stopwatch.GetTimestamp(), 0);
            await Task.Delay(Work, cancel);
            if (Interlocked.Increment(ref handled) == load.Count)
                all.SetResult();
        }, new QueueConsumerOptions { Workers = workers });
        await all.Task;
        return load.Count / Stopwatch.GetElapsedTime(first).TotalSeconds;
    }
}

using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class QueuesScenario : IScenario
{
    private const int AtOnce = 64;
    private const int Messages = 100;

    public string Name => "queues";

    public string Summary => "1,000 queues made, 100 messages into each, drained";

    public string Help =>
        $"""
         {AtOnce} loops side by side. "made": a topic of one partition and its queue-style group. "written": {Messages} messages as one durable batch. "drained": received, and each
         acknowledged by its lease, durably, in calls of {Messages}. --count: how many queues; default 1,000.
         """;

    public async Task Run(Bench bench)
    {
        await using var host = await bench.StartBroker();
        var count = (int)(bench.WarmUp ? 20 : bench.Options.Count ?? 1_000);
        var load = Load.Of(bench, 0, bench.Options.Acks ?? Acks.Durable) with { Count = Messages, Batch = Messages, InFlight = 1, Partitions = 1 };
        var all = new Meter();
        await Phase("made", async load =>
        {
            await load.CreateTopic(host.Broker);
            await host.Broker.PutGroup(load.Topic, "workers", new GroupChange());
        });
        await Phase("written", load => BatchWriting.Run(host.Broker, load));
        await Phase("drained", load => QueueReading.Run(host.Broker, load.Topic, "workers", load.Count, 1, Messages));
        bench.Add($"{count} queues, all", all.Elapsed.TotalSeconds, "s");

        async Task Phase(string name, Func<Load, Task> work)
        {
            var meter = new Meter();
            await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (number, _) => await work(load with { Topic = $"q{number}" }));
            bench.Add($"{count} queues, {name}", meter.Elapsed.TotalSeconds, "s");
        }
    }
}

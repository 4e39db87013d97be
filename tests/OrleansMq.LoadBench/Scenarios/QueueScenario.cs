using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class QueueScenario : IScenario
{
    private const int Consumers = 2;
    private const int SingleConsumers = 64;

    public string Name => "queue";

    public string Summary => "a work queue while it is filled: every message leased and acknowledged by its own lease";

    public string Help =>
        $"""
         Durable: messages are appended in batches, and an acknowledgement is flushed before it is answered. Every message has a lease of its own and is acknowledged by it.
         "calls of N": {Consumers} consumers; one receive brings up to N = --percall messages, one settle carries their leases.
         "calls of 1": {SingleConsumers} consumers side by side, each with one message at a time: a receive and a settle for every message; a twentieth of the messages.
         "consumer": one QueueConsumer with 16 workers whose handler does nothing. Default: 1,000,000 messages, 1 partition.
         """;

    public async Task Run(Bench bench)
    {
        var acks = bench.Options.Acks ?? Acks.Durable;
        if (bench.Wants("calls of many"))
            await Calls(bench, acks, $"calls of {bench.Options.PerCall}", Consumers, bench.Options.PerCall, 1);
        if (bench.Wants("calls of 1"))
            await Calls(bench, acks, "calls of 1", SingleConsumers, 1, 20);
        if (bench.Wants("consumer"))
            await Consumer(bench, acks);
    }

    private static async Task Calls(Bench bench, Acks acks, string part, int consumers, int perCall, int share)
    {
        await using var host = await bench.StartBroker();
        var load = Load.Of(bench, 1_000_000, acks);
        load = load with { Count = load.Count / share };
        await load.CreateTopic(host.Broker);
        await host.Broker.PutGroup(load.Topic, "workers", new GroupChange());
        var meter = new Meter();
        var reading = QueueReading.Run(host.Broker, load.Topic, "workers", load.Count, consumers, perCall);
        await BatchWriting.Run(host.Broker, load);
        var again = await reading;
        meter.Report(bench, part, load.Count);
        bench.Add($"{part}, delivered again", again, "messages");
    }

    private static async Task Consumer(Bench bench, Acks acks)
    {
        await using var host = await bench.StartBroker();
        var load = Load.Of(bench, 1_000_000, acks);
        await load.CreateTopic(host.Broker);
        await host.Broker.PutGroup(load.Topic, "workers", new GroupChange());
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        long handled = 0;
        var meter = new Meter();
        var consumer = new QueueConsumer(host.Broker, load.Topic, "workers", (_, _) =>
        {
            if (Interlocked.Increment(ref handled) == load.Count)
                all.SetResult();
            return Task.CompletedTask;
        }, new QueueConsumerOptions { Workers = 16 });
        await BatchWriting.Run(host.Broker, load);
        await all.Task;
        await consumer.DisposeAsync();
        meter.Report(bench, "consumer", load.Count);
        bench.Add("consumer, acknowledged late", load.Count - consumer.Statistics.Acknowledged, "messages");
    }
}

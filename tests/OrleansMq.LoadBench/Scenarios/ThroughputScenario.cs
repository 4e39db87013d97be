using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class ThroughputScenario : IScenario
{
    public string Name => "throughput";

    public string Summary => "produce and consume at once: batches through IBroker, and messages through Producer and LogConsumer";

    public string Help =>
        """
        "batches": --inflight loops each build a batch of --batch messages and append it; one reader reads all partitions and walks every record.
        "clients": one loop gives messages one by one to a Producer, a LogConsumer hands them to a handler in the lists it reads.
        The time ends when the last message was read and the last append acknowledged. "stored" is what the log grew by, beside the disk's limit. Default: 3,000,000 messages
        ("clients": a third of that), 1 partition.
        """;

    public async Task Run(Bench bench)
    {
        foreach (var acks in bench.Options.AckLevels)
        {
            if (bench.Wants("batches"))
                await Batches(bench, acks);
            if (bench.Wants("clients"))
                await Clients(bench, acks);
        }
    }

    private static async Task Batches(Bench bench, Acks acks)
    {
        await using var host = await bench.StartBroker();
        var load = Load.Of(bench, 3_000_000, acks);
        await load.CreateTopic(host.Broker);
        var meter = new Meter();
        await Task.WhenAll(
            BatchWriting.Run(host.Broker, load),
            Task.Run(() => BatchReading.Run(host.Broker, load.Topic, load.Partitions, load.Count)));
        await Report(bench, host, meter, load, $"batches, {acks}");
    }

    private static async Task Clients(Bench bench, Acks acks)
    {
        await using var host = await bench.StartBroker();
        var load = Load.Of(bench, 3_000_000, acks);
        load = load with { Count = load.Count / 3 };
        await load.CreateTopic(host.Broker);
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        long handled = 0;
        var meter = new Meter();
        await using (var producer = new Producer(host.Broker, load.Topic, new ProducerOptions { Acks = acks }))
        {
            await using var consumer = new LogConsumer(host.Broker, load.Topic, "readers", (messages, _) =>
            {
                if (Interlocked.Add(ref handled, messages.Count) >= load.Count)
                    all.TrySetResult();
                return Task.CompletedTask;
            }, new LogConsumerOptions { CommitInterval = TimeSpan.FromMilliseconds(100), OnError = error => Console.Error.WriteLine($"  consumer: {error.Message}") });
            await Task.Run(() => Produce(producer, load));
            await all.Task;
            await Report(bench, host, meter, load, $"clients, {acks}");
        }
    }

    private static async Task Produce(Producer producer, Load load)
    {
        var body = load.NewBody();
        for (long i = 0; i < load.Count; i++)
            await producer.Enqueue(new Message { Body = body });
        await producer.Flush();
    }

    private static async Task Report(Bench bench, BenchBroker host, Meter meter, Load load, string part)
    {
        var seconds = meter.Report(bench, part, load.Count);
        var stored = (await host.Broker.DescribeTopic(load.Topic)).Partitions.Sum(partition => partition.Bytes);
        bench.Add($"{part}, stored", stored / seconds / 1e6, "MB/s", bench.Limits.LargeFlushMbPerSecond, Limits.LargeFlush);
    }
}

using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class FanoutScenario : IScenario
{
    private const int Groups = 10;

    public string Name => "fanout";

    public string Summary => "one topic to 10 groups";

    public string Help =>
        $"""
         Messages are appended in batches while {Groups} log-style groups read them, each with a reader of its own that walks every record and commits after each read.
         The rate is deliveries: messages times {Groups}. Default: 1,000,000 messages, 1 partition.
         """;

    public async Task Run(Bench bench)
    {
        foreach (var acks in bench.Options.AckLevels)
            await Run(bench, acks);
    }

    private static async Task Run(Bench bench, Acks acks)
    {
        await using var host = await bench.StartBroker();
        var load = Load.Of(bench, 1_000_000, acks);
        await load.CreateTopic(host.Broker);
        foreach (var group in Enumerable.Range(0, Groups))
            await host.Broker.PutGroup(load.Topic, $"g{group}", new GroupChange { Style = GroupStyle.Log });
        var meter = new Meter();
        var reading = Enumerable.Range(0, Groups).Select(group => Task.Run(() => BatchReading.Run(host.Broker, load.Topic, load.Partitions, load.Count, (_, next) => Commit(host.Broker, load.Topic, $"g{group}", next))));
        await Task.WhenAll([.. reading, BatchWriting.Run(host.Broker, load)]);
        meter.Report(bench, $"delivered, {acks}", load.Count * Groups);
    }

    private static ValueTask Commit(EmbeddedBroker broker, TopicName topic, GroupName group, long[] next) =>
        broker.Commit(topic, group, new CommitRequest([.. next.Select((offset, partition) => new Position(partition, offset))]));
}

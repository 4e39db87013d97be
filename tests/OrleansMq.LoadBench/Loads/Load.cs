using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Loads;

/// <summary>What is sent.</summary>
internal sealed record Load(TopicName Topic, long Count)
{
    public int Size { get; init; } = 100;
    public int Batch { get; init; } = 100;
    public int Partitions { get; init; } = 1;
    public int InFlight { get; init; } = 256;
    public Acks Acks { get; init; } = Acks.Durable;

    public static Load Of(Bench bench, long standardCount, Acks acks, string topic = "load", int partitions = 1) => new(topic, bench.Count(standardCount))
    {
        Size = bench.Options.Size,
        Batch = bench.Options.Batch,
        Partitions = bench.Options.Partitions ?? partitions,
        InFlight = bench.Options.InFlight,
        Acks = acks,
    };

    /// <summary>Makes the topic. Where messages are accepted, readers too see what is not flushed yet.</summary>
    public async Task CreateTopic(IBroker broker) =>
        await broker.PutTopic(Topic, new TopicChange { Partitions = Partitions, Acks = Change<Acks?>.To(Acks) });

    /// <summary>Bytes by chance, so that nothing on the way can profit from zeros.</summary>
    public byte[] NewBody()
    {
        var body = new byte[Size];
        Random.Shared.NextBytes(body);
        return body;
    }
}

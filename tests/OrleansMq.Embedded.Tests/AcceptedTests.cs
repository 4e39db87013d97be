using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>When readers see what is accepted and not flushed yet. Nothing is flushed by the clock here.</summary>
public sealed class AcceptedTests
{
    private static readonly PublishOptions Accepted = new() { Acks = Acks.Accepted };
    private static readonly TimeSpan Enough = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task WhoeverWaitsIsGivenItAsSoonAsItIsFlushedForHim()
    {
        await using var broker = await Start(Acks.Durable);
        var reading = Read(broker, Enough);
        await broker.Publish("t", [Message.OfText("a")], Accepted);

        Assert.Equal(1, await reading);
    }

    [Fact]
    public async Task SoIsWhoeverComesAfterIt()
    {
        await using var broker = await Start(Acks.Durable);
        await broker.Publish("t", [Message.OfText("a")], Accepted);

        Assert.Equal(1, await Read(broker, Enough));
    }

    [Fact]
    public async Task WhoeverDoesNotWaitSeesNothingThatACrashCouldTake()
    {
        await using var broker = await Start(Acks.Durable);
        await broker.Publish("t", [Message.OfText("a")], Accepted);

        Assert.Equal(0, await Read(broker, TimeSpan.Zero));
    }

    [Fact]
    public async Task WhereTheBrokerTakesAcknowledgementsToMeanNoMoreItIsSeenAtOnce()
    {
        await using var broker = await Start(Acks.Accepted);
        await broker.Publish("t", [Message.OfText("a")]);

        Assert.Equal(1, await Read(broker, TimeSpan.Zero));
    }

    private static async Task<EmbeddedBroker> Start(Acks acks)
    {
        var broker = await EmbeddedBroker.Start(new EmbeddedOptions { DefaultAcks = acks, FlushInterval = TimeSpan.FromHours(1) });
        await broker.PutTopic("t", new());
        return broker;
    }

    private static async Task<long> Read(EmbeddedBroker broker, TimeSpan wait)
    {
        using var read = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor("t", 0, 0)], Wait = wait });
        return read.Partitions[0].End;
    }
}

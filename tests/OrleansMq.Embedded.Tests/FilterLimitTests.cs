using OrleansMq.Core.Filters;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>However little a filter lets through, no call looks through a log for ever, and the next goes on where it ended.</summary>
public sealed class FilterLimitTests
{
    private const int AtOnce = 16_384;

    [Fact]
    public async Task AReceiveLooksSoFarAndTheNextGoesOn()
    {
        const int Before = (FilterLimits.MaxLooksOfReceive * AtOnce) + 20_000;
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { Filter = $"mq.offset >= {Before}" });
        foreach (var some in Enumerable.Range(0, Before + 1).Select(_ => Message.OfText("")).Chunk(10_000))
            await broker.Publish("t", some);

        Assert.Empty(await broker.Receive("t", "g", new() { Max = 1 }));

        Assert.InRange((await broker.DescribeGroup("t", "g")).Partitions[0].Filtered, FilterLimits.MaxLooksOfReceive * AtOnce, Before);
        Assert.Equal(Before, Assert.Single(await broker.Receive("t", "g", new() { Max = 1 })).Position.Offset);
    }

    [Fact]
    public async Task WhoWaitsGoesOnByItself()
    {
        const int Before = (FilterLimits.MaxLooksOfReceive * AtOnce) + 20_000;
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { Filter = $"mq.offset >= {Before}" });
        foreach (var some in Enumerable.Range(0, Before + 1).Select(_ => Message.OfText("")).Chunk(10_000))
            await broker.Publish("t", some);

        Assert.Equal(Before, Assert.Single(await broker.Receive("t", "g", new() { Max = 1, Wait = TimeSpan.FromMinutes(1) })).Position.Offset);
    }

    [Fact]
    public async Task AReadLooksSoFarAndSaysWhereToGoOn()
    {
        const int Messages = 20, Size = 1_000_000;
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new());
        for (var i = 0; i < Messages; i++)
            await broker.Publish("t", [new Message { Body = new byte[Size] }]);

        var first = await Read(broker, 0);

        Assert.InRange(first, FilterLimits.MaxBytesOfRead / Size, Messages - 1);
        Assert.Equal(Messages, await Read(broker, first));
    }

    [Fact]
    public async Task AReadOfManyPartitionsLooksSoFarInAllOfThemTogether()
    {
        const int Partitions = 4, Each = 8, Size = 1_000_000;
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new() { Partitions = Partitions });
        for (var i = 0; i < Partitions * Each; i++)
            await broker.Publish("t", [new Message { Partition = i % Partitions, Body = new byte[Size] }]);

        using var result = await broker.Read(new ReadRequest { Partitions = [.. Enumerable.Range(0, Partitions).Select(p => new PartitionCursor("t", p, 0))], Filter = "FALSE" });

        var looked = result.Partitions.Sum(read => read.Batches.IsEmpty ? 0 : RecordBatch.ReadExactly(read.Batches).LastOffset + 1);
        Assert.InRange(looked, FilterLimits.MaxBytesOfRead / Size, (FilterLimits.MaxBytesOfRead / Size) + 2);
        Assert.All(result.Partitions, read => Assert.Equal(Each, read.End));
    }

    [Fact]
    public async Task WhoWaitsForMuchIsAnsweredAsSoonAsSomethingWasLookedThrough()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Message.OfText("")]);

        using var result = await broker.Read(
            new ReadRequest { Partitions = [new PartitionCursor("t", 0, 0)], Filter = "FALSE", MinBytes = 1 << 20, Wait = TimeSpan.FromDays(1) }).AsTask().WaitAsync(TimeSpan.FromMinutes(5));

        Assert.Equal(0, RecordBatch.ReadExactly(result.Partitions[0].Batches).LastOffset);
    }

    [Fact]
    public async Task WhoseCallIsCancelledIsNotReadFor()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Message.OfText("")]);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            await broker.Read(new ReadRequest { Partitions = [new PartitionCursor("t", 0, 0)], Filter = "FALSE" }, new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task AReconciliationPassesNothingOverInAPausedGroup()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { Filter = "FALSE", Paused = true });
        await broker.Publish("t", [Message.OfText("")]);

        Assert.Empty((await broker.Reconcile("t", "g", new())).Messages);
        Assert.Equal(0, (await broker.DescribeGroup("t", "g")).Partitions[0].Filtered);
        await broker.PutGroup("t", "g", new() { Paused = false });
        await broker.Reconcile("t", "g", new());
        Assert.Equal(1, (await broker.DescribeGroup("t", "g")).Partitions[0].Filtered);
    }

    private static async Task<long> Read(EmbeddedBroker broker, long from)
    {
        using var result = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor("t", 0, from)], Filter = "FALSE" });
        var batch = RecordBatch.ReadExactly(result.Partitions[0].Batches);
        Assert.Equal(0, batch.Count);
        return batch.LastOffset + 1;
    }
}

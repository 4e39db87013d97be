using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>What a growth leaves behind where a document can't be written.</summary>
public sealed class GrowthStorageTests
{
    private static readonly TimeSpan Session = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task AGroupWhoseSharesCanNotBeStoredHoldsUpNoOtherAndSharesLater()
    {
        var (volatileStorage, failing, reports) = (new VolatileStorage(), false, new List<string>());
        var storage = new HandedOnStorage(volatileStorage, documents: new FailingDocuments(volatileStorage.Documents, key => failing && key.EndsWith("/a", StringComparison.Ordinal)));
        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, OnReport = reports.Add });
        await broker.PutTopic("t", new() { Partitions = 1 });
        var before = await broker.Join("t", "a", "m", Session);
        await broker.Join("t", "b", "m", Session);

        failing = true;
        await broker.GrowTopic("t", 2);
        failing = false;

        Assert.Contains(reports, report => report.Contains("group a", StringComparison.Ordinal));
        Assert.Equal([0, 1], (await broker.Join("t", "b", "m", Session)).Partitions);
        // The member's next word tells it.
        Assert.Equal(ErrorCodes.GenerationStale, (await Assert.ThrowsAsync<MqException>(async () =>
        {
            await broker.Heartbeat("t", "a", "m", before.Generation);
            await broker.Heartbeat("t", "a", "m", before.Generation);
        })).Code);
        Assert.Equal([0, 1], (await broker.Join("t", "a", "m", Session)).Partitions);
    }

    [Fact]
    public async Task ACommitIsDoneAlsoWhereTheSharesThatItReleasesCanNotBeStored()
    {
        var (volatileStorage, failing) = (new VolatileStorage(), false);
        var storage = new HandedOnStorage(volatileStorage, documents: new FailingDocuments(volatileStorage.Documents, key => failing && key.EndsWith("/a", StringComparison.Ordinal)));
        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage });
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.Publish("t", [Message.OfText("before")]);
        await broker.Join("t", "a", "m", Session);
        await broker.GrowTopic("t", 2);
        var waits = await broker.Join("t", "a", "m", Session);
        Assert.Equal([0], waits.Partitions);

        failing = true;
        await broker.Commit("t", "a", new CommitRequest([new Position(0, 1)], "m", waits.Generation));
        Assert.Equal(1, (await broker.DescribeGroup("t", "a")).Partitions[0].Cursor);
        failing = false;

        Assert.Equal(ErrorCodes.GenerationStale, (await Assert.ThrowsAsync<MqException>(async () =>
        {
            await broker.Heartbeat("t", "a", "m", waits.Generation);
            await broker.Heartbeat("t", "a", "m", waits.Generation);
        })).Code);
        Assert.Equal([0, 1], (await broker.Join("t", "a", "m", Session)).Partitions);
    }

    /// <summary>A seek is done where its cursors are; what follows for the shares is found again, by the same broker and by one that knows only what is stored.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ASeekWhoseSharesCanNotBeStoredLetsNothingPast(bool restarted)
    {
        var (volatileStorage, failing) = (new VolatileStorage(), false);
        var storage = new HandedOnStorage(volatileStorage, documents: new FailingDocuments(volatileStorage.Documents, key => failing && key.EndsWith("/a", StringComparison.Ordinal)));
        var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage });
        try
        {
            await broker.PutTopic("t", new() { Partitions = 1 });
            await broker.Publish("t", [Message.OfText("before")]);
            await broker.Join("t", "a", "m", Session);
            await broker.GrowTopic("t", 2);
            await broker.Commit("t", "a", new CommitRequest([new Position(0, 1)]));
            Assert.Equal([0, 1], (await broker.Join("t", "a", "m", Session)).Partitions);

            failing = true;
            await broker.Seek("t", "a", SeekRequest.Everywhere(StartAt.Earliest));
            Assert.Equal(0, (await broker.DescribeGroup("t", "a")).Partitions[0].Cursor);
            failing = false;
            if (restarted)
            {
                await broker.DisposeAsync();
                broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage });
            }

            Assert.Equal([0], (await broker.Join("t", "a", "m", Session)).Partitions);
            await broker.Commit("t", "a", new CommitRequest([new Position(0, 1)]));
            Assert.Equal([0, 1], (await broker.Join("t", "a", "m", Session)).Partitions);
        }
        finally
        {
            await broker.DisposeAsync();
        }
    }

    private sealed class FailingDocuments(IDocuments documents, Func<string, bool> fails) : HandedOnDocuments(documents)
    {
        public override ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion) =>
            fails(key) ? throw new LogFullException($"No room for {key}.") : base.Put(key, bytes, expectedVersion);
    }
}

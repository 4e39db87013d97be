using OrleansMq.Conformance;
using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>That a group is used stands in its document; where that can't be written, what was settled is settled all the same.</summary>
public sealed class NotedUseTests
{
    private static readonly TimeSpan Session = TimeSpan.FromMinutes(5);

    private readonly ManualTime _time = new();
    private readonly VolatileStorage _storage = new();
    private readonly List<string> _reports = [];
    private FullDocuments _documents = null!;

    [Fact]
    public void AnAcknowledgementIsDoneThoughItsGroupsUseCantBeNoted() => StoryThread.Run(async () =>
    {
        await using var broker = await Open();
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Message.OfText("a"), Message.OfText("b"), Message.OfText("c")]);
        await broker.Receive("t", "g", new() { Max = 3, Lease = TimeSpan.FromHours(10) });
        _time.Advance(TimeSpan.FromHours(2));
        _documents.IsFull = true;

        await Acknowledge(broker, 0);
        await Acknowledge(broker, 1);

        Assert.Equal(1, (await broker.DescribeGroup("t", "g")).Partitions[0].Lag);
        Assert.Contains("'g' is used could not be noted", Assert.Single(_reports), StringComparison.Ordinal);
        _documents.IsFull = false;
        var written = _documents.Written;
        await Acknowledge(broker, 2);
        Assert.Equal(written, _documents.Written);
        await _time.Pass(GroupEngine.NoteRetry);
        await Acknowledge(broker, 2);
        Assert.Equal(written + 1, _documents.Written);
        await Acknowledge(broker, 2);
        Assert.Equal(written + 1, _documents.Written);
    });

    [Fact]
    public void AMemberStaysThoughItsGroupsUseCantBeNoted() => StoryThread.Run(async () =>
    {
        await using var broker = await Open();
        await broker.PutTopic("t", new());
        var generation = (await broker.Join("t", "g", "m", Session)).Generation;
        _documents.IsFull = true;

        for (var i = 0; i < 20; i++)
        {
            await _time.Pass(Session - TimeSpan.FromMinutes(1));
            await broker.Heartbeat("t", "g", "m", generation);
        }

        Assert.Contains(_reports, report => report.Contains("'g' is used could not be noted", StringComparison.Ordinal));
        Assert.Equal("m", Assert.Single((await broker.DescribeGroup("t", "g")).Members).Member);
    });

    /// <summary>Who had it before would delete it, and with it what is acknowledged.</summary>
    [Fact]
    public void AnEphemeralGroupIsTakenBeforeAnythingOfItIsSettled() => StoryThread.Run(async () =>
    {
        await using (var before = await Open())
        {
            await before.PutTopic("t", new());
            await before.PutGroup("t", "g", new() { DeleteAfterIdle = (TimeSpan?)TimeSpan.FromHours(1) });
        }

        await using var broker = await Open();
        _documents.IsFull = true;
        Assert.Equal(ErrorCodes.DiskFull, (await Assert.ThrowsAsync<MqException>(() => Acknowledge(broker, 0))).Code);
        _documents.IsFull = false;

        await Acknowledge(broker, 0);
    });

    private static async Task Acknowledge(EmbeddedBroker broker, long offset) =>
        Assert.Null(Assert.Single(await broker.Settle("t", "g", Settlement.AcknowledgeUpTo(new Position(0, offset)))).Code);

    private async Task<EmbeddedBroker> Open()
    {
        _documents = new FullDocuments(_storage.Documents);
        return await EmbeddedBroker.Start(new EmbeddedOptions { Storage = new HandedOnStorage(_storage, documents: _documents), Time = _time, OnReport = _reports.Add });
    }

    /// <summary>Documents that find no room when the story says so.</summary>
    private sealed class FullDocuments(IDocuments documents) : HandedOnDocuments(documents)
    {
        public bool IsFull { get; set; }

        public int Written { get; private set; }

        public override ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion)
        {
            if (IsFull)
                throw new LogFullException("The disk is full.");
            Written++;
            return base.Put(key, bytes, expectedVersion);
        }
    }
}

using OrleansMq.Conformance;
using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>A group that was deleted holds nothing back.</summary>
public sealed class DeletedGroupTests
{
    private readonly ManualTime _time = new();
    private readonly List<string> _reports = [];

    [Fact]
    public void AlsoWhereThePartitionWasNotOpenThen() => StoryThread.Run(async () =>
    {
        await using var storage = new VolatileStorage();
        await using (var before = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, Time = _time }))
        {
            await before.PutTopic("t", new() { Retention = TimeSpan.FromHours(1) });
            await before.PutGroup("t", "gone", new());
            await before.PutGroup("t", "g", new());
            await before.Publish("t", [Message.OfText("a")]);
        }

        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, Time = _time });
        await broker.DeleteGroup("t", "gone");
        var delivery = Assert.Single(await broker.Receive("t", "g", new ReceiveRequest()));
        await broker.Settle("t", "g", Settlement.Acknowledge(delivery.Lease));
        await _time.Pass(TimeSpan.FromHours(2));
        await broker.DescribeTopic("t");
        await _time.Pass(TimeSpan.FromMinutes(1));

        Assert.Empty(await broker.ReadAll("t"));
    });

    [Fact]
    public void OneThatCantBeDroppedOnAFullDiskKeepsNobodyFromThePartition() => StoryThread.Run(async () =>
    {
        var logs = new Logs();
        await using var broker = await WithoutItsGroup(logs);
        logs.Fault = new LogFullException("The disk is full.");

        Assert.Null(Assert.Single((await broker.DescribeTopic("t")).Partitions).Error);

        Assert.Contains(_reports, report => report.Contains("'gone' is deleted", StringComparison.Ordinal));
        logs.Fault = null;
        // A partition that found no room does not try for a while.
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.All(await broker.Publish("t", [Message.OfText("b")]), result => Assert.Null(result.Error));
    });

    [Fact]
    public void WhereItsDropFailsThePartitionIsClosedAndOpenedAnewByTheNextUse() => StoryThread.Run(async () =>
    {
        var logs = new Logs();
        await using var broker = await WithoutItsGroup(logs);
        logs.Fault = new LogFailedException("The disk is away.");
        Assert.NotNull(Assert.Single((await broker.DescribeTopic("t")).Partitions).Error);
        Assert.Equal(0, logs.Open);
        logs.Fault = null;

        Assert.All(await broker.Publish("t", [Message.OfText("b")]), result => Assert.Null(result.Error));

        Assert.Equal(1, logs.Open);
    });

    /// <summary>Its partition knows the group still, and is not open.</summary>
    private async Task<EmbeddedBroker> WithoutItsGroup(Logs logs)
    {
        var storage = new HandedOnStorage(new VolatileStorage(), logs.Of);
        await using (var before = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, Time = _time }))
        {
            await before.PutTopic("t", new());
            await before.PutGroup("t", "gone", new());
            await before.Publish("t", [Message.OfText("a")]);
        }

        var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, Time = _time, OnReport = _reports.Add });
        await broker.DeleteGroup("t", "gone");
        Assert.Equal(0, logs.Open);
        return broker;
    }

    private sealed class Logs
    {
        public StorageException? Fault { get; set; }

        public int Open { get; set; }

        public FaultyLog Of(IPartitionLog log)
        {
            Open++;
            return new FaultyLog(log, this);
        }
    }

    private sealed class FaultyLog(IPartitionLog log, Logs logs) : HandedOnLog(log)
    {
        public override async ValueTask Append(ReadOnlyMemory<byte> frames, bool flush)
        {
            if (logs.Fault is { } fault)
                throw fault;
            await base.Append(frames, flush);
        }

        public override async ValueTask DisposeAsync()
        {
            logs.Open--;
            await base.DisposeAsync();
        }
    }
}

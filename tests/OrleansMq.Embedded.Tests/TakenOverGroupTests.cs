using OrleansMq.Conformance;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files;
using OrleansMq.Storage.Files.Shared;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>Another process takes a shared volume over while the one before lives and does not know: what that one still does to groups takes nothing from those who use them now.</summary>
public sealed class TakenOverGroupTests
{
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(2);
    private static readonly GroupChange Ephemeral = new() { DeleteAfterIdle = (TimeSpan?)Idle, From = StartAt.Latest };

    private readonly ManualTime _time = new();
    private readonly SimDisk _disk = new(1);

    [Fact]
    public void AGroupThatIsUsedAtTheNewOneIsNotDeletedByTheOldOne() => StoryThread.Run(async () =>
    {
        await using var before = await Open();
        await before.PutTopic("t", new());
        var id = (await before.PutGroup("t", "g", Ephemeral)).Id;
        // It holds the partition open for the group's sake, and has no cause to write in it.
        await using var after = await Open();

        for (var i = 0; i < 8; i++)
        {
            Assert.Empty(await after.Receive("t", "g", new() { GroupId = id }));
            await _time.Pass(Idle / 2);
        }

        await using var last = await Open();
        Assert.Equal(id, (await last.DescribeGroup("t", "g")).Id);
    });

    [Fact]
    public void AGroupThatWasMadeAgainKeepsItsPlaceWhereTheOldOneOpensAPartition() => StoryThread.Run(async () =>
    {
        await using var before = await Open();
        await RestingTopic(before, "g");
        Guid id;
        await using (var after = await Open())
        {
            await after.DeleteGroup("t", "g");
            id = (await after.PutGroup("t", "g", new() { From = StartAt.Latest })).Id;
            await after.Publish("t", [Message.OfText("a")]);
        }

        await before.Publish("t", [Message.OfText("b")]);

        await using var last = await Open();
        var deliveries = await last.Receive("t", "g", new() { Max = 10, GroupId = id });
        Assert.Equal(["a", "b"], deliveries.Select(delivery => delivery.BodyText));
    });

    [Fact]
    public void AGroupThatTheOldOneDeletedIsGoneAtTheNewOne() => StoryThread.Run(async () =>
    {
        await using var before = await Open();
        await before.PutTopic("t", new());
        var id = (await before.PutGroup("t", "g", Ephemeral)).Id;
        await using var after = await Open();
        await after.DescribeGroup("t", "g");
        await before.DeleteGroup("t", "g").AsTask().ContinueWith(_ => { }, TaskScheduler.Current);

        var first = await Assert.ThrowsAsync<MqException>(async () => await after.Receive("t", "g", new() { GroupId = id }));
        var then = await Assert.ThrowsAsync<MqException>(async () => await after.Receive("t", "g", new() { GroupId = id }));

        Assert.True(first.IsRetriable);
        Assert.Equal(ErrorCodes.GroupUnknown, then.Code);
        Assert.Empty((await after.ListGroups("t")).Items);
    });

    [Fact]
    public void AGroupThatIsOnlySettledAtTheNewOneIsNotDeletedByTheOldOne() => StoryThread.Run(async () =>
    {
        await using var before = await Open();
        await before.PutTopic("t", new());
        var id = (await before.PutGroup("t", "g", Ephemeral)).Id;
        await before.Publish("t", [.. Enumerable.Range(0, 9).Select(n => Message.OfText($"{n}"))]);
        await using var after = await Open();

        for (var i = 0; i < 8; i++)
        {
            Assert.Null(Assert.Single(await after.Settle("t", "g", Settlement.AcknowledgeUpTo(new Position(0, i)))).Code);
            await _time.Pass(Idle / 2);
        }

        await using var last = await Open();
        Assert.Equal(id, (await last.DescribeGroup("t", "g")).Id);
    });

    /// <summary>The one that took the volume over has not heard either that the one before goes on.</summary>
    [Fact]
    public void AGroupThatIsUsedAtTheOldOneAgainIsNotDeletedByTheNewOne() => StoryThread.Run(async () =>
    {
        await using var before = await Open(idleAfter: Idle / 8);
        await before.PutTopic("t", new() { Partitions = 2 });
        var id = (await before.PutGroup("t", "g", Ephemeral)).Id;
        // The first partition stays open for the group's sake, the other is closed.
        await _time.Pass(Idle / 2);
        await using var after = await Open();
        Assert.Empty(await after.Receive("t", "g", new() { GroupId = id }));

        for (var i = 0; i < 8; i++)
        {
            await Tried(() => before.Receive("t", "g", new() { GroupId = id }));
            await _time.Pass(Idle / 2);
        }

        await using var last = await Open();
        Assert.Equal(id, (await last.DescribeGroup("t", "g")).Id);
    });

    [Fact]
    public void AGroupThatTheOldOneNeverHeardOfKeepsItsPlaceWhenItsTimeIsOverThere() => StoryThread.Run(async () =>
    {
        await using var before = await Open();
        await RestingTopic(before);
        Guid id;
        await using (var after = await Open())
            id = (await after.PutGroup("t", "g", Ephemeral)).Id;

        await before.Publish("t", [Message.OfText("a")]);
        await _time.Pass(Idle * 2);

        await using var last = await Open();
        Assert.Equal("a", Assert.Single(await last.Receive("t", "g", new() { GroupId = id })).BodyText);
    });

    [Fact]
    public void AGroupThatTheNewOneMadeIsFoundByTheOldOneThatWouldMakeIt() => StoryThread.Run(async () =>
    {
        await using var before = await Open();
        await RestingTopic(before);
        Guid id;
        await using (var after = await Open())
            id = (await after.PutGroup("t", "g", new() { MaxDeliveries = 7, From = StartAt.Latest })).Id;

        Assert.Empty(await before.Receive("t", "g", new()));

        var found = await before.PutGroup("t", "g", new());
        Assert.False(found.Created);
        Assert.Equal((id, 7), (found.Id, found.Settings.MaxDeliveries));
    });

    [Fact]
    public void WhoIsRefusedBecauseAnotherProcessChangedTheGroupIsServedByWhatIsStored() => StoryThread.Run(async () =>
    {
        await using var before = await Open();
        await before.PutTopic("t", new());
        await before.PutGroup("t", "g", new() { Style = GroupStyle.Log });
        await using (var after = await Open())
            await after.PutGroup("t", "g", new() { Style = GroupStyle.Log, MaxBytes = (long?)1_000 });

        var refusal = await Assert.ThrowsAsync<MqException>(async () => await before.Join("t", "g", "m", TimeSpan.FromMinutes(1)));
        Assert.Equal((ErrorCodes.PartitionUnavailable, true), (refusal.Code, refusal.IsRetriable));

        Assert.Equal([0], (await before.Join("t", "g", "m", TimeSpan.FromMinutes(1))).Partitions);
        Assert.Equal(1_000, (await before.DescribeGroup("t", "g")).Settings.MaxBytes);
    });

    /// <summary>Its partition is closed, and for what waits in it the topic is not forgotten.</summary>
    private async Task RestingTopic(EmbeddedBroker broker, string group = "other")
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", group, new() { From = StartAt.Latest });
        await broker.Publish("t", [Message.OfText("waits")]);
        await _time.Pass(3 * new EmbeddedOptions().IdleAfter);
    }

    private static async Task Tried(Func<ValueTask<IReadOnlyList<Delivery>>> receive)
    {
        try
        {
            await receive();
        }
        catch (MqException refusal) when (refusal.IsRetriable)
        {
            // As a consumer that tries again.
        }
    }

    private async Task<EmbeddedBroker> Open(TimeSpan? idleAfter = null) => await EmbeddedBroker.Start(new EmbeddedOptions
    {
        IdleAfter = idleAfter ?? new EmbeddedOptions().IdleAfter,
        Storage = new SharedFileStorage(new FileStorageOptions { Directory = "/data" }, _disk, new InlineIo()),
        Time = _time,
    });
}

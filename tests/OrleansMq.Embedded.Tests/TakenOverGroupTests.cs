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
        await before.PutTopic("t", new());
        await before.PutGroup("t", "g", new() { From = StartAt.Latest });
        // Its partition is closed, and for what waits in it the topic is not forgotten.
        await before.Publish("t", [Message.OfText("waits")]);
        await _time.Pass(3 * new EmbeddedOptions().IdleAfter);
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

    private async Task<EmbeddedBroker> Open() => await EmbeddedBroker.Start(new EmbeddedOptions
    {
        Storage = new SharedFileStorage(new FileStorageOptions { Directory = "/data" }, _disk, new InlineIo()),
        Time = _time,
    });
}

using System.Collections.Concurrent;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Every instance gets every message from the moment it joined, and leaves nothing behind.</summary>
public abstract class BroadcastContract : BrokerContract
{
    private static readonly GroupChange Ephemeral = new() { DeleteAfterIdle = (TimeSpan?)TimeSpan.FromMinutes(5) };

    [Fact]
    public Task EachInstanceGetsEveryMessageFromTheMomentItJoined() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await Publish(broker, "t", "before");
        var (one, other) = (new Instance(), new Instance());
        await using var first = await Join(broker, one);
        await Publish(broker, "t", "1", "2");
        await Until(one.Got(2));
        await using var second = await Join(broker, other);
        await Publish(broker, "t", "3", "4");

        await Until(one.Got(4));
        await Until(other.Got(2));

        Assert.Equal(["1", "2", "3", "4"], one.Bodies.Order());
        Assert.Equal(["3", "4"], other.Bodies.Order());
        Assert.NotEqual(first.Group, second.Group);
        Assert.Equal((false, 0), (second.Resumed, second.Gaps));
    });

    [Fact]
    public Task OneThatIsDisposedLeavesNothingBehind() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using (var consumer = await Join(broker, new()))
            Assert.Equal([consumer.Group], (await broker.ListGroups("t")).Items);

        Assert.Empty((await broker.ListGroups("t")).Items);
    });

    [Fact]
    public Task OneThatComesBackUnderItsNameGoesOnWhereItWas() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "mine", Ephemeral);
        await Publish(broker, "t", "while it was away");
        var instance = new Instance();

        await using var consumer = await Join(broker, instance, new() { Group = "mine" });
        await Until(instance.Got(1));

        Assert.Equal(["while it was away"], instance.Bodies);
        Assert.True(consumer.Resumed);
        Assert.Equal(0, consumer.Gaps);
    });

    [Fact]
    public Task OneWhoseGroupIsGoneMakesItAgainAndSaysThatMessagesMayBeMissed() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var instance = new Instance();
        await using var consumer = await Join(broker, instance);
        await Publish(broker, "t", "1");
        await Until(instance.Got(1));

        await broker.DeleteGroup("t", consumer.Group);
        await Publish(broker, "t", "perhaps missed");
        var gap = await Until(instance.Gap.Task);
        await Publish(broker, "t", "2");
        await Until(Eventually(() => instance.Bodies.Contains("2")));

        Assert.Equal((BroadcastGapReason.GroupDeleted, consumer.Group, 1), (gap.Reason, gap.Group, consumer.Gaps));
        Assert.Equal([consumer.Group], (await broker.ListGroups("t")).Items);
    });

    [Fact]
    public Task OneWhoseMessagesWereRemovedBeforeItHadThemSaysSo() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "mine", Ephemeral);
        await Publish(broker, "t", "1", "2", "3");
        await broker.DeleteBefore("t", 0, 2);
        var instance = new Instance();

        await using var consumer = await Join(broker, instance, new() { Group = "mine" });

        var gap = await Until(instance.Gap.Task);
        Assert.Equal((BroadcastGapReason.MessagesRemoved, 2), (gap.Reason, gap.Removed));
    });

    [Fact]
    public Task AGroupThatStaysIsNotTakenForAnEphemeralOne() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "billing", new());

        await Refused(ErrorCodes.Conflict, () => Join(broker, new(), new() { Group = "billing" }));

        Assert.Null((await broker.DescribeGroup("t", "billing")).Settings.DeleteAfterIdle);
    });

    [Fact]
    public Task AReceiveThatNamesTheGroupsIdMakesNoneAndTakesNoOther() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var first = await broker.PutGroup("t", "g", Ephemeral);
        await Publish(broker, "t", "a");
        var request = new ReceiveRequest { GroupId = first.Id };
        Assert.Single(await broker.Receive("t", "g", request));

        await broker.DeleteGroup("t", "g");
        await Refused(ErrorCodes.GroupUnknown, () => broker.Receive("t", "g", request));
        Assert.Empty((await broker.ListGroups("t")).Items);
        var second = await broker.PutGroup("t", "g", Ephemeral);
        await Refused(ErrorCodes.GroupUnknown, () => broker.Receive("t", "g", request));

        Assert.NotEqual(first.Id, second.Id);
        Assert.Equal(second.Id, (await broker.DescribeGroup("t", "g")).Id);
        Assert.Single(await broker.Receive("t", "g", new() { GroupId = second.Id }));
    });

    [Fact]
    public Task AnEphemeralGroupIsNoBacklog() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { MaxMessages = 2 });
        await broker.PutGroup("t", "worker", new());
        await broker.PutGroup("t", "g", Ephemeral);

        for (var i = 0; i < 3; i++)
        {
            Assert.All(await Publish(broker, "t", "a", "b"), result => result.OrThrow());
            await Acknowledge(broker, "t", "worker", [.. await Receive(broker, "t", "worker")]);
        }

        Assert.Equal(6, (await broker.DescribeGroup("t", "g")).Partitions[0].Lag);
    });

    public static TheoryData<string, GroupChange, string> Refusals => new()
    {
        { "too short", new() { DeleteAfterIdle = (TimeSpan?)TimeSpan.FromMilliseconds(999) }, ErrorCodes.Malformed },
        { "too long", new() { DeleteAfterIdle = (TimeSpan?)TimeSpan.FromDays(7.1) }, ErrorCodes.Malformed },
        { "a limit", new() { DeleteAfterIdle = (TimeSpan?)TimeSpan.FromDays(1), MaxMessages = 10 }, ErrorCodes.Conflict },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public Task WhatCantBeIsRefusedByName(string what, GroupChange change, string code) => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        var refusal = await Refused(code, () => broker.PutGroup("t", "g", change));

        Assert.True(refusal.Message.Contains("deleteAfterIdleMs", StringComparison.Ordinal), what);
        Assert.Empty((await broker.ListGroups("t")).Items);
    });

    [Fact]
    public Task OfTwoTheOneThatNobodyUsesIsDeletedAndTheOtherLives() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var second = TimeSpan.FromSeconds(1);
        var instance = new Instance();
        await using var used = await Join(broker, instance, new() { DeleteAfterIdle = second, Consumer = new() { ReceiveWait = TimeSpan.FromSeconds(20) } });

        for (var i = 0; i < 2; i++)
        {
            await broker.PutGroup("t", "unused", new() { DeleteAfterIdle = (TimeSpan?)second });
            await Until(Eventually(async () => (await broker.ListGroups("t")).Items.Count == 1));
        }

        await Publish(broker, "t", "a");
        await Until(instance.Got(1));
        Assert.Equal([used.Group], (await broker.ListGroups("t")).Items);
        Assert.Equal(0, used.Gaps);
    });

    private ValueTask<BroadcastConsumer> Join(IBroker broker, Instance instance, BroadcastOptions? options = null) => broker.OpenBroadcast(
        "t", instance.Handle, (options ?? new()) with { OnGap = gap => instance.Gap.TrySetResult(gap) }, ClientTime);

    private Task Eventually(Func<bool> holds) => Eventually(() => Task.FromResult(holds()));

    private async Task Eventually(Func<Task<bool>> holds)
    {
        while (!await holds())
            await Task.Delay(TimeSpan.FromMilliseconds(20), ClientTime);
    }

    private sealed class Instance
    {
        private readonly ConcurrentQueue<string> _bodies = new();
        private readonly SemaphoreSlim _more = new(0);

        public TaskCompletionSource<BroadcastGap> Gap { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public IReadOnlyCollection<string> Bodies => _bodies;

        public Task Handle(Delivery delivery, CancellationToken cancel)
        {
            _bodies.Enqueue(delivery.BodyText);
            _more.Release();
            return Task.CompletedTask;
        }

        public async Task Got(int count)
        {
            while (_bodies.Count < count)
                await _more.WaitAsync();
        }
    }
}

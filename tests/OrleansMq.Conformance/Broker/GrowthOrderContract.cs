using System.Globalization;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Each key keeps its order over a growth: for groups by key, members and producers; a partition that took keys over waits for the one before it.</summary>
public abstract class GrowthOrderContract : BrokerContract
{
    [Fact]
    public Task AKeyThatMovedIsDeliveredWhenAllBeforeItIsSettled() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        var (moves, stays) = (PlacedNames.KeyOf((0, 2), (2, 4)), PlacedNames.KeyOf((0, 2), (0, 4)));
        await PublishKeyed(broker, "t", (moves, "1"), (stays, "a"));
        await broker.GrowTopic("t", 4);
        await PublishKeyed(broker, "t", (moves, "2"), (stays, "b"));

        var first = await Receive(broker, "t", "g");
        Assert.Equal(["1", "a"], Bodies(first).Order());
        Assert.Empty(await Receive(broker, "t", "g"));
        await Acknowledge(broker, "t", "g", first.Single(delivery => delivery.BodyText == "1"));
        // What stood beside it is not settled: it is the partition that waits.
        Assert.Empty(await Receive(broker, "t", "g"));
        await Acknowledge(broker, "t", "g", first.Single(delivery => delivery.BodyText == "a"));

        Assert.Equal(["2", "b"], Bodies(await Receive(broker, "t", "g")).Order());
    });

    [Fact]
    public Task AConsumerThatWaitsIsWokenWhenThePartitionBeforeIsDrained() => Story(async broker =>
    {
        await OneKeyOverAGrowth(broker);
        var first = await ReceiveOne(broker, "t", "g");
        var waiting = broker.Receive("t", "g", new ReceiveRequest { Consumer = "c2", Wait = Patience }).AsTask();

        await Acknowledge(broker, "t", "g", first);

        Assert.Equal(["2"], Bodies(await Until(waiting)));
    });

    [Fact]
    public Task WhatIsRefusedOrDeadHoldsItsSuccessorsAsLongAsItIsNotSettled() => Story(async broker =>
    {
        await OneKeyOverAGrowth(broker);

        await Refuse(broker, "t", "g", TimeSpan.Zero, await ReceiveOne(broker, "t", "g"));
        var again = await ReceiveOne(broker, "t", "g");
        Assert.Equal(("1", 2), (again.BodyText, again.DeliveryCount));
        await Settle(broker, "t", "g", Settlement.DeadLetter([again.Lease], "no good"));

        Assert.Equal("2", (await ReceiveOne(broker, "t", "g")).BodyText);
    });

    [Fact]
    public Task OverTwoGrowthsAKeyWaitsForAllItsPartitions() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        // From 0 to 1, where it sends nothing, to 3.
        var key = PlacedNames.KeyOf((0, 1), (1, 2), (3, 4));
        await PublishKeyed(broker, "t", (key, "1"));
        await broker.GrowTopic("t", 2);
        await broker.GrowTopic("t", 4);
        await PublishKeyed(broker, "t", (key, "2"));

        await TheNextWaitsFor(broker, "g", await ReceiveOne(broker, "t", "g"));
    });

    [Fact]
    public Task AGroupThatIsMadeLaterReadsInTheSameOrder() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        var key = PlacedNames.KeyOf((0, 1), (1, 2));
        await PublishKeyed(broker, "t", (key, "1"));
        await broker.GrowTopic("t", 2);
        await PublishKeyed(broker, "t", (key, "2"));

        await broker.PutGroup("t", "late", new() { ByKey = true });
        await TheNextWaitsFor(broker, "late", await ReceiveOne(broker, "t", "late"));

        await broker.PutGroup("t", "latest", new() { ByKey = true, From = StartAt.Latest });
        await PublishKeyed(broker, "t", (key, "3"));
        Assert.Equal("3", (await ReceiveOne(broker, "t", "latest")).BodyText);
    });

    [Fact]
    public Task ASeekMakesSuccessorsWaitAgain() => Story(async broker =>
    {
        await OneKeyOverAGrowth(broker);
        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g"));
        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g"));

        await broker.Seek("t", "g", SeekRequest.Everywhere(StartAt.Earliest));

        Assert.Equal(["1"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task ASeekGivesNoSuccessorBeforeWhatItWaitsFor() => Story(async broker =>
    {
        await OneKeyOverAGrowth(broker);
        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g"));
        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g"));
        var waiting = broker.Receive("t", "g", new ReceiveRequest { Consumer = "c1", Max = 1, Wait = Patience }).AsTask();

        await broker.Seek("t", "g", SeekRequest.At(new Position(1, 0), new Position(0, 0)));

        await TheNextWaitsFor(broker, "g", Assert.Single(await Until(waiting)));
    });

    /// <summary>Somebody had asked for it before, so that its host may know the topic as it was.</summary>
    [Fact]
    public Task AGroupThatIsMadeAfterAGrowthBeginsWhereItIsToldEverywhere() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await Refused(ErrorCodes.GroupUnknown, async () => await broker.DescribeGroup("t", "g"));
        await broker.GrowTopic("t", 2);
        await broker.Publish("t", [Text("before") with { Partition = 1 }]);

        await broker.PutGroup("t", "g", new() { From = StartAt.Latest });
        await broker.Publish("t", [Text("after") with { Partition = 1 }]);

        Assert.Equal(["after"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task AGroupWithoutKeyOrderHasEverythingAtOnce() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new());
        await PublishKeyed(broker, "t", ("k", "1"));
        await broker.GrowTopic("t", 3);
        await broker.Publish("t", [.. Enumerable.Range(0, 3).Select(p => Text(Number(p)) with { Partition = p })]);

        Assert.Equal(4, (await Receive(broker, "t", "g")).Count);
    });

    [Fact]
    public Task AMemberGetsAPartitionWhenAllBeforeItIsCommitted() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await Publish(broker, "t", "a", "b");
        var before = await broker.Join("t", "g", "m", TimeSpan.FromMinutes(5));
        Assert.Equal([0], before.Partitions);
        await broker.GrowTopic("t", 2);
        Assert.Equal([0], (await broker.Join("t", "g", "m", TimeSpan.FromMinutes(5))).Partitions);
        Assert.Equal([0], (await broker.DescribeGroup("t", "g")).Members.Single().Partitions);

        var now = await broker.Join("t", "g", "m", TimeSpan.FromMinutes(5));
        await broker.Commit("t", "g", new CommitRequest([new Position(0, 1)], "m", now.Generation));
        await broker.Heartbeat("t", "g", "m", now.Generation);
        await broker.Commit("t", "g", new CommitRequest([new Position(0, 2)], "m", now.Generation));

        await Refused(ErrorCodes.GenerationStale, () => broker.Heartbeat("t", "g", "m", now.Generation));
        var after = await broker.Join("t", "g", "m", TimeSpan.FromMinutes(5));
        Assert.Equal([0, 1], after.Partitions);
        Assert.True(after.Generation > now.Generation);
        Assert.Equal([0, 1], (await broker.DescribeGroup("t", "g")).Members.Single().Partitions);
    });

    [Fact]
    public Task AFollowerReadsEachKeyInOrderOverGrowths() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        // A change of generation gives again what was not committed: what counts is when each came first.
        var (seen, first) = (new HashSet<string>(), new List<string>());
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var half = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await PublishNumbered(broker, 0, 10);
        await broker.GrowTopic("t", 2);
        await PublishNumbered(broker, 10, 10);
        await using (var consumer = LogConsumer.ForEach(broker, "t", "g", (message, _) =>
        {
            if (seen.Add(message.BodyText))
                first.Add(message.BodyText);
            if (seen.Count == 5 * 20)
                half.TrySetResult();
            if (seen.Count == 5 * 30)
                all.TrySetResult();
            return Task.CompletedTask;
        }, new LogConsumerOptions { ReadWait = TimeSpan.FromMilliseconds(200), SessionTimeout = TimeSpan.FromSeconds(2) }, ClientTime))
        {
            await Until(half.Task);
            await broker.GrowTopic("t", 6);
            await PublishNumbered(broker, 20, 10);
            await Until(all.Task);
        }

        AssertInOrder(first, 5, 30);
    });

    [Fact]
    public Task AProducerKeepsTheOrderOfItsKeysWhileTheTopicGrows() => Story(async broker =>
    {
        const int Keys = 5, Each = 60;
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        await using (var producer = broker.Produce("t", new ProducerOptions { BatchMessages = 4 }, ClientTime))
        {
            var sending = Enumerable.Range(0, Each).SelectMany(n => Enumerable.Range(0, Keys).Select(k => producer.Send(Text($"k{k}:{n}", $"k{k}")))).ToList();
            await Until(sending[Keys * 2]);
            await broker.GrowTopic("t", 2);
            sending.AddRange(Enumerable.Range(Each, Each).SelectMany(n => Enumerable.Range(0, Keys).Select(k => producer.Send(Text($"k{k}:{n}", $"k{k}")))));
            await broker.GrowTopic("t", 8);
            await Until(Task.WhenAll(sending));
            Assert.All(sending, sent => Assert.False(sent.Result.Duplicate));
        }

        var seen = new List<string>();
        while (await Receive(broker, "t", "g") is { Count: > 0 } given)
        {
            seen.AddRange(Bodies(given));
            await Acknowledge(broker, "t", "g", [.. given]);
        }

        AssertInOrder(seen, Keys, 2 * Each);
        Assert.True((await broker.DescribeTopic("t")).Partitions.Count(partition => partition.End > 0) > 1);
    });

    [Fact]
    public Task AnyNumberGoesWhereKeysNeedNotKeepTheirOrder() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        var key = PlacedNames.KeyOf((0, 2), (2, 3));
        await PublishKeyed(broker, "t", (key, "1"));

        Assert.Equal(3, (await broker.GrowTopic("t", 3, breakKeyOrder: true)).Settings.Partitions);

        await PublishKeyed(broker, "t", (key, "2"));
        Assert.Equal(["1", "2"], Bodies(await Receive(broker, "t", "g")).Order());
    });

    /// <summary>A topic of one partition and a group by key; one message of a key before it grows to two, and one behind, which lies in the new one.</summary>
    private static async Task OneKeyOverAGrowth(IBroker broker)
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        var key = PlacedNames.KeyOf((0, 1), (1, 2));
        await PublishKeyed(broker, "t", (key, "1"));
        await broker.GrowTopic("t", 2);
        await PublishKeyed(broker, "t", (key, "2"));
    }

    /// <summary>What was given is "1"; "2" comes when it is acknowledged, and nothing before.</summary>
    private static async Task TheNextWaitsFor(IBroker broker, GroupName group, Delivery given)
    {
        Assert.Equal("1", given.BodyText);
        Assert.Empty(await Receive(broker, "t", group));
        await Acknowledge(broker, "t", group, given);
        Assert.Equal("2", (await ReceiveOne(broker, "t", group)).BodyText);
    }

    private static async Task PublishNumbered(IBroker broker, int from, int count)
    {
        for (var n = from; n < from + count; n++)
            await broker.Publish("t", [.. Enumerable.Range(0, 5).Select(k => Text($"k{k}:{n}", $"k{k}"))]);
    }

    /// <summary>Each of the keys has each of its numbers once, and rising.</summary>
    private static void AssertInOrder(List<string> seen, int keys, int each)
    {
        foreach (var key in seen.GroupBy(body => body.Split(':')[0]))
            Assert.Equal(Enumerable.Range(0, each), key.Select(body => int.Parse(body.Split(':')[1], CultureInfo.InvariantCulture)));
        Assert.Equal(keys * each, seen.Count);
    }
}

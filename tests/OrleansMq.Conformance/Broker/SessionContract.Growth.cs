using System.Text;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>States of keys over a growth of the topic.</summary>
public abstract partial class SessionContract
{
    [Fact]
    public Task AKeyTakesItsStateAlongWhenTheTopicGrows() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        var keys = Enumerable.Range(0, 8).Select(i => $"k{i}").ToArray();
        await PublishKeyed(broker, "t", [.. keys.Select(key => (key, "a")), .. keys.Select(key => (key, "b"))]);
        for (var i = 0; i < keys.Length; i++)
            await Fold(broker);

        await broker.GrowTopic("t", 2);
        var published = await PublishKeyed(broker, "t", [.. keys.Select(key => (key, "c")), .. keys.Select(key => (key, "d"))]);
        var moved = keys.Where((_, i) => published[i].Position.Partition == 1).ToList();
        // Set by hand while its messages are delivered from where it was before.
        await broker.Session("t", "g", Of(moved[0]) with { Set = State("A") });
        await FoldAll(broker, 3 * keys.Length);

        Assert.NotEmpty(moved);
        foreach (var key in keys)
        {
            var expected = key == moved[0] ? "Abcd" : "abcd";
            Assert.Equal(expected, StateOf(await broker.Session("t", "g", Of(key))));
        }

        // What is cleared where it went does not come up again from where it was.
        await PublishKeyed(broker, "t", (moved[0], "e"), (moved[0], "f"));
        await Settle(broker, "t", "g", Settlement.Acknowledge(await ReceiveOne(broker, "t", "g"), Empty));
        Assert.Equal("", StateOf(await ReceiveOne(broker, "t", "g")));
        Assert.True((await broker.Session("t", "g", Of(moved[0]))).State.IsEmpty);
        // Cleared by hand it is so everywhere.
        Assert.True((await broker.Session("t", "g", Of(moved[^1]) with { Set = Empty })).State.IsEmpty);
        Assert.True((await broker.Session("t", "g", Of(moved[^1]))).State.IsEmpty);
    });

    [Fact]
    public Task WhatAKeyLeftBehindWhenItMovedDoesNotTouchItsState() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        var keys = Enumerable.Range(0, 8).Select(i => $"k{i}").ToArray();
        await PublishKeyed(broker, "t", [.. keys.Select(key => (key, "a"))]);
        var aside = await Receive(broker, "t", "g");
        await Settle(broker, "t", "g", Settlement.Defer([.. aside.Select(delivery => delivery.Lease)]));
        await broker.GrowTopic("t", 2);
        var published = await PublishKeyed(broker, "t", [.. keys.Select(key => (key, "b"))]);
        await FoldAll(broker, keys.Length);

        var moved = published.Select((each, i) => (each.Position.Partition, Key: keys[i])).First(each => each.Partition == 1).Key;
        var fetched = Assert.Single(await broker.Receive("t", "g", new() { Consumer = "c", Deferred = [aside.Single(delivery => delivery.KeyText == moved).Position] }));
        var code = await CodeOf(broker, "t", "g", Settlement.Acknowledge(fetched, State("late")));
        await Acknowledge(broker, "t", "g", fetched);

        Assert.Equal((ErrorCodes.SessionMoved, "b"), (code, StateOf(await broker.Session("t", "g", Of(moved)))));
    });

    [Fact]
    public Task AKeyWhoseMessagesNameAPartitionKeepsAStateInEachOfThem() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        var (named, moving) = (KeyOf(2, 1), KeyOf(4, 2));
        await broker.Publish("t", [Text("a", named) with { Partition = 0 }, Text("a", moving)]);
        await FoldAll(broker, 2);
        await broker.GrowTopic("t", 4);
        await PublishKeyed(broker, "t", (moving, "b"));
        // Partition 0 lets its keys go for this one.
        await FoldAll(broker, 1);

        await broker.Publish("t", [Text("b", named) with { Partition = 0 }]);
        var older = await ReceiveOne(broker, "t", "g");
        Assert.Null(await CodeOf(broker, "t", "g", Settlement.Acknowledge(older, State("ab"))));
        await broker.Publish("t", [Text("c", named) with { Partition = 0 }, Text("d", named) with { Partition = 2 }]);
        var later = await Receive(broker, "t", "g");

        Assert.Equal([("c", "ab"), ("d", "")], later.Select(delivery => (delivery.BodyText, StateOf(delivery))).Order());
        Assert.Equal("ab", StateOf(await broker.Session("t", "g", Of(moving))));
    });

    /// <summary>A key that chooses a partition of so many.</summary>
    private static string KeyOf(int partitions, int partition) =>
        Enumerable.Range(0, 1_000).Select(i => $"k{i}").First(key => Murmur2.PartitionFor(Encoding.UTF8.GetBytes(key), partitions) == partition);
}

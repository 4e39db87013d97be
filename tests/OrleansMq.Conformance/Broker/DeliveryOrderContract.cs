using System.Text;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Queue-style groups that deliver by priority, or share fairly between keys or a header's values.</summary>
public abstract class DeliveryOrderContract : BrokerContract
{
    private static Message Urgent(string body, int priority, string? key = null) => Text(body, key) with { Priority = priority };

    private static async Task Prepare(IBroker broker, GroupChange group, params Message[] messages)
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", group);
        foreach (var some in messages.Chunk(1_000))
            Assert.All(await broker.Publish("t", some), result => result.OrThrow());
    }

    [Fact]
    public Task AMessageSaysItsPriorityWhereverItIsSeen() => Story(async broker =>
    {
        await Prepare(broker, new(), Urgent("a", 0), Text("b"), Urgent("c", 9));

        var received = await Receive(broker, "t", "g");

        Assert.Equal([0, null, 9], received.Select(each => each.Priority));
        Assert.Equal([0, null, 9], (await broker.ReadAll("t")).Select(each => each.Priority));
        await Settle(broker, "t", "g", Settlement.DeadLetter([received[2].Lease], "poison"));
        Assert.Equal([9], (await broker.ReadAll("t.g.dlq")).Select(each => each.Priority));
    });

    [Fact]
    public Task WithoutTheSettingPrioritiesSayNothing() => Story(async broker =>
    {
        await Prepare(broker, new(), Urgent("a", 0), Urgent("b", 9));

        Assert.Equal(["a", "b"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task HigherPrioritiesAreDeliveredFirst() => Story(async broker =>
    {
        await Prepare(broker, new() { Priority = true }, Urgent("low", 0), Text("none"), Urgent("four", 4), Urgent("high", 9), Urgent("five", 5), Urgent("high too", 9));

        Assert.Equal("high", (await ReceiveOne(broker, "t", "g")).BodyText);
        Assert.Equal(["high too", "five", "none", "four", "low"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task AMessageThatComesLaterGoesBeforeThoseThatWait() => Story(async broker =>
    {
        await Prepare(broker, new() { Priority = true }, [.. Numbers(0, 20).Select(body => Urgent(body, 3))]);
        Assert.Equal("0", (await ReceiveOne(broker, "t", "g")).BodyText);

        await broker.Publish("t", [Urgent("now", 7)]);

        Assert.Equal("now", (await ReceiveOne(broker, "t", "g")).BodyText);
        Assert.Equal("1", (await ReceiveOne(broker, "t", "g")).BodyText);
    });

    /// <summary>The lowest are delivered at every tenth place, though higher ones never end.</summary>
    [Fact]
    public Task AFloodOfHigherPrioritiesLeavesATenthToTheOldest() => Story(async broker =>
    {
        await Prepare(broker, new() { Priority = true }, [.. Numbers(0, 5).Select(body => Urgent(body, 0)), .. Numbers(0, 100).Select(_ => Urgent("flood", 9))]);

        var places = new List<int>();
        for (var place = 0; place < 50; place++)
        {
            var delivery = await ReceiveOne(broker, "t", "g");
            if (delivery.Priority == 0)
                places.Add(place);
            await Acknowledge(broker, "t", "g", delivery);
            await broker.Publish("t", [Urgent("more", 9)]);
        }

        Assert.Equal([9, 19, 29, 39, 49], places);
    });

    [Fact]
    public Task ARefusedMessageKeepsItsPlaceAmongTheOthers() => Story(async broker =>
    {
        await Prepare(broker, new() { Priority = true }, Urgent("low", 1), Urgent("middle", 5), Urgent("high", 8));
        await Refuse(broker, "t", "g", TimeSpan.Zero, await ReceiveOne(broker, "t", "g"));

        var again = await Receive(broker, "t", "g");

        Assert.Equal(["high", "middle", "low"], Bodies(again));
        Assert.Equal([2, 1, 1], again.Select(each => each.DeliveryCount));
    });

    [Fact]
    public Task ByKeyThePriorityChoosesBetweenTheFirstOfKeys() => Story(async broker =>
    {
        await Prepare(broker, new() { Priority = true, ByKey = true }, Urgent("a1", 1, "a"), Urgent("a2", 9, "a"), Urgent("b1", 5, "b"), Urgent("b2", 5, "b"));

        var first = await Receive(broker, "t", "g");
        Assert.Equal(["b1", "a1"], Bodies(first));
        await Acknowledge(broker, "t", "g", [.. first]);
        Assert.Equal(["a2", "b2"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task OneAnswerFromSeveralPartitionsHasTheHighestFirst() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 3 });
        await broker.PutGroup("t", "g", new() { Priority = true });
        await broker.Publish("t", [.. Enumerable.Range(0, 9).Select(i => Urgent(Number(i), i) with { Partition = i % 3 })]);

        Assert.Equal(["8", "7", "6", "5", "4", "3", "2", "1", "0"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task ADelayedMessageKeepsItsPriority() => Story(async broker =>
    {
        await Prepare(broker, new() { Priority = true }, Urgent("low", 0));
        await broker.Publish("t", [Urgent("late", 9) with { DeliverAfter = TimeSpan.FromMilliseconds(50) }]);

        await Until(ReceiveAll(broker, "another", 2));

        Assert.Equal(["late", "low"], Bodies(await Receive(broker, "t", "g")));
    });

    private static async Task ReceiveAll(IBroker broker, GroupName group, int count)
    {
        while (count > 0)
            count -= (await broker.Receive("t", group, new ReceiveRequest { Max = count, Consumer = "c", Wait = Patience })).Count;
    }

    [Fact]
    public Task AFloodOfOneKeyDelaysItselfAlone() => Story(async broker =>
    {
        await Prepare(broker, new() { FairBy = FairBy.Key }, [.. Numbers(0, 10_000).Select(body => Text(body, "flood")), Text("mine", "other")]);

        // What is behind the first read ahead is known with the next.
        var bodies = new List<string>();
        while (bodies.Count < 3)
            bodies.Add((await ReceiveOne(broker, "t", "g")).BodyText);

        Assert.Contains("mine", bodies);
        await Publish(broker, "t", "without a key");
        Assert.Contains("without a key", Bodies(await Receive(broker, "t", "g", 2)));
    });

    [Fact]
    public Task AHeadersValuesTakeTurns() => Story(async broker =>
    {
        static Message Of(string tenant, string body) => Text(body) with { Headers = [new("tenant", tenant)] };
        await Prepare(
            broker, new() { FairBy = FairBy.Header("tenant") }, [.. Numbers(0, 5).Select(body => Of("a", body)), Of("b", "b0"), Of("b", "b1"), Text("nobody's")]);

        Assert.Equal(["0", "b0", "nobody's", "1", "b1", "2", "3", "4"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task ByKeyAHeadersValuesTakeTurnsAndKeysKeepTheirOrder() => Story(async broker =>
    {
        static Message Of(string tenant, string key, string body) => Text(body, key) with { Headers = [new("tenant", tenant)] };
        await Prepare(
            broker, new() { FairBy = FairBy.Header("tenant"), ByKey = true }, Of("a", "k", "k1"), Of("a", "k", "k2"), Of("a", "l", "l1"), Of("b", "m", "m1"), Of("b", "m", "m2"));

        var first = await Receive(broker, "t", "g");
        Assert.Equal(["k1", "m1", "l1"], Bodies(first));
        await Acknowledge(broker, "t", "g", [.. first]);
        Assert.Equal(["k2", "m2"], Bodies(await Receive(broker, "t", "g")).Order());
    });

    [Fact]
    public Task TheOrderOfALivingGroupCanChange() => Story(async broker =>
    {
        await Prepare(broker, new(), Urgent("a", 0), Urgent("b", 1), Urgent("c", 2), Urgent("d", 9), Urgent("e", 3));
        Assert.Equal("a", (await ReceiveOne(broker, "t", "g")).BodyText);

        var described = await broker.PutGroup("t", "g", new() { Priority = true, FairBy = FairBy.Header("tenant") });
        Assert.Equal((true, "header:tenant"), (described.Settings.Priority, described.Settings.FairBy?.ToString()));
        Assert.Equal("d", (await ReceiveOne(broker, "t", "g")).BodyText);

        described = await broker.PutGroup("t", "g", new() { Priority = Change<bool>.Default, FairBy = Change<FairBy?>.Default });
        Assert.Equal((false, null), (described.Settings.Priority, described.Settings.FairBy));
        Assert.Equal(["b", "c", "e"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task AGroupOfLogStyleHasNoOrderOfItsOwn() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        await Refused(ErrorCodes.Conflict, () => broker.PutGroup("t", "g", new() { Style = GroupStyle.Log, Priority = true }));
        await Refused(ErrorCodes.Conflict, () => broker.PutGroup("t", "g", new() { Style = GroupStyle.Log, FairBy = FairBy.Key }));
    });

    /// <summary>As Kafka's clients send it: a value that is no priority counts as none.</summary>
    [Fact]
    public Task APriorityThatIsNoneCountsAsNone() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { Priority = true });
        foreach (var value in (string[])["3", "10", "high", "", "5"])
        {
            var batch = new Records.RecordBatchBuilder(200);
            batch.Append(1_000, default, false, Encoding.UTF8.GetBytes(value), true, [Records.RecordHeader.OfText(Records.ReservedHeaders.Priority, value)]);
            await broker.Append(new() { Topic = "t", Partition = 0, Batch = batch.ToArray() });
        }

        var received = await Receive(broker, "t", "g");

        Assert.Equal(["5", "10", "high", "", "3"], Bodies(received));
        Assert.Equal([5, null, null, null, 3], received.Select(each => each.Priority));
    });
}

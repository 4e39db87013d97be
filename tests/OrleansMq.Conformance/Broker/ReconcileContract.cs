using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>What was published and is not settled is counted by its cause, shown, and delivered again without being doubled.</summary>
public abstract class ReconcileContract : BrokerContract
{
    private static readonly RedeliverRequest DeadAndReturned = new();

    [Fact]
    public Task EveryMessageIsCountedUnderItsCause() => Story(async broker =>
    {
        await Prepare(broker);

        var found = await broker.Reconcile("t", "g", new());

        Assert.Equal((new UnsettledCounts(NeverDelivered: 2, Leased: 1, Returned: 1, Dead: 1, Uncommitted: 0), 5L), (found.Counts, found.Counts.Total));
        Assert.Equal(
            [("leased", UnsettledCause.Leased, 1), ("returned", UnsettledCause.Returned, 1), ("new 1", UnsettledCause.NeverDelivered, 0), ("new 2", UnsettledCause.NeverDelivered, 0), ("dead", UnsettledCause.Dead, 1)],
            found.Messages.Select(each => (each.Message.BodyText, each.Cause, each.Deliveries)));
        Assert.Equal([1, 2, 4, 5, 3], found.Messages.Select(each => each.Message.Position.Offset));
        Assert.Equal(("broken", null), (found.Messages[4].Message.DeadLetter?.Reason, found.Next));
        Assert.Equal([true, true, true, true, false], found.Messages.Select(each => each.AppendedAt is not null));
    });

    [Fact]
    public Task WhatIsSettledIsLookedPast() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());
        await Publish(broker, "t", Numbers(0, 50));
        var received = await Receive(broker, "t", "g");
        await Acknowledge(broker, "t", "g", [.. received.Where((_, i) => i is not (7 or 30))]);

        var found = await broker.Reconcile("t", "g", new());

        Assert.Equal(new UnsettledCounts(0, 2, 0, 0, 0), found.Counts);
        Assert.Equal(["7", "30"], found.Messages.Select(each => each.Message.BodyText));
        Assert.Equal(new UnsettledCounts(0, 0, 0, 0, 0), (await broker.Reconcile("t", "g", new() { OlderThan = TimeSpan.FromHours(1) })).Counts);
    });

    [Fact]
    public Task TheyAreShownInPagesAndByCause() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 3 });
        await broker.PutGroup("t", "g", new());
        await broker.Publish("t", [.. Numbers(0, 30).Select(body => Text(body) with { Partition = int.Parse(body, null) % 3 })]);
        await Settle(broker, "t", "g", Settlement.DeadLetter([.. (await Receive(broker, "t", "g", 7)).Select(each => each.Lease)], "broken"));

        var (seen, after, pages) = (new List<UnsettledMessage>(), (string?)null, 0);
        do
        {
            var page = await broker.Reconcile("t", "g", new() { Max = 4, After = after });
            Assert.Equal(new UnsettledCounts(23, 0, 0, 7, 0), page.Counts);
            seen.AddRange(page.Messages);
            (after, pages) = (page.Next, pages + 1);
        }
        while (after is not null && pages < 30);

        Assert.Equal(Numbers(0, 30).Order(), seen.Select(each => each.Message.BodyText).Order());
        Assert.Equal(7, (await broker.Reconcile("t", "g", new() { Causes = [UnsettledCause.Dead] })).Messages.Count);
        Assert.Empty((await broker.Reconcile("t", "g", new() { Max = 0 })).Messages);
        await Refused(ErrorCodes.Malformed, () => broker.Reconcile("t", "g", new() { After = "nonsense" }));
        await Refused(ErrorCodes.Malformed, () => broker.Reconcile("t", "g", new() { Max = 1_001 }));
        await Refused(ErrorCodes.GroupUnknown, () => broker.Reconcile("t", "other", new()));
    });

    [Fact]
    public Task DeliveringAgainTwiceDeliversOnce() => Story(async broker =>
    {
        await Prepare(broker);

        Assert.Equal(2, await broker.Redeliver("t", "g", DeadAndReturned));
        Assert.Equal(0, await broker.Redeliver("t", "g", DeadAndReturned));

        var received = await Receive(broker, "t", "g");
        Assert.Equal(["dead", "new 1", "new 2", "returned"], Bodies(received).Order());
        Assert.Equal(2, received.Single(each => each.BodyText == "returned").DeliveryCount);
        Assert.Equal(0, await broker.Redeliver("t", "g", DeadAndReturned));
        await Acknowledge(broker, "t", "g", [.. received]);
        Assert.Equal(new UnsettledCounts(0, 1, 0, 0, 0), (await broker.Reconcile("t", "g", new())).Counts);
    });

    [Fact]
    public Task SomeAreDeliveredAgainByTheirPositions() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());
        await Publish(broker, "t", "a", "b", "c", "d");
        var received = await Receive(broker, "t", "g");
        await Settle(broker, "t", "g", Settlement.DeadLetter([received[0].Lease, received[1].Lease], "broken"));
        await Refuse(broker, "t", "g", TimeSpan.FromHours(1), received[2], received[3]);

        Assert.Equal(2, await broker.Redeliver("t", "g", new() { Positions = [received[1].Position, received[3].Position] }));

        Assert.Equal(["b", "d"], Bodies(await Receive(broker, "t", "g")).Order());
        Assert.Equal(new UnsettledCounts(0, 2, 1, 1, 0), (await broker.Reconcile("t", "g", new())).Counts);
        await Refused(ErrorCodes.PartitionUnknown, () => broker.Redeliver("t", "g", new() { Positions = [new Position(7, 0)] }));
    });

    [Fact]
    public Task ALeasedOneIsTakenFromItsConsumerOnlyWhereThatIsSaid() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());
        await Publish(broker, "t", "a");
        var first = await ReceiveOne(broker, "t", "g");

        Assert.Equal(0, await broker.Redeliver("t", "g", DeadAndReturned));
        Assert.Equal(1, await broker.Redeliver("t", "g", new() { Causes = [UnsettledCause.Leased] }));

        Assert.Equal(2, (await ReceiveOne(broker, "t", "g", "other")).DeliveryCount);
        Assert.Equal(ErrorCodes.LeaseLapsed, await CodeOf(broker, "t", "g", Settlement.Acknowledge(first.Lease)));
    });

    [Fact]
    public Task ALogStyleGroupHasWhatItDidNotCommit() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { Style = GroupStyle.Log });
        await Publish(broker, "t", Numbers(0, 5));
        await broker.Commit("t", "g", new([new Position(0, 3)]));

        var found = await broker.Reconcile("t", "g", new());

        Assert.Equal(new UnsettledCounts(0, 0, 0, 0, 2), found.Counts);
        Assert.Equal([("3", UnsettledCause.Uncommitted), ("4", UnsettledCause.Uncommitted)], found.Messages.Select(each => (each.Message.BodyText, each.Cause)));
        await Refused(ErrorCodes.Conflict, () => broker.Redeliver("t", "g", DeadAndReturned));
    });

    /// <summary>Six messages: settled, leased, returned for an hour, dead, and two new ones.</summary>
    private static async Task Prepare(IBroker broker)
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());
        await Publish(broker, "t", "settled", "leased", "returned", "dead", "new 1", "new 2");
        var received = await Receive(broker, "t", "g", 4);
        await Acknowledge(broker, "t", "g", received[0]);
        await Refuse(broker, "t", "g", TimeSpan.FromHours(1), received[2]);
        await Settle(broker, "t", "g", Settlement.DeadLetter([received[3].Lease], "broken"));
    }
}

/// <inheritdoc cref="ReconcileContract"/>
public abstract class TimedReconcileContract : BrokerContract
{
    [Fact]
    public Task OnlyWhatIsOldEnoughCounts() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());
        await Publish(broker, "t", "a", "b");
        await Time.Pass(TimeSpan.FromMinutes(10));
        await Publish(broker, "t", "c");
        var received = await Receive(broker, "t", "g");
        await Settle(broker, "t", "g", Settlement.DeadLetter([received[0].Lease, received[2].Lease], "broken"));
        var old = new ReconcileRequest { OlderThan = TimeSpan.FromMinutes(10) };

        Assert.Equal(new UnsettledCounts(0, 1, 0, 1, 0), (await broker.Reconcile("t", "g", old)).Counts);
        Assert.Equal(["b", "a"], (await broker.Reconcile("t", "g", old)).Messages.Select(each => each.Message.BodyText));
        Assert.Equal(1, await broker.Redeliver("t", "g", new() { OlderThan = TimeSpan.FromMinutes(10) }));
        Assert.Equal(["a"], Bodies(await Receive(broker, "t", "g")));
        await Time.Pass(TimeSpan.FromMinutes(10));

        Assert.Equal(new UnsettledCounts(0, 0, 2, 1, 0), (await broker.Reconcile("t", "g", old)).Counts);
    });

    [Fact]
    public Task ARedeliveryAndItsWaitSurviveARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        await host.Broker.PutGroup("t", "g", new());
        await Publish(host.Broker, "t", "a", "b");
        var received = await Receive(host.Broker, "t", "g");
        await Refuse(host.Broker, "t", "g", TimeSpan.FromHours(1), [.. received]);
        await host.Broker.Redeliver("t", "g", new() { Positions = [received[0].Position] });

        await host.Restart();

        Assert.Equal(["a"], Bodies(await Receive(host.Broker, "t", "g")));
        await Time.Pass(TimeSpan.FromMinutes(61));
        Assert.Contains("b", Bodies(await Receive(host.Broker, "t", "g")));
    });
}

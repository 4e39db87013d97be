using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Messages that a queue-style group sets aside and fetches later.</summary>
public abstract class DeferContract : BrokerContract
{
    private static async Task<Position> Defer(IBroker broker, string body)
    {
        var delivery = await ReceiveOne(broker, "t", "g");
        Assert.Equal(body, delivery.BodyText);
        await Settle(broker, "t", "g", Settlement.Defer(delivery.Lease));
        return delivery.Position;
    }

    private static async Task<IReadOnlyList<Delivery>> Fetch(IBroker broker, params Position[] positions) =>
        await broker.Receive("t", "g", new ReceiveRequest { Consumer = "c", Deferred = positions });

    [Fact]
    public Task ItComesAgainWhenItIsAskedFor() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a", "b");

        var position = await Defer(broker, "a");

        Assert.Equal(["b"], Bodies(await Receive(broker, "t", "g")));
        var fetched = Assert.Single(await Fetch(broker, position));
        Assert.Equal(("a", 2, position), (fetched.BodyText, fetched.DeliveryCount, fetched.Position));
        await Acknowledge(broker, "t", "g", fetched);
        Assert.Equal(1L, (await broker.DescribeGroup("t", "g")).Partitions.Single().Lag);
    });

    [Fact]
    public Task WhatIsNotSetAsideIsLeftOut() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var published = await Publish(broker, "t", "done", "leased", "aside", "new");
        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g"));
        var leased = await ReceiveOne(broker, "t", "g");
        await Defer(broker, "aside");

        var fetched = await Fetch(broker, [.. published.Select(each => each.Position), published[2].Position, new Position(0, 1_000)]);

        Assert.Equal(["aside"], Bodies(fetched));
        Assert.Empty(await Fetch(broker, published[2].Position));
        // What was set aside is not waited for.
        Assert.Empty(await broker.Receive("t", "g", new ReceiveRequest { Wait = TimeSpan.FromMinutes(1), Deferred = [published[2].Position] }).AsTask().WaitAsync(Patience));
        await Acknowledge(broker, "t", "g", leased, fetched[0]);
        await Refused(ErrorCodes.PartitionUnknown, () => broker.Receive("t", "g", new ReceiveRequest { Deferred = [new(7, 0)] }));
        await Refused(ErrorCodes.Malformed, () => broker.Receive("t", "g", new ReceiveRequest { Deferred = [.. Enumerable.Range(0, 10_001).Select(i => new Position(0, i))] }));
        await Refused(ErrorCodes.Malformed, () => broker.Settle("t", "g", Settlement.Defer(leased.Lease) with { Delay = TimeSpan.Zero }));
        Assert.Equal(ErrorCodes.LeaseUnknown, Assert.Single(await broker.Settle("t", "g", Settlement.Defer(leased.Lease))).Code);
    });

    [Fact]
    public Task ItIsNotGivenToTwo() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");
        var position = await Defer(broker, "a");
        var request = new ReceiveRequest { Consumer = "c", RequestId = "r-1", Deferred = [position] };

        var first = Assert.Single(await broker.Receive("t", "g", request));
        var again = Assert.Single(await broker.Receive("t", "g", request));

        Assert.Equal(first.Lease, again.Lease);
        Assert.Empty(await Fetch(broker, position));
        await Refuse(broker, "t", "g", TimeSpan.Zero, first);
        Assert.Equal(3, (await ReceiveOne(broker, "t", "g")).DeliveryCount);
    });

    [Fact]
    public Task TheLastDeliveryCanBeSetAsideToo() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { MaxDeliveries = 1 });
        await Publish(broker, "t", "a");

        var position = await Defer(broker, "a");
        await broker.PutGroup("t", "g", new() { Lease = TimeSpan.FromSeconds(40) });

        await Acknowledge(broker, "t", "g", Assert.Single(await Fetch(broker, position)));
        Assert.Equal((0L, 0L), ((await broker.DescribeGroup("t", "g")).Partitions.Single().Lag, (await broker.DescribeGroup("t", "g")).Partitions.Single().DeadLetters));
    });

    [Fact]
    public Task ByKeyItLetsTheLaterOnesOfItsKeyGoOn() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { ByKey = true });
        await PublishKeyed(broker, "t", ("k", "1"), ("k", "2"), ("k", "3"));

        var position = await Defer(broker, "1");
        var second = await ReceiveOne(broker, "t", "g");
        var first = Assert.Single(await Fetch(broker, position));
        await Refuse(broker, "t", "g", TimeSpan.Zero, first);
        await Acknowledge(broker, "t", "g", second);

        // Refused, it stands in the order of its key again.
        Assert.Equal("2", second.BodyText);
        Assert.Equal(["1"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task ByPriorityOneThatIsRefusedAfterwardsHasItsPlaceAgain() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { Priority = true });
        await broker.Publish("t", [Text("high") with { Priority = 9 }, Text("low") with { Priority = 1 }, Text("lower") with { Priority = 0 }]);

        var position = await Defer(broker, "high");
        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g"));
        await Refuse(broker, "t", "g", TimeSpan.Zero, Assert.Single(await Fetch(broker, position)));

        Assert.Equal(["high", "lower"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task ReconcileShowsItAndRedeliverGivesItToAll() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a", "b");
        var position = await Defer(broker, "a");

        var found = await broker.Reconcile("t", "g", new() { Causes = [UnsettledCause.Deferred] });
        var byDefault = await broker.Redeliver("t", "g", new());
        var redelivered = await broker.Redeliver("t", "g", new() { Causes = [UnsettledCause.Deferred], Positions = [position] });

        Assert.Equal(new UnsettledCounts(1, 0, 0, 0, 0, Deferred: 1), found.Counts);
        Assert.Equal((position, UnsettledCause.Deferred), Assert.Single(found.Messages.Select(each => (each.Message.Position, each.Cause))));
        Assert.Equal((0, 1), (byDefault, redelivered));
        Assert.Equal(["a", "b"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task ARedrivenOneIsFetchedByWhereItFirstStood() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a", "b");
        var dead = await ReceiveOne(broker, "t", "g");
        await Settle(broker, "t", "g", Settlement.DeadLetter([dead.Lease], "poison"));
        await broker.Redrive("t", "g", DeadLetterSelection.All);

        var position = await Defer(broker, "a");

        Assert.Equal(dead.Position, position);
        Assert.Equal(["b"], Bodies(await Receive(broker, "t", "g")));
        Assert.Equal(1, (await broker.Reconcile("t", "g", new())).Counts.Deferred);
        await Acknowledge(broker, "t", "g", Assert.Single(await Fetch(broker, position)));
        Assert.Equal(1L, (await broker.DescribeGroup("t", "g")).Partitions.Single().Lag);
    });

    [Fact]
    public Task WhatIsFetchedCountsAgainstTheGroupsLimits() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a", "b");
        Position[] aside = [await Defer(broker, "a"), await Defer(broker, "b")];

        await broker.PutGroup("t", "g", new() { Paused = true });
        Assert.Empty(await Fetch(broker, aside));
        await broker.PutGroup("t", "g", new() { Paused = false, MaxInFlight = 1 });

        // What is not set aside takes no place from what is.
        Assert.Equal(["a"], Bodies(await Fetch(broker, [new(0, 7), .. aside])));
        Assert.Empty(await Fetch(broker, aside));
    });

    [Fact]
    public Task AHandlerSetsAsideByThrowing() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a", "b");
        var aside = new TaskCompletionSource<Position>(TaskCreationOptions.RunContinuationsAsynchronously);
        var handled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        await using (broker.Consume("t", "g", (delivery, _) =>
        {
            if (delivery.BodyText == "a")
            {
                aside.TrySetResult(delivery.Position);
                throw new DeferException();
            }

            handled.TrySetResult();
            return Task.CompletedTask;
        }, time: ClientTime))
            await Until(Task.WhenAll(aside.Task, handled.Task));

        Assert.Equal(["a"], Bodies(await Fetch(broker, await aside.Task)));
    });

    [Fact]
    public Task AGrownTopicsNewPartitionsDoNotWaitForIt() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        var keys = Enumerable.Range(0, 8).Select(i => $"k{i}").ToArray();
        await PublishKeyed(broker, "t", [.. keys.Select(key => (key, "old " + key))]);
        foreach (var delivery in await Receive(broker, "t", "g"))
            await Settle(broker, "t", "g", Settlement.Defer(delivery.Lease));

        await broker.GrowTopic("t", 2);
        var published = await PublishKeyed(broker, "t", [.. keys.Select(key => (key, "new " + key))]);

        Assert.Contains(published, each => each.Position.Partition == 1);
        var received = new List<string>();
        while (received.Count < keys.Length && await broker.Receive("t", "g", new ReceiveRequest { Max = 100, Consumer = "c", Wait = TimeSpan.FromSeconds(2) }) is { Count: > 0 } some)
            received.AddRange(Bodies(some));
        Assert.Equal(keys.Select(key => "new " + key), received.Order());
    });
}

using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <inheritdoc cref="QueueGroupContract"/>
public abstract class TimedQueueGroupContract : BrokerContract
{
    [Fact]
    public Task ALeaseThatLapsesIsDeliveredAgainWithCount2() => Story(async broker =>
    {
        await Prepare(broker, new() { Lease = TimeSpan.FromSeconds(30) });
        await ReceiveOne(broker, "t", "g");

        await Time.Pass(TimeSpan.FromSeconds(29));
        Assert.Empty(await Receive(broker, "t", "g"));
        await Time.Pass(TimeSpan.FromSeconds(2));

        Assert.Equal(2, (await ReceiveOne(broker, "t", "g")).DeliveryCount);
    });

    [Fact]
    public Task SettlingALapsedLeaseIsRefused() => Story(async broker =>
    {
        await Prepare(broker, new());
        var held = await ReceiveOne(broker, "t", "g");

        await Time.Pass(TimeSpan.FromSeconds(31));
        await ReceiveOne(broker, "t", "g");

        Assert.Equal(ErrorCodes.LeaseLapsed, await CodeOf(broker, "t", "g", Settlement.Acknowledge(held.Lease)));
        Assert.Equal(ErrorCodes.LeaseLapsed, await CodeOf(broker, "t", "g", Settlement.Extend([held.Lease])));
    });

    [Fact]
    public Task TheRequestsLeaseGoesBeforeTheGroups() => Story(async broker =>
    {
        await Prepare(broker, new() { Lease = TimeSpan.FromSeconds(30) });
        var held = Assert.Single(await broker.Receive("t", "g", new() { Lease = TimeSpan.FromSeconds(5), Consumer = "c" }));
        Assert.Equal(Time.GetUtcNow().AddSeconds(5), held.LeaseUntil, TimeSpan.FromSeconds(1));

        await Time.Pass(TimeSpan.FromSeconds(6));

        await ReceiveOne(broker, "t", "g");
    });

    [Fact]
    public Task ExtendingKeepsALease() => Story(async broker =>
    {
        await Prepare(broker, new() { Lease = TimeSpan.FromSeconds(30) });
        var held = await ReceiveOne(broker, "t", "g");

        for (var i = 0; i < 5; i++)
        {
            await Time.Pass(TimeSpan.FromSeconds(20));
            await Settle(broker, "t", "g", Settlement.Extend([held.Lease]));
        }

        Assert.Empty(await Receive(broker, "t", "g"));
        await Acknowledge(broker, "t", "g", held);
    });

    [Fact]
    public Task ARefusedMessageComesBackAfterItsDelayAndNotBefore() => Story(async broker =>
    {
        await Prepare(broker, new());
        await Refuse(broker, "t", "g", TimeSpan.FromMinutes(2), await ReceiveOne(broker, "t", "g"));

        await Time.Pass(TimeSpan.FromSeconds(119));
        Assert.Empty(await Receive(broker, "t", "g"));
        await Time.Pass(TimeSpan.FromSeconds(2));

        Assert.Equal(2, (await ReceiveOne(broker, "t", "g")).DeliveryCount);
    });

    [Fact]
    public Task TheBackoffGrowsWithEachDeliveryAndItsLastStepIsRepeated() => Story(async broker =>
    {
        await Prepare(broker, new() { Backoff = Change<IReadOnlyList<TimeSpan>>.To([TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10)]) });

        var delivery = await ReceiveOne(broker, "t", "g");
        foreach (var seconds in (int[])[1, 10, 10])
        {
            await Refuse(broker, "t", "g", null, delivery);
            var refused = Time.GetUtcNow();
            delivery = Assert.Single(await Time.Until(broker.Receive("t", "g", new() { Wait = TimeSpan.FromMinutes(1), Consumer = "c" }).AsTask()));
            Assert.Equal(seconds, (Time.GetUtcNow() - refused).TotalSeconds, 0.5);
        }
    });

    [Fact]
    public Task ReceivingReturnsWithNothingAfterItsWait() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var began = Time.GetUtcNow();

        Assert.Empty(await Time.Until(broker.Receive("t", "g", new() { Wait = TimeSpan.FromSeconds(5), Consumer = "c" }).AsTask()));

        Assert.Equal(5, (Time.GetUtcNow() - began).TotalSeconds, 1.0);
    });

    [Fact]
    public Task WhoWaitsIsWokenWhenALeaseLapses() => Story(async broker =>
    {
        await Prepare(broker, new() { Lease = TimeSpan.FromSeconds(10) });
        await ReceiveOne(broker, "t", "g");

        var again = await Time.Until(broker.Receive("t", "g", new() { Wait = TimeSpan.FromMinutes(1), Consumer = "other" }).AsTask());

        Assert.Equal(2, Assert.Single(again).DeliveryCount);
    });

    [Fact]
    public Task AKeyGoesToOthersWhenItsConsumerSaysNothingForSessionIdle() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { ByKey = true, SessionIdle = TimeSpan.FromSeconds(10), Lease = TimeSpan.FromSeconds(60), Backoff = Change<IReadOnlyList<TimeSpan>>.To([TimeSpan.Zero]) });
        await PublishKeyed(broker, "t", ("k", "1"), ("k", "2"), ("k", "3"));
        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g", "a"));
        var began = Time.GetUtcNow();

        Assert.Empty(await Receive(broker, "t", "g", consumer: "b"));
        var second = Assert.Single(await Time.Until(broker.Receive("t", "g", new() { Consumer = "b", Wait = TimeSpan.FromMinutes(5) }).AsTask()));
        Assert.Equal(10, (Time.GetUtcNow() - began).TotalSeconds, 1.0);

        // A lease that lapses lets the key go at once.
        var lapsed = Assert.Single(await Time.Until(broker.Receive("t", "g", new() { Consumer = "c", Wait = TimeSpan.FromMinutes(5) }).AsTask()));
        Assert.Equal(("2", 1, "2", 2), (second.BodyText, second.DeliveryCount, lapsed.BodyText, lapsed.DeliveryCount));
        Assert.Equal(70, (Time.GetUtcNow() - began).TotalSeconds, 1.0);
    });

    [Fact]
    public Task ARequestIdIsForgottenWithItsLease() => Story(async broker =>
    {
        await Prepare(broker, new());
        var request = new ReceiveRequest { Consumer = "c", RequestId = "r-1" };
        var first = Assert.Single(await broker.Receive("t", "g", request));

        await Time.Pass(TimeSpan.FromMinutes(1));

        var again = Assert.Single(await broker.Receive("t", "g", request));
        Assert.Equal((2, true), (again.DeliveryCount, again.Lease != first.Lease));
    });

    [Fact]
    public Task AGroupFromATimeBeginsThere() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "before");
        await Time.Pass(TimeSpan.FromMinutes(1));
        await broker.PutGroup("t", "g", new() { From = StartAt.Time(Time.GetUtcNow()) });

        await Publish(broker, "t", "after");

        Assert.Equal(["after"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task WhenTheActiveConsumerIsGoneAnotherTakesOver() => Story(async broker =>
    {
        await Prepare(broker, new() { MaxActive = 1 });
        await ReceiveOne(broker, "t", "g", consumer: "first");

        await Time.Pass(TimeSpan.FromMinutes(2));

        Assert.Equal(2, (await ReceiveOne(broker, "t", "g", consumer: "second")).DeliveryCount);
    });

    [Fact]
    public Task AGroupsRateHoldsDeliveryBack() => Story(async broker =>
    {
        await Prepare(broker, new() { RatePerSecond = 10 });
        await Publish(broker, "t", Numbers(0, 200));
        await Receive(broker, "t", "g", 100);

        await Time.Pass(TimeSpan.FromSeconds(5));
        var got = 0;
        for (var i = 0; i < 5; i++)
        {
            await Time.Pass(TimeSpan.FromSeconds(1));
            got += (await Receive(broker, "t", "g", 100)).Count;
        }

        // Five seconds at ten a second, and at most one second's worth saved up before.
        Assert.InRange(got, 40, 70);
    });

    [Fact]
    public Task TheOldestUnsettledMessagesAgeIsReported() => Story(async broker =>
    {
        await Prepare(broker, new());

        await Time.Pass(TimeSpan.FromMinutes(3));

        Assert.Equal(3, (await broker.DescribeGroup("t", "g")).Partitions[0].OldestUnsettled!.Value.TotalMinutes, 0.1);
    });

    /// <summary>A topic with one message, and the group.</summary>
    private static async Task Prepare(IBroker broker, GroupChange group)
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", group with { Backoff = group.Backoff.Kind == ChangeKind.Keep ? Change<IReadOnlyList<TimeSpan>>.To([]) : group.Backoff });
        await Publish(broker, "t", "a");
    }
}

using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>How long an ephemeral group lives, on a clock that stands still.</summary>
public abstract class TimedEphemeralGroupContract : BrokerContract
{
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(2);

    /// <summary>A group is gone for certain: its time, a quarter of it, and the moment in which that is found out.</summary>
    private static readonly TimeSpan Gone = Idle * 1.25 + TimeSpan.FromSeconds(1);

    [Fact]
    public Task OneThatNobodyUsesIsDeletedWhenItsTimeIsOverAndNotBefore() => Story(async broker =>
    {
        await Prepare(broker);
        await ReceiveNothing(broker);

        await Time.Pass(Idle - TimeSpan.FromSeconds(1));
        // Looking at it is no use.
        Assert.Equal(Idle, (await broker.DescribeGroup("t", "g")).Settings.DeleteAfterIdle);
        await Time.Pass(Gone - Idle + TimeSpan.FromSeconds(1));

        Assert.Empty((await broker.ListGroups("t")).Items);
        await Refused(ErrorCodes.GroupUnknown, () => broker.DescribeGroup("t", "g"));
        Assert.True((await broker.PutGroup("t", "g", new() { DeleteAfterIdle = (TimeSpan?)Idle })).Created);
    });

    [Fact]
    public Task OneWhoseConsumerPollsLives() => Story(async broker =>
    {
        await Prepare(broker);

        for (var i = 0; i < 10; i++)
        {
            await Time.Pass(Idle - TimeSpan.FromSeconds(1));
            await ReceiveNothing(broker);
        }

        Assert.Single((await broker.ListGroups("t")).Items);
    });

    [Fact]
    public Task OneWhoseConsumerWaitsLivesHoweverLongThatIs() => Story(async broker =>
    {
        var id = await Prepare(broker);
        var waiting = broker.Receive("t", "g", new() { GroupId = id, Wait = Idle * 20 }).AsTask();

        await Time.Pass(Idle * 10);
        await Publish(broker, "t", "late");

        Assert.Equal("late", Assert.Single(await Until(waiting)).BodyText);
    });

    [Fact]
    public Task OneWhoseLeaseIsOutLivesUntilThatIsSettled() => Story(async broker =>
    {
        await Prepare(broker, partitions: 2);
        await broker.Publish("t", [Text("a") with { Partition = 1 }]);
        var held = Assert.Single(await broker.Receive("t", "g", new() { Lease = Idle * 5 }));

        await Time.Pass(Idle * 4);
        await Acknowledge(broker, "t", "g", held);
        await Time.Pass(Idle - TimeSpan.FromSeconds(1));
        Assert.Single((await broker.ListGroups("t")).Items);
        await Time.Pass(Gone);

        Assert.Empty((await broker.ListGroups("t")).Items);
    });

    [Fact]
    public Task OneOfLogStyleLivesWhileItHasAMember() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { Style = GroupStyle.Log, DeleteAfterIdle = (TimeSpan?)Idle });
        var session = TimeSpan.FromMinutes(1);
        var joined = await broker.Join("t", "g", "m", session);

        for (var i = 0; i < 20; i++)
        {
            await Time.Pass(session / 2);
            await broker.Heartbeat("t", "g", "m", joined.Generation);
        }

        Assert.Single((await broker.ListGroups("t")).Items);
        await Time.Pass(session + Gone);
        Assert.Empty((await broker.ListGroups("t")).Items);
    });

    [Fact]
    public Task WhoComesBackAfterARestartGoesOnWhereItWasHoweverLongTheBrokerWasAway() => Story(async host =>
    {
        var id = await Prepare(host.Broker);
        await Publish(host.Broker, "t", "a", "b");
        await Acknowledge(host.Broker, "t", "g", await ReceiveOne(host.Broker, "t", "g"));

        await host.Restart();
        // Nobody opens the topic meanwhile: to the group that is as if the broker were away.
        await Time.Pass(TimeSpan.FromMinutes(50));
        Assert.Single((await host.Broker.ListGroups("t")).Items);
        await Time.Pass(TimeSpan.FromSeconds(59));

        Assert.Equal("b", Assert.Single(await host.Broker.Receive("t", "g", new() { GroupId = id })).BodyText);
    });

    [Fact]
    public Task OneThatNobodyUsesAnyMoreIsDeletedAfterARestartToo() => Story(async host =>
    {
        await Prepare(host.Broker);
        await ReceiveNothing(host.Broker);

        await host.Restart();
        // The topic is looked at: by itself the broker does that once a day.
        Assert.Single((await host.Broker.ListGroups("t")).Items);
        await Time.Pass(Gone);

        Assert.Empty((await host.Broker.ListGroups("t")).Items);
    });

    [Fact]
    public Task ItHoldsNothingBackAndCountsWhatRetentionTookFromIt() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Retention = TimeSpan.FromHours(1) });
        await broker.PutGroup("t", "g", new() { DeleteAfterIdle = (TimeSpan?)TimeSpan.FromDays(7) });
        await Publish(broker, "t", "a", "b");

        await Time.Pass(TimeSpan.FromHours(3));

        Assert.Equal(2, (await broker.DescribeTopic("t")).Partitions[0].Start);
        Assert.Equal(2, (await broker.DescribeGroup("t", "g")).Partitions[0].Dropped);
    });

    [Fact]
    public Task MadeToStayItHoldsBackAndIsNotDeleted() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Retention = TimeSpan.FromHours(1) });
        await broker.PutGroup("t", "g", new() { DeleteAfterIdle = (TimeSpan?)Idle });
        await Publish(broker, "t", "a", "b");

        await broker.PutGroup("t", "g", new() { DeleteAfterIdle = (TimeSpan?)null });
        await Time.Pass(TimeSpan.FromHours(3));

        Assert.Equal(0, (await broker.DescribeTopic("t")).Partitions[0].Start);
        Assert.Equal(["a", "b"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task AnotherIdleTimeCounts() => Story(async broker =>
    {
        await Prepare(broker);
        await broker.PutGroup("t", "g", new() { DeleteAfterIdle = (TimeSpan?)(Idle * 3) });
        await ReceiveNothing(broker);

        await Time.Pass(Idle * 2.9);
        Assert.Single((await broker.ListGroups("t")).Items);
        await Time.Pass(Gone * 2);

        Assert.Empty((await broker.ListGroups("t")).Items);
    });

    [Fact]
    public Task AShorterIdleTimeCountsWithoutAnotherUse() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { DeleteAfterIdle = (TimeSpan?)TimeSpan.FromDays(1) });

        await broker.PutGroup("t", "g", new() { DeleteAfterIdle = (TimeSpan?)Idle });
        await Time.Pass(Gone * 2);

        Assert.Empty((await broker.ListGroups("t")).Items);
    });

    [Fact]
    public Task AGroupThatStaysLivesByBeingUsedUnderItsId() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await ReceiveNothing(broker);
        var id = (await broker.DescribeGroup("t", "g")).Id;

        for (var day = 0; day < 10; day++)
        {
            await Time.Pass(TimeSpan.FromDays(1));
            Assert.Empty(await broker.Receive("t", "g", new() { GroupId = id }));
        }

        Assert.Equal(id, (await broker.DescribeGroup("t", "g")).Id);
    });

    [Fact]
    public Task AConsumerToldThatItsGroupIsUnknownThoughItIsThereSaysSoOnceAndPauses() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var gaps = new List<BroadcastGap>();
        var (refused, refusals) = (false, 0);
        var shaky = BrokerProxy.Over(broker, (call, _) =>
        {
            if (refused && call == nameof(IBroker.Receive))
                throw ++refusals > 1_000 ? new NotSupportedException("It asks without a pause.") : new MqException(ErrorCodes.GroupUnknown, "It is not there.");
        });
        await using var consumer = await shaky.OpenBroadcast("t", (_, _) => Task.CompletedTask, new() { DeleteAfterIdle = Idle, OnGap = gaps.Add }, ClientTime);
        refused = true;
        await Publish(broker, "t", "wakes it");

        await Time.Pass(TimeSpan.FromSeconds(60));
        refused = false;
        await Time.Pass(TimeSpan.FromSeconds(30));

        Assert.InRange(refusals, 1, 1_000);
        Assert.Equal(BroadcastGapReason.GroupDeleted, Assert.Single(gaps).Reason);
    });

    [Fact]
    public Task ItsDeadLettersGoWithIt() => Story(async broker =>
    {
        await Prepare(broker);
        await Publish(broker, "t", "a");
        await Settle(broker, "t", "g", Settlement.DeadLetter([(await ReceiveOne(broker, "t", "g")).Lease], "broken"));
        Assert.Equal(["a"], Bodies(await broker.ReadAll("t.g.dlq")));

        await Time.Pass(Gone);

        await Refused(ErrorCodes.TopicUnknown, () => broker.DescribeTopic("t.g.dlq"));
        await broker.PutGroup("t", "g", new() { DeleteAfterIdle = (TimeSpan?)Idle });
        Assert.Empty(await broker.ReadAll("t.g.dlq"));
    });

    [Fact]
    public Task AConsumerWhoseGroupIsDeletedInItsAbsenceSaysSo() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var gaps = new List<BroadcastGap>();
        var away = false;
        var shaky = BrokerProxy.Over(broker, (call, _) =>
        {
            if (away && call == nameof(IBroker.Receive))
                throw new MqException(ErrorCodes.PartitionUnavailable, "The consumer's way to the broker is gone.");
        });
        await using var consumer = await shaky.OpenBroadcast("t", (_, _) => Task.CompletedTask, new() { DeleteAfterIdle = Idle, OnGap = gaps.Add }, ClientTime);
        away = true;

        await Time.Pass(Gone * 2);
        Assert.Empty((await broker.ListGroups("t")).Items);
        away = false;
        await Time.Pass(TimeSpan.FromSeconds(30));

        Assert.Equal((BroadcastGapReason.GroupDeleted, consumer.Group), (Assert.Single(gaps).Reason, gaps[0].Group));
        Assert.Equal(1, consumer.Gaps);
        Assert.Single((await broker.ListGroups("t")).Items);
    });

    private static async Task<Guid> Prepare(IBroker broker, int partitions = 1)
    {
        await broker.PutTopic("t", new() { Partitions = partitions });
        return (await broker.PutGroup("t", "g", new() { DeleteAfterIdle = (TimeSpan?)Idle })).Id;
    }

    private static async Task ReceiveNothing(IBroker broker) => Assert.Empty(await Receive(broker, "t", "g"));
}

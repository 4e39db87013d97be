using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>A message says how long it lives, its topic for all of them; until then it is a message like any other.</summary>
public abstract class TimeToLiveContract : BrokerContract
{
    [Fact]
    public Task AMessageThatLivesIsDeliveredAndSaysHowLong() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Text("a") with { TimeToLive = TimeSpan.FromHours(1) }, Text("b")]);

        var received = await Receive(broker, "t", "g");

        Assert.Equal(["a", "b"], Bodies(received));
        Assert.Equal([TimeSpan.FromHours(1), null], received.Select(each => each.TimeToLive));
        Assert.Equal([TimeSpan.FromHours(1), null], (await broker.ReadAll("t")).Select(each => each.TimeToLive));
    });

    [Fact]
    public Task TopicsAndGroupsKeepWhatTheySay() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { TimeToLive = TimeSpan.FromSeconds(90) });
        await broker.PutGroup("t", "g", new() { WhenExpired = WhenExpired.DeadLetter });

        Assert.Equal(TimeSpan.FromSeconds(90), (await broker.DescribeTopic("t")).Settings.TimeToLive);
        Assert.Equal(WhenExpired.DeadLetter, (await broker.DescribeGroup("t", "g")).Settings.WhenExpired);
        Assert.Null((await broker.PutTopic("t", new() { TimeToLive = Change<TimeSpan?>.Default })).Settings.TimeToLive);
        await Refused(ErrorCodes.Malformed, () => broker.PutTopic("t", new() { TimeToLive = TimeSpan.Zero }));
    });
}

/// <inheritdoc cref="TimeToLiveContract"/>
public abstract class TimedTimeToLiveContract : BrokerContract
{
    [Fact]
    public Task WhatExpiredIsSkipped() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());
        await broker.Publish("t", [Text("a") with { TimeToLive = TimeSpan.FromSeconds(10) }, Text("b"), Text("c") with { TimeToLive = TimeSpan.FromSeconds(20) }]);

        await Time.Pass(TimeSpan.FromSeconds(11));

        Assert.Equal(["b", "c"], Bodies(await Receive(broker, "t", "g")));
        var partition = (await broker.DescribeGroup("t", "g")).Partitions[0];
        Assert.Equal((2L, 1L, 0L), (partition.Lag, partition.Cursor, partition.DeadLetters));
        Assert.Equal(["a", "b", "c"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task UpToTheLastMillisecondItIsDelivered() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Text("a") with { TimeToLive = TimeSpan.FromMilliseconds(500) }]);

        await Time.Pass(TimeSpan.FromMilliseconds(499));
        Assert.Equal(["a"], Bodies(await Receive(broker, "t", "one")));
        await Time.Pass(TimeSpan.FromMilliseconds(1));

        Assert.Empty(await Receive(broker, "t", "two"));
    });

    [Fact]
    public Task OrItBecomesADeadLetterThatDoesNotExpireAgain() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { WhenExpired = WhenExpired.DeadLetter });
        await broker.Publish("t", [Text("a") with { TimeToLive = TimeSpan.FromSeconds(10), Token = "a" }]);
        await Time.Pass(TimeSpan.FromSeconds(11));

        Assert.Empty(await Receive(broker, "t", "g"));

        var dead = Assert.Single(await broker.ReadAll("t.g.dlq"));
        Assert.Equal(("a", "expired", 0, new Position(0, 0)), (dead.BodyText, dead.DeadLetter!.Reason, dead.DeadLetter.Deliveries, dead.DeadLetter.Origin));
        Assert.Equal(1, await broker.Redrive("t", "g", DeadLetterSelection.All));
        Assert.Equal(["a"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task TheShorterOfMessageAndTopicCounts() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { TimeToLive = TimeSpan.FromSeconds(20) });
        await broker.Publish("t", [Text("a") with { TimeToLive = TimeSpan.FromSeconds(10) }, Text("b"), Text("c") with { TimeToLive = TimeSpan.FromDays(1) }]);

        await Time.Pass(TimeSpan.FromSeconds(15));
        Assert.Equal(["b", "c"], Bodies(await Receive(broker, "t", "early")));
        await Time.Pass(TimeSpan.FromSeconds(6));

        Assert.Empty(await Receive(broker, "t", "late"));
        await broker.PutTopic("t", new() { TimeToLive = Change<TimeSpan?>.Default });
        Assert.Equal(["b", "c"], Bodies(await Receive(broker, "t", "later")));
    });

    [Fact]
    public Task ThousandsThatExpiredDoNotHideTheOneBehindThem() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.Publish("t", [.. Numbers(0, 3_000).Select(body => Text(body) with { TimeToLive = TimeSpan.FromSeconds(1) })]);
        await Time.Pass(TimeSpan.FromSeconds(2));
        await Publish(broker, "t", "here");

        Assert.Equal(["here"], Bodies(await Receive(broker, "t", "g", max: 10)));
    });

    [Fact]
    public Task ADelayedMessageLivesFromItsDeliveryOn() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Text("a") with { DeliverAfter = TimeSpan.FromMinutes(5), TimeToLive = TimeSpan.FromSeconds(10) }]);

        await Time.Pass(TimeSpan.FromMinutes(5) + TimeSpan.FromSeconds(9));
        Assert.Equal(["a"], Bodies(await Receive(broker, "t", "one")));
        await Time.Pass(TimeSpan.FromSeconds(2));

        Assert.Empty(await Receive(broker, "t", "two"));
    });

    [Fact]
    public Task WhatIsRefusedAndExpiresMeanwhileIsNotDeliveredAgain() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { WhenExpired = WhenExpired.DeadLetter });
        await broker.Publish("t", [Text("a") with { TimeToLive = TimeSpan.FromSeconds(10) }]);
        await Refuse(broker, "t", "g", TimeSpan.FromSeconds(30), await ReceiveOne(broker, "t", "g"));

        await Time.Pass(TimeSpan.FromSeconds(31));

        Assert.Empty(await Receive(broker, "t", "g"));
        Assert.Equal(1, Assert.Single(await broker.ReadAll("t.g.dlq")).DeadLetter!.Deliveries);
    });
}

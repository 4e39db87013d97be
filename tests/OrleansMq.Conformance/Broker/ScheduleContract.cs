using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Messages that wait for their time: they have a name, can be looked at and taken back, and are delivered once.</summary>
public abstract class ScheduleContract : BrokerContract
{
    private static readonly TimeSpan Long = TimeSpan.FromDays(300);

    [Fact]
    public Task ADelayedMessageWaitsUnderItsTokenAndHasNoPosition() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        var result = Assert.Single(await broker.Publish("t", [Text("later", "k") with { Token = "order/7 ü", DeliverAfter = Long }]));
        var waiting = await broker.DescribeScheduled("t", "order/7 ü");

        Assert.Equal(("order/7 ü", false, null), (result.Scheduled, result.Duplicate, result.Error));
        Assert.Equal(("order/7 ü", "later", "k", 0), (waiting.Id, waiting.Message.BodyText, waiting.Message.KeyText, waiting.Partition));
        Assert.Equal(ClientTime.GetUtcNow() + Long, waiting.DeliverAt, TimeSpan.FromMinutes(1));
        Assert.Empty(await Receive(broker, "t", "g"));
        Assert.Empty(await broker.ReadAll("t"));
    });

    [Fact]
    public Task OneWithoutATokenIsGivenAName() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 3 });
        var at = new DateTimeOffset(ClientTime.GetUtcNow().AddDays(100).Date, TimeSpan.Zero);

        var results = await broker.Publish("t", [.. Numbers(0, 6).Select(body => Text(body) with { DeliverAt = at, Partition = int.Parse(body, null) % 3 })]);

        Assert.Equal(6, results.Select(result => result.Scheduled!).Distinct().Count());
        for (var i = 0; i < 6; i++)
        {
            var waiting = await broker.DescribeScheduled("t", results[i].Scheduled!);
            Assert.Equal((Number(i), i % 3, at, results[i].Scheduled), (waiting.Message.BodyText, waiting.Partition, waiting.DeliverAt, waiting.Id));
        }
    });

    [Fact]
    public Task ACancelledMessageIsGoneAndItsTokenStaysKnown() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.Publish("t", [.. Numbers(0, 4).Select(body => Text(body) with { Token = body, DeliverAfter = Long })]);

        await broker.CancelScheduled("t", "2");

        await Refused(ErrorCodes.ScheduledUnknown, () => broker.CancelScheduled("t", "2"));
        await Refused(ErrorCodes.ScheduledUnknown, () => broker.DescribeScheduled("t", "2"));
        Assert.Equal(["0", "1", "3"], (await broker.ListScheduled("t")).Items.Select(each => each.Id).Order());
        Assert.True(Assert.Single(await broker.Publish("t", [Text("2") with { Token = "2", DeliverAfter = Long }])).Duplicate);
        Assert.Equal(3, (await broker.ListScheduled("t")).Items.Count);
    });

    [Fact]
    public Task WhatNeverWaitedIsUnknown() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Text("a") with { Token = "now" }]);

        foreach (var id in (string[])["now", "never", "~0-0", "~7-0", new string('x', 300)])
        {
            await Refused(ErrorCodes.ScheduledUnknown, () => broker.DescribeScheduled("t", id));
            await Refused(ErrorCodes.ScheduledUnknown, () => broker.CancelScheduled("t", id));
        }

        await Refused(ErrorCodes.TopicUnknown, () => broker.DescribeScheduled("other", "now"));
        await Refused(ErrorCodes.TopicUnknown, () => broker.ListScheduled("other"));
    });

    [Fact]
    public Task ATimeThatIsOverMeansAtOnce() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        var results = await broker.Publish("t", [Text("a") with { DeliverAt = DateTimeOffset.UnixEpoch }, Text("b") with { DeliverAfter = TimeSpan.Zero }]);

        Assert.Equal([new Position(0, 0), new Position(0, 1)], results.Select(result => result.OrThrow()));
        Assert.Equal(["a", "b"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task WhatIsSentTogetherIsStoredTogetherEachAtItsTime() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "before");

        var results = await broker.Publish("t", [Text("a"), Text("x") with { DeliverAfter = Long }, Text("b") with { Token = "b" }, Text("b again") with { Token = "b" }]);

        Assert.Equal([new Position(0, 1), new Position(0, 2), new Position(0, 2)], new[] { results[0], results[2], results[3] }.Select(result => result.OrThrow()));
        Assert.Equal((true, false, true), (results[1].Scheduled is not null, results[2].Duplicate, results[3].Duplicate));
        Assert.Equal(["before", "a", "b"], Bodies(await Receive(broker, "t", "g")));
        Assert.Equal(["x"], (await broker.ListScheduled("t")).Items.Select(each => each.Message.BodyText));
    });

    [Fact]
    public Task TheyAreListedInPages() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 3 });
        await broker.Publish("t", [.. Numbers(0, 30).Select(body => Text(body) with { DeliverAfter = Long })]);

        var (seen, after, pages) = (new List<string>(), (string?)null, 0);
        do
        {
            var page = await broker.ListScheduled("t", after, 7);
            Assert.InRange(page.Items.Count, 0, 7);
            seen.AddRange(page.Items.Select(each => each.Message.BodyText));
            (after, pages) = (page.Next, pages + 1);
        }
        while (after is not null && pages < 20);

        Assert.Equal(Numbers(0, 30).Order(), seen.Order());
        await Refused(ErrorCodes.Malformed, () => broker.ListScheduled("t", max: 0));
        await Refused(ErrorCodes.Malformed, () => broker.ListScheduled("t", after: "nonsense"));
    });

    [Fact]
    public Task AResendIsNoSecondMessage() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var message = Text("once") with { Token = "t-1", DeliverAfter = Long };
        var first = Assert.Single(await broker.Publish("t", [message]));

        var again = Assert.Single(await broker.Publish("t", [message]));

        Assert.Equal((first.Scheduled, true), (again.Scheduled, again.Duplicate));
        Assert.Single((await broker.ListScheduled("t")).Items);
    });

    [Fact]
    public Task ABatchSentAgainUnderItsSequenceIsNoSecondOne() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var producer = await broker.OpenProducer();
        var builder = new RecordBatchBuilder(256);
        MessageCodec.Append(builder, Text("x") with { DeliverAfter = Long }, 0);
        MessageCodec.Append(builder, Text("now"), 0);
        var request = new AppendRequest { Topic = "t", Partition = 0, Batch = builder.ToArray(), Rich = true, Producer = new(producer.Id, producer.Epoch, 0) };

        var first = await broker.Append(request);
        var again = await broker.Append(request);

        Assert.Equal((false, true), (first.Duplicate, again.Duplicate));
        Assert.Equal(first.Records![0].Scheduled, again.Records![0].Scheduled);
        Assert.Single((await broker.ListScheduled("t")).Items);
        Assert.Equal(["now"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task ItIsDeliveredWhenItsTimeHasCome() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var result = Assert.Single(await broker.Publish("t", [Text("soon", "k") with { Token = "s", CorrelationId = "c", DeliverAfter = TimeSpan.FromMilliseconds(200) }]));
        Assert.NotNull(result.Scheduled);

        var delivery = Assert.Single(await Until(broker.Receive("t", "g", new() { Wait = Patience, Consumer = "c" }).AsTask()));

        Assert.Equal(("soon", "k", "s", "c", 1), (delivery.BodyText, delivery.KeyText, delivery.Token, delivery.CorrelationId, delivery.DeliveryCount));
        Assert.NotNull(delivery.DeliverAt);
        Assert.Empty((await broker.ListScheduled("t")).Items);
        await Refused(ErrorCodes.ScheduledUnknown, () => broker.CancelScheduled("t", "s"));
    });

    [Fact]
    public Task AProducerSchedulesToo() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using var producer = new Producer(broker, "t", time: ClientTime);

        var results = await Until(Task.WhenAll(producer.Send(Text("a")), producer.Send(Text("b") with { DeliverAfter = Long }), producer.Send(Text("c"))));

        Assert.Equal([false, true, false], results.Select(result => result.Scheduled is not null));
        Assert.Equal(["a", "c"], Bodies(await Receive(broker, "t", "g")));
    });

    public static TheoryData<string> RefusedTimes => [.. Times.Keys];

    private static readonly Dictionary<string, Message> Times = new()
    {
        ["both"] = new() { DeliverAt = DateTimeOffset.UnixEpoch.AddYears(60), DeliverAfter = TimeSpan.FromSeconds(1) },
        ["before it is sent"] = new() { DeliverAfter = TimeSpan.FromSeconds(-1) },
        ["before 1970"] = new() { DeliverAt = DateTimeOffset.UnixEpoch.AddSeconds(-1) },
        ["two years after"] = new() { DeliverAfter = TimeSpan.FromDays(730) },
        ["in the year 2400"] = new() { DeliverAt = new(2400, 1, 1, 0, 0, 0, TimeSpan.Zero) },
    };

    [Theory]
    [MemberData(nameof(RefusedTimes))]
    public Task ATimeThatCannotBeIsRefused(string what) => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        await Refused(ErrorCodes.Malformed, () => broker.Publish("t", [Times[what]]));

        Assert.Empty((await broker.ListScheduled("t")).Items);
        Assert.Empty(await broker.ReadAll("t"));
    });
}

/// <inheritdoc cref="ScheduleContract"/>
public abstract class TimedScheduleContract : BrokerContract
{
    [Fact]
    public Task NotAMillisecondEarlyAndSoonAfter() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Text("after") with { DeliverAfter = TimeSpan.FromMinutes(1) }, Text("at") with { DeliverAt = Time.GetUtcNow().AddMinutes(1).AddMilliseconds(3) }]);

        await Time.Pass(TimeSpan.FromMilliseconds(59_999));
        Assert.Empty(await broker.ReadAll("t"));
        await Time.Pass(TimeSpan.FromMilliseconds(2));
        Assert.Equal(["after"], Bodies(await broker.ReadAll("t")));
        await Time.Pass(TimeSpan.FromMilliseconds(5));

        Assert.Equal(["after", "at"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task WhatIsDueEarlierIsDeliveredEarlier() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var random = new Random(5);
        var seconds = Enumerable.Range(0, 100).OrderBy(_ => random.Next()).ToList();
        foreach (var some in seconds.Chunk(9))
            await broker.Publish("t", [.. some.Select(s => Text(Number(s)) with { DeliverAfter = TimeSpan.FromSeconds(10 + s) })]);

        await Time.Pass(TimeSpan.FromMinutes(3));

        Assert.Equal(Numbers(0, 100), Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task ThousandsDueInOneSecondAreEachDeliveredOnce() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var at = Time.GetUtcNow().AddMinutes(30);
        foreach (var some in Enumerable.Range(0, 5_000).Chunk(250))
            await broker.Publish("t", [.. some.Select(i => Text(Number(i)) with { DeliverAt = at.AddMilliseconds(i % 1000) })]);

        await Time.Pass(TimeSpan.FromMinutes(31));

        var bodies = Bodies(await broker.ReadAll("t"));
        Assert.Equal(5_000, bodies.Length);
        Assert.Equal(5_000, bodies.Distinct().Count());
        Assert.Empty((await broker.ListScheduled("t")).Items);
    });

    [Fact]
    public Task OverARestartNothingIsLostEarlyOrTwice() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        foreach (var i in Enumerable.Range(0, 40))
            await host.Broker.Publish("t", [Text(Number(i)) with { Token = $"t-{i}", DeliverAfter = TimeSpan.FromMinutes(5 * (i + 1)) }]);
        await Time.Pass(TimeSpan.FromMinutes(52));

        await host.Restart();

        Assert.Equal(Numbers(0, 10), Bodies(await host.Broker.ReadAll("t")));
        await host.Broker.CancelScheduled("t", "t-39");
        await Time.Pass(TimeSpan.FromMinutes(50));
        Assert.Equal(Numbers(0, 20), Bodies(await host.Broker.ReadAll("t")));
        await host.Restart();
        Assert.Equal(Numbers(0, 20), Bodies(await host.Broker.ReadAll("t")));
        await Time.Pass(TimeSpan.FromMinutes(120));
        Assert.Equal(Numbers(0, 39), Bodies(await host.Broker.ReadAll("t")));
    });

    [Fact]
    public Task WhatCameDueWhileThePartitionWasClosedIsDeliveredWhenItOpens() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        await host.Broker.Publish("t", [Text("a") with { DeliverAfter = TimeSpan.FromMinutes(5) }, Text("b") with { DeliverAfter = TimeSpan.FromDays(1) }]);
        await host.Restart();
        await Time.Pass(TimeSpan.FromMinutes(20));

        var received = await Time.Until(host.Broker.Receive("t", "g", new() { Max = 5, Wait = TimeSpan.FromSeconds(10), Consumer = "c" }).AsTask());

        Assert.Equal(["a"], Bodies(received));
    });
}

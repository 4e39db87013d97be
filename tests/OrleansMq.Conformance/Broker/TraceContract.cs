using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Where a message has been, and how long it took, is read from the log.</summary>
public abstract class TraceContract : BrokerContract
{
    [Fact]
    public Task AMessageTellsItsWay() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { Backoff = Change<IReadOnlyList<TimeSpan>>.To([]) });
        await broker.Publish("t", [Text("before"), Text("a") with { Token = "a-1" }, Text("behind")]);
        var first = (await Receive(broker, "t", "g", consumer: "one"))[1];
        await Refuse(broker, "t", "g", TimeSpan.Zero, first);
        var second = await ReceiveOne(broker, "t", "g", "two");
        await Acknowledge(broker, "t", "g", second);

        var trace = await broker.Trace("t", new() { Position = new Position(0, 1) });

        Assert.Equal(("a", true), (trace.Message.BodyText, trace.IsWhole));
        Assert.Equal(
            [TraceStage.Created, TraceStage.Appended, TraceStage.Leased, TraceStage.Returned, TraceStage.Leased, TraceStage.Settled],
            trace.Events.Where(each => each.Stage != TraceStage.Durable).Select(each => each.Stage));
        Assert.Equal([(1, "one"), (2, "two")], trace.Events.Where(each => each.Stage == TraceStage.Leased).Select(each => (each.Delivery, each.Consumer)));
        Assert.All(trace.Events.Skip(2).Where(each => each.Stage != TraceStage.Durable), each => Assert.Equal("g", each.Group));
        Assert.Equal(trace.Events.Skip(1).Select(each => each.At).Order(), trace.Events.Skip(1).Select(each => each.At));
        Assert.Equal(trace.Events, (await broker.Trace("t", new() { Token = "a-1" })).Events);
    });

    [Fact]
    public Task AHalfMessageIsFoundByItsTokenOnceItIsCommitted() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "before");
        var half = (await broker.Publish("t", [Text("a") with { Token = "a-1", Half = new HalfTerms("shop") }]))[0].Half!;
        await Refused(ErrorCodes.MessageUnknown, () => broker.Trace("t", new() { Token = "a-1" }));

        await broker.EndHalf("t", half, HalfState.Committed);

        var found = (await broker.Trace("t", new() { Token = "a-1" })).Message;
        Assert.Equal((new Position(0, 1), "a"), (found.Position, found.BodyText));
    });

    [Fact]
    public Task ItIsFollowedIntoDeadLettersAndBack() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());
        await Publish(broker, "t", "a");
        await Settle(broker, "t", "g", Settlement.DeadLetter([(await ReceiveOne(broker, "t", "g")).Lease], "broken"));
        await broker.Redrive("t", "g", DeadLetterSelection.All);
        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g", "again"));

        var events = (await broker.Trace("t", new() { Position = new Position(0, 0) })).Events;

        Assert.Equal(
            [TraceStage.Leased, TraceStage.DeadLettered, TraceStage.Redriven, TraceStage.Leased, TraceStage.Settled],
            events.Where(each => each.Group == "g").Select(each => each.Stage));
    });

    [Fact]
    public Task ALogStyleGroupCommitsBeyondIt() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { Style = GroupStyle.Log });
        await Publish(broker, "t", "a", "b", "c");
        await broker.Commit("t", "g", new([new Position(0, 1)]));
        await broker.Commit("t", "g", new([new Position(0, 3)]));

        Assert.Single((await broker.Trace("t", new() { Position = new Position(0, 0) })).Events, each => each.Stage == TraceStage.Committed);
        Assert.Single((await broker.Trace("t", new() { Position = new Position(0, 2) })).Events, each => each.Stage == TraceStage.Committed);
        Assert.Equal((3L, 3L, 0L), Figures(await broker.Stages("t", "g", TimeSpan.FromHours(1))));
    });

    [Fact]
    public Task WhatIsNotThereIsRefused() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());
        await broker.Publish("t", [Text("a"), Text("later") with { Token = "later", DeliverAfter = TimeSpan.FromDays(9) }]);

        await Refused(ErrorCodes.OffsetOutOfRange, () => broker.Trace("t", new() { Position = new Position(0, 1) }));
        await Refused(ErrorCodes.PartitionUnknown, () => broker.Trace("t", new() { Position = new Position(4, 0) }));
        await Refused(ErrorCodes.MessageUnknown, () => broker.Trace("t", new() { Token = "never" }));
        await Refused(ErrorCodes.MessageUnknown, () => broker.Trace("t", new() { Token = "later" }));
        await Refused(ErrorCodes.Malformed, () => broker.Trace("t", new()));
        await Refused(ErrorCodes.GroupUnknown, () => broker.Stages("t", "never", TimeSpan.FromHours(1)));
        await Refused(ErrorCodes.Malformed, () => broker.Stages("t", "g", TimeSpan.FromDays(8)));
    });

    [Fact]
    public Task StagesOfAllMessagesAreCounted() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.PutGroup("t", "g", new() { Backoff = Change<IReadOnlyList<TimeSpan>>.To([]) });
        await broker.PutGroup("t", "other", new());
        await broker.Publish("t", [.. Numbers(0, 20).Select(body => Text(body) with { Partition = int.Parse(body, null) % 2 })]);
        var received = await Receive(broker, "t", "g", 12);
        await Acknowledge(broker, "t", "g", [.. received.Take(8)]);
        await Settle(broker, "t", "g", Settlement.DeadLetter([received[8].Lease], "broken"));
        await Refuse(broker, "t", "g", TimeSpan.Zero, received[9]);
        var rest = await Receive(broker, "t", "g");
        await Acknowledge(broker, "t", "g", [.. rest]);

        var times = await broker.Stages("t", "g", TimeSpan.FromHours(1));

        Assert.Equal((20L, 20L, 17L), Figures(times));
        Assert.Equal((20L, 17L, 1L, 1L, true), (times.Append.Count, times.Total.Count, times.Redeliveries, times.DeadLettered, times.IsWhole));
        Assert.Equal(20, times.Wait.Buckets.Sum(bucket => bucket.Count));
        Assert.Equal((20L, 0L, 0L), Figures(await broker.Stages("t", "other", TimeSpan.FromHours(1))));
    });

    /// <summary>Messages, waits, handlings.</summary>
    protected static (long, long, long) Figures(StageTimes times) => (times.Messages, times.Wait.Count, times.Handle.Count);
}

/// <inheritdoc cref="TraceContract"/>
public abstract class TimedTraceContract : TraceContract
{
    [Fact]
    public Task TimesAreThoseOfTheBroker() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());
        await Publish(broker, "t", "old");
        await Time.Pass(TimeSpan.FromMinutes(10));
        await Publish(broker, "t", "a");
        await Time.Pass(TimeSpan.FromSeconds(7));
        var received = (await Receive(broker, "t", "g"))[1];
        await Time.Pass(TimeSpan.FromSeconds(2));
        await Acknowledge(broker, "t", "g", received);

        var times = await broker.Stages("t", "g", TimeSpan.FromMinutes(5));
        var events = (await broker.Trace("t", new() { Position = received.Position })).Events;

        Assert.Equal((1L, 1L, 1L), Figures(times));
        Assert.InRange(times.Wait.Percentile(50), TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(7.5));
        Assert.InRange(times.Handle.Percentile(50), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2.2));
        Assert.Equal(TimeSpan.FromSeconds(7), At(TraceStage.Leased) - At(TraceStage.Appended));
        Assert.Equal(TimeSpan.FromSeconds(2), At(TraceStage.Settled) - At(TraceStage.Leased));

        DateTimeOffset At(TraceStage stage) => events.First(each => each.Stage == stage).At;
    });
}

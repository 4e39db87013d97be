using System.Text;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>States that groups by key keep of keys, set with acknowledgements and delivered with the next message.</summary>
public abstract partial class SessionContract : BrokerContract
{
    private static ReadOnlyMemory<byte> Empty => default;

    private static ReadOnlyMemory<byte> State(string text) => Encoding.UTF8.GetBytes(text);

    private static string StateOf(Delivery delivery) => Encoding.UTF8.GetString(delivery.SessionState.Span);

    private static string StateOf(SessionState session) => Encoding.UTF8.GetString(session.State.Span);

    private static SessionRequest Of(string key) => new(State(key));

    private static async Task Prepare(IBroker broker, params (string Key, string Body)[] messages)
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { ByKey = true });
        await PublishKeyed(broker, "t", messages);
    }

    /// <summary>Adds the next message's body to the state of its key.</summary>
    private static async Task<string> Fold(IBroker broker)
    {
        var delivery = await ReceiveOne(broker, "t", "g");
        await Settle(broker, "t", "g", Settlement.Acknowledge(delivery, State(StateOf(delivery) + delivery.BodyText)));
        return StateOf(delivery);
    }

    [Fact]
    public Task TheStateComesWithTheNextMessageOfItsKey() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"), ("l", "x"), ("k", "2"), ("k", "3"), ("l", "y"));

        var before = new List<string>();
        for (var i = 0; i < 5; i++)
            before.Add(await Fold(broker));

        Assert.Equal(["", "", "1", "12", "x"], before.Order(StringComparer.Ordinal));
        Assert.Equal(("123", "xy"), (StateOf(await broker.Session("t", "g", Of("k"))), StateOf(await broker.Session("t", "g", Of("l")))));
        Assert.Equal(0L, (await broker.DescribeGroup("t", "g")).Partitions.Sum(partition => partition.Lag));
    });

    [Fact]
    public Task ManyAreSetInOneSettlement() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"), ("l", "2"), ("m", "3"), ("k", "4"), ("l", "5"), ("m", "6"));
        var first = await Receive(broker, "t", "g");

        var states = first.Take(2).Select(delivery => new SessionChange(delivery.Lease, State("of " + delivery.BodyText), delivery.SessionVersion));
        await Settle(broker, "t", "g", Settlement.Acknowledge([.. first.Select(delivery => delivery.Lease)]) with { Sessions = [.. states] });

        Assert.Equal(3, first.Count);
        Assert.Equal(["4 of 1", "5 of 2", "6 "], (await Receive(broker, "t", "g")).Select(delivery => $"{delivery.BodyText} {StateOf(delivery)}").Order(StringComparer.Ordinal));
    });

    [Fact]
    public Task WithoutTheLeaseNothingIsSet() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"));
        var delivery = await ReceiveOne(broker, "t", "g");
        await Refuse(broker, "t", "g", TimeSpan.Zero, delivery);

        var code = await CodeOf(broker, "t", "g", Settlement.Acknowledge(delivery, State("lost")));
        var again = await ReceiveOne(broker, "t", "g");
        await Settle(broker, "t", "g", Settlement.Acknowledge(again, State("kept")));

        Assert.Equal(ErrorCodes.LeaseLapsed, code);
        Assert.Equal((2, ""), (again.DeliveryCount, StateOf(again)));
        Assert.Equal(ErrorCodes.LeaseUnknown, await CodeOf(broker, "t", "g", Settlement.Acknowledge(again, State("twice"))));
        Assert.Equal("kept", StateOf(await broker.Session("t", "g", Of("k"))));
    });

    [Fact]
    public Task AnAcknowledgementWithoutAStateLeavesItAndAnEmptyOneClearsIt() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"), ("k", "2"), ("k", "3"), ("k", "4"));
        await Fold(broker);

        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g"));
        var third = await ReceiveOne(broker, "t", "g");
        await Settle(broker, "t", "g", Settlement.Acknowledge(third, Empty));

        Assert.Equal("1", StateOf(third));
        Assert.Equal(("", 0L), (StateOf(await ReceiveOne(broker, "t", "g")), (await broker.Session("t", "g", Of("k"))).Version));
    });

    [Fact]
    public Task AStateThatHasMovedIsNotWrittenOver() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"), ("k", "2"));
        await Settle(broker, "t", "g", Settlement.DeadLetter([(await ReceiveOne(broker, "t", "g")).Lease], "poison"));
        await broker.Redrive("t", "g", DeadLetterSelection.All);
        // One that was redriven goes beside the later ones of its key.
        var both = await Receive(broker, "t", "g");
        Assert.Equal(["1", "2"], Bodies(both));

        await Settle(broker, "t", "g", Settlement.Acknowledge(both[0], State("1")));
        var code = await CodeOf(broker, "t", "g", Settlement.Acknowledge(both[1], State("2")));
        await Refuse(broker, "t", "g", TimeSpan.Zero, both[1]);
        var again = await Fold(broker);

        Assert.Equal(ErrorCodes.SessionMoved, code);
        Assert.Equal(("1", "12"), (again, StateOf(await broker.Session("t", "g", Of("k")))));
    });

    [Fact]
    public Task WithoutAVersionTheLastOneWins() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"), ("k", "2"));
        await Fold(broker);
        var second = await ReceiveOne(broker, "t", "g");
        await broker.Session("t", "g", Of("k") with { Set = State("by hand") });

        var moved = await CodeOf(broker, "t", "g", Settlement.Acknowledge(second, State("seen")));
        await Settle(broker, "t", "g", Settlement.Acknowledge(second.Lease) with { Sessions = [new SessionChange(second.Lease, State("blind"))] });

        Assert.Equal(ErrorCodes.SessionMoved, moved);
        Assert.Equal("blind", StateOf(await broker.Session("t", "g", Of("k"))));
    });

    [Fact]
    public Task DeadLettersSeeksAndOtherGroupsLeaveIt() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"), ("k", "2"));
        await broker.PutGroup("t", "other", new() { ByKey = true });
        await Fold(broker);

        await Settle(broker, "t", "g", Settlement.DeadLetter([(await ReceiveOne(broker, "t", "g")).Lease], "poison"));
        await broker.Redrive("t", "g", DeadLetterSelection.All);
        var redriven = await ReceiveOne(broker, "t", "g");
        await broker.Seek("t", "g", SeekRequest.Everywhere(StartAt.Earliest));
        var sought = (await Receive(broker, "t", "g")).First(delivery => delivery.BodyText == "1");

        Assert.Equal(("2", "1", "1"), (redriven.BodyText, StateOf(redriven), StateOf(sought)));
        Assert.Equal("", StateOf((await Receive(broker, "t", "other"))[0]));
    });

    [Fact]
    public Task ADeletedGroupsStatesGoWithIt() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"));
        await Fold(broker);

        await broker.DeleteGroup("t", "g");
        await broker.PutGroup("t", "g", new() { ByKey = true });

        Assert.Equal(new SessionState(0, 0, Empty), await broker.Session("t", "g", Of("k")) with { State = Empty });
        Assert.Equal("", StateOf(await ReceiveOne(broker, "t", "g")));
    });

    [Fact]
    public Task ItIsShownSetAndClearedWithoutAMessage() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"));

        var nothing = await broker.Session("t", "g", Of("k"));
        var set = await broker.Session("t", "g", Of("k") with { Set = State("a"), Version = 0 });
        await Refused(ErrorCodes.SessionMoved, () => broker.Session("t", "g", Of("k") with { Set = State("b"), Version = 0 }));
        await Refused(ErrorCodes.SessionMoved, () => broker.Session("t", "g", Of("k") with { Set = Empty, Version = 0 }));
        var delivered = await ReceiveOne(broker, "t", "g");
        var cleared = await broker.Session("t", "g", Of("k") with { Set = Empty, Version = set.Version });

        Assert.Equal((0L, true), (nothing.Version, nothing.State.IsEmpty));
        Assert.Equal(("a", "a", set.Version), (StateOf(set), StateOf(delivered), delivered.SessionVersion));
        Assert.Equal((0L, true), (cleared.Version, cleared.State.IsEmpty));
        Assert.Equal(ErrorCodes.SessionMoved, await CodeOf(broker, "t", "g", Settlement.Acknowledge(delivered, State("c"))));
    });

    [Fact]
    public Task WhatCantBeIsRefused() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"));
        await Publish(broker, "t", "no key");
        await broker.PutGroup("t", "plain", new());
        var (delivery, plain) = (await ReceiveOne(broker, "t", "g"), await ReceiveOne(broker, "t", "plain"));
        var keyless = await ReceiveOne(broker, "t", "g");
        var change = new SessionChange(delivery.Lease, State("s"));

        await Refused(ErrorCodes.Conflict, () => broker.Settle("t", "plain", Settlement.Acknowledge(plain, State("s"))));
        await Refused(ErrorCodes.Conflict, () => broker.Session("t", "plain", Of("k")));
        await Refused(ErrorCodes.Malformed, () => broker.Settle("t", "g", Settlement.Acknowledge(delivery, new byte[SessionChange.MaxStateBytes + 1])));
        await Refused(ErrorCodes.Malformed, () => broker.Settle("t", "g", Settlement.Refuse([delivery.Lease]) with { Sessions = [change] }));
        await Refused(ErrorCodes.Malformed, () => broker.Settle("t", "g", Settlement.Acknowledge(keyless.Lease) with { Sessions = [change] }));
        await Refused(ErrorCodes.Malformed, () => broker.Settle("t", "g", Settlement.Acknowledge(delivery.Lease) with { Sessions = [change, change] }));
        await Refused(ErrorCodes.Malformed, () => broker.Settle("t", "g", Settlement.Acknowledge(delivery.Lease) with { Sessions = [change], UpTo = [delivery.Position] }));
        await Refused(ErrorCodes.Malformed, () => broker.Session("t", "g", Of("k") with { Set = new byte[SessionChange.MaxStateBytes + 1] }));
        await Refused(ErrorCodes.Malformed, () => broker.PutGroup("t", "g", new() { SessionIdle = TimeSpan.FromDays(2) }));
        await Refused(ErrorCodes.Conflict, () => broker.PutGroup("t", "plain", new() { SessionIdle = TimeSpan.FromSeconds(2) }));
        Assert.Equal(ErrorCodes.KeyMissing, await CodeOf(broker, "t", "g", Settlement.Acknowledge(keyless, State("s"))));

        await Acknowledge(broker, "t", "g", keyless);
        await Settle(broker, "t", "g", Settlement.Acknowledge(delivery, new byte[SessionChange.MaxStateBytes]));
    });

    [Fact]
    public Task ATraceShowsThatItWasSettled() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"));
        await Fold(broker);

        Assert.Equal(
            [TraceStage.Leased, TraceStage.Settled],
            (await broker.Trace("t", new() { Position = new Position(0, 0) })).Events.Where(each => each.Group == "g").Select(each => each.Stage));
    });

    [Fact]
    public Task AHandlerFoldsMessagesIntoAState() => Story(async broker =>
    {
        await Prepare(broker, [.. Enumerable.Range(0, 30).Select(i => ($"k{i % 3}", Number(i % 10)))]);
        var (failed, handled) = (new HashSet<long>(), 0);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        await using (broker.ConsumeSessions("t", "g", (session, _) =>
        {
            session.State = State(Encoding.UTF8.GetString(session.State.Span) + session.Message.BodyText);
            bool isFirst;
            lock (failed)
                isFirst = session.Message.Position.Offset % 4 == 0 && failed.Add(session.Message.Position.Offset);
            if (isFirst)
                throw new RefuseException(TimeSpan.Zero);
            if (Interlocked.Increment(ref handled) == 30)
                done.SetResult();
            return Task.CompletedTask;
        }, new() { Workers = 3 }, ClientTime))
            await Until(done.Task);

        for (var k = 0; k < 3; k++)
            Assert.Equal(string.Concat(Enumerable.Range(0, 30).Where(i => i % 3 == k).Select(i => Number(i % 10))), StateOf(await broker.Session("t", "g", Of($"k{k}"))));
    });

    [Fact]
    public Task AHandlerWhoseStateHasMovedIsGivenTheMessageAgain() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"));
        var states = new List<string>();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        await using (broker.ConsumeSessions("t", "g", async (session, cancel) =>
        {
            states.Add(Encoding.UTF8.GetString(session.State.Span));
            if (states.Count == 1)
                await broker.Session("t", "g", Of("k") with { Set = State("by hand ") }, cancel);
            else
                done.TrySetResult();
            session.State = State(states[^1] + session.Message.BodyText);
        }, time: ClientTime))
            await Until(done.Task);

        Assert.Equal(["", "by hand "], states);
        Assert.Equal("by hand 1", StateOf(await broker.Session("t", "g", Of("k"))));
    });

    [Fact]
    public Task WithSessionIdleAKeyStaysWithItsConsumer() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { ByKey = true, SessionIdle = TimeSpan.FromHours(1) });
        await PublishKeyed(broker, "t", ("k", "1"), ("l", "2"), ("k", "3"), ("l", "4"), ("k", "5"));

        var first = await ReceiveOne(broker, "t", "g", "a");
        var second = await ReceiveOne(broker, "t", "g", "b");
        await Acknowledge(broker, "t", "g", first, second);
        var others = await Receive(broker, "t", "g", consumer: "c");
        var (ofA, ofB) = (await Receive(broker, "t", "g", consumer: "a"), await Receive(broker, "t", "g", consumer: "b"));
        await Refuse(broker, "t", "g", TimeSpan.Zero, ofA[0]);

        Assert.Equal(("1", "2"), (first.BodyText, second.BodyText));
        Assert.Empty(others);
        Assert.Equal(["3 of a", "4 of b"], [.. Bodies(ofA).Select(body => body + " of a"), .. Bodies(ofB).Select(body => body + " of b")]);
        Assert.Empty(await Receive(broker, "t", "g", consumer: "b"));
        Assert.Equal(["3"], Bodies(await Receive(broker, "t", "g", consumer: "a")));
        // No longer asked for, keys go to anyone.
        await broker.PutGroup("t", "g", new() { SessionIdle = Change<TimeSpan?>.Default });
        await Acknowledge(broker, "t", "g", ofB[0]);
        await PublishKeyed(broker, "t", ("l", "6"));
        Assert.Equal(["6"], Bodies(await Receive(broker, "t", "g", consumer: "c")));
    });

    [Fact]
    public Task WithoutANameNobodyKeepsAKey() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { ByKey = true, SessionIdle = TimeSpan.FromHours(1) });
        await PublishKeyed(broker, "t", ("k", "1"), ("k", "2"));

        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g", ""));

        Assert.Equal("2", (await ReceiveOne(broker, "t", "g", "b")).BodyText);
    });

    [Fact]
    public Task WhoWaitsForItsKeysIsWokenBesideOthers() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { ByKey = true, SessionIdle = TimeSpan.FromHours(1) });
        await PublishKeyed(broker, "t", ("k", "1"), ("l", "2"));
        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g", "a"), await ReceiveOne(broker, "t", "g", "b"));
        ValueTask<IReadOnlyList<Delivery>> Wait(string consumer) => broker.Receive("t", "g", new() { Consumer = consumer, Wait = TimeSpan.FromMinutes(1) });
        Task<IReadOnlyList<Delivery>> other = Wait("c").AsTask(), ofB = Wait("b").AsTask(), ofA = Wait("a").AsTask();

        await PublishKeyed(broker, "t", ("k", "3"));
        Assert.Equal(["3"], Bodies(await Until(ofA)));
        await PublishKeyed(broker, "t", ("l", "4"));
        Assert.Equal(["4"], Bodies(await Until(ofB)));
        await PublishKeyed(broker, "t", ("m", "5"));
        Assert.Equal(["5"], Bodies(await Until(other)));
    });

    private async Task FoldAll(IBroker broker, int count)
    {
        while (count > 0)
        {
            var some = await Until(broker.Receive("t", "g", new() { Max = 100, Consumer = "c", Wait = Patience }).AsTask());
            Assert.NotEmpty(some);
            foreach (var delivery in some)
                await Settle(broker, "t", "g", Settlement.Acknowledge(delivery, State(StateOf(delivery) + delivery.BodyText)));
            count -= some.Count;
        }
    }
}

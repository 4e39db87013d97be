using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Groups by key whose keys wait for their dead letters.</summary>
public abstract class HeldKeyContract : BrokerContract
{
    private static async Task Prepare(IBroker broker, params (string Key, string Body)[] messages)
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { ByKey = true, HoldKeyBehindDeadLetter = true });
        await PublishKeyed(broker, "t", messages);
    }

    private static async Task Bury(IBroker broker, string body)
    {
        var delivery = await ReceiveOne(broker, "t", "g");
        Assert.Equal(body, delivery.BodyText);
        await Settle(broker, "t", "g", Settlement.DeadLetter([delivery.Lease], "poison"));
    }

    [Fact]
    public Task ADeadLetterHoldsItsKeyAndNoOther() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"), ("k", "2"), ("other", "3"));

        await Bury(broker, "1");

        Assert.Equal(["3"], Bodies(await Receive(broker, "t", "g")));
        await PublishKeyed(broker, "t", ("k", "later"), ("another", "4"));
        Assert.Equal(["4"], Bodies(await Receive(broker, "t", "g")));
        Assert.Equal(4L, (await broker.DescribeGroup("t", "g")).Partitions.Single().Lag);
    });

    [Fact]
    public Task TheKeyGoesOnWhenTheLetterIsRedrivenAndSettled() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"), ("k", "2"));
        await Bury(broker, "1");

        await broker.Redrive("t", "g", DeadLetterSelection.All);

        var again = await ReceiveOne(broker, "t", "g");
        Assert.Equal("1", again.BodyText);
        Assert.Empty(await Receive(broker, "t", "g"));
        await Acknowledge(broker, "t", "g", again);
        Assert.Equal("2", (await ReceiveOne(broker, "t", "g")).BodyText);
    });

    [Fact]
    public Task OneThatDiesAgainHoldsItsKeyStill() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"), ("k", "2"));
        await Bury(broker, "1");
        await broker.Redrive("t", "g", DeadLetterSelection.All);

        await Bury(broker, "1");

        Assert.Empty(await Receive(broker, "t", "g"));
    });

    [Fact]
    public Task TheKeyGoesOnWhenTheLetterIsDiscarded() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"), ("k", "2"));
        await Bury(broker, "1");
        var waiting = broker.Receive("t", "g", new ReceiveRequest { Max = 1, Consumer = "c", Wait = Patience }).AsTask();

        await broker.Discard("t", "g", DeadLetterSelection.All);

        Assert.Equal(["2"], Bodies(await Until(waiting)));
    });

    [Fact]
    public Task AfterMaxDeliveriesTheKeyIsHeldToo() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"), ("k", "2"), ("other", "3"));
        await broker.PutGroup("t", "g", new() { MaxDeliveries = 1 });
        var first = await ReceiveOne(broker, "t", "g");
        await Refuse(broker, "t", "g", TimeSpan.Zero, first);

        Assert.Equal(["3"], Bodies(await Receive(broker, "t", "g")));

        Assert.Equal(["1"], Bodies(await broker.ReadAll("t.g.dlq")));
        Assert.Empty(await Receive(broker, "t", "g"));
    });

    [Fact]
    public Task MessagesWithoutAKeyHoldNothing() => Story(async broker =>
    {
        await Prepare(broker);
        await Publish(broker, "t", "1", "2");

        await Bury(broker, "1");

        Assert.Equal("2", (await ReceiveOne(broker, "t", "g")).BodyText);
    });

    /// <summary>Letters that were there before the setting hold their keys as well, and go free with it.</summary>
    [Fact]
    public Task TheSettingCanChange() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        await PublishKeyed(broker, "t", ("k", "1"), ("k", "2"), ("other", "3"));
        await Bury(broker, "1");

        await broker.PutGroup("t", "g", new() { HoldKeyBehindDeadLetter = true });
        Assert.Equal(["3"], Bodies(await Receive(broker, "t", "g")));

        await broker.PutGroup("t", "g", new() { HoldKeyBehindDeadLetter = false });
        Assert.Equal(["2"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task WithPrioritiesAHeldKeyWaitsAllTheSame() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"));
        await broker.PutGroup("t", "g", new() { Priority = true, FairBy = FairBy.Key });
        await Bury(broker, "1");
        await broker.Publish("t", [Text("urgent", "k") with { Priority = 9 }, Text("free", "f") with { Priority = 0 }]);

        Assert.Equal(["free"], Bodies(await Receive(broker, "t", "g")));

        await broker.Discard("t", "g", DeadLetterSelection.All);
        Assert.Equal(["urgent"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task OnlyAGroupByKeyHasKeysToHold() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        await Refused(ErrorCodes.Conflict, () => broker.PutGroup("t", "g", new() { HoldKeyBehindDeadLetter = true }));
        await Refused(ErrorCodes.Conflict, () => broker.PutGroup("t", "g", new() { Style = GroupStyle.Log, HoldKeyBehindDeadLetter = true }));
    });
}

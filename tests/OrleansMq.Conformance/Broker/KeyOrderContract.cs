using System.Collections.Concurrent;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Groups by key: a key is at one consumer at a time and in order, redelivery included.</summary>
public abstract class KeyOrderContract : BrokerContract
{
    [Fact]
    public Task AKeyIsAtOneConsumerAtATime() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"), ("k", "2"), ("other", "3"));

        var first = await Receive(broker, "t", "g", 1, "c-1");
        var second = await Receive(broker, "t", "g", 10, "c-2");

        Assert.Equal(["1"], Bodies(first));
        Assert.Equal(["3"], Bodies(second));
    });

    [Fact]
    public Task TheNextOfAKeyFollowsTheAcknowledgement() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"), ("k", "2"), ("k", "3"));

        foreach (var body in Numbers(1, 3))
        {
            var delivery = await ReceiveOne(broker, "t", "g");
            Assert.Equal(body, delivery.BodyText);
            await Acknowledge(broker, "t", "g", delivery);
        }
    });

    [Fact]
    public Task ARedeliveryDoesNotLetLaterMessagesOfItsKeyPass() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"), ("k", "2"));
        await Refuse(broker, "t", "g", TimeSpan.Zero, await ReceiveOne(broker, "t", "g", "c-1"));

        var again = await ReceiveOne(broker, "t", "g", "c-2");

        Assert.Equal(("1", 2), (again.BodyText, again.DeliveryCount));
        await Acknowledge(broker, "t", "g", again);
        Assert.Equal("2", (await ReceiveOne(broker, "t", "g", "c-1")).BodyText);
    });

    [Fact]
    public Task WhileAKeyWaitsForItsDelayOtherKeysGoOn() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"), ("k", "2"), ("other", "3"));

        await Refuse(broker, "t", "g", TimeSpan.FromHours(1), await ReceiveOne(broker, "t", "g"));

        Assert.Equal(["3"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task ADeadLetterLetsItsKeyGoOn() => Story(async broker =>
    {
        await Prepare(broker, ("k", "1"), ("k", "2"));

        await Settle(broker, "t", "g", Settlement.DeadLetter([(await ReceiveOne(broker, "t", "g")).Lease], "poison"));

        Assert.Equal("2", (await ReceiveOne(broker, "t", "g")).BodyText);
    });

    [Fact]
    public Task MessagesWithoutAKeyHaveNoOrderToKeep() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { ByKey = true });
        await Publish(broker, "t", "1", "2", "3");

        Assert.Equal(3, (await Receive(broker, "t", "g")).Count);
    });

    [Fact]
    public Task ManyConsumersKeepTheOrderOfEveryKey() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        await PublishKeyed(broker, "t", [.. Enumerable.Range(0, 200).Select(n => ($"k-{n % 10}", Number(n)))]);
        var handled = new ConcurrentQueue<(string Key, int Number)>();
        var left = 200;

        await Until(Task.WhenAll(Enumerable.Range(0, 5).Select(Consume)));

        foreach (var key in handled.GroupBy(message => message.Key))
            Assert.Equal(key.Select(message => message.Number).Order(), key.Select(message => message.Number));
        Assert.Equal(200, handled.Count);

        async Task Consume(int consumer)
        {
            while (Volatile.Read(ref left) > 0)
            {
                var some = await broker.Receive("t", "g", new() { Max = 4, Consumer = $"c-{consumer}", Wait = TimeSpan.FromMilliseconds(50) });
                foreach (var delivery in some)
                {
                    // Every seventh is refused once, at its first delivery.
                    if (delivery.DeliveryCount == 1 && delivery.Position.Offset % 7 == 0)
                    {
                        await Refuse(broker, "t", "g", TimeSpan.Zero, delivery);
                        continue;
                    }

                    handled.Enqueue((delivery.KeyText!, int.Parse(delivery.BodyText, System.Globalization.CultureInfo.InvariantCulture)));
                    await Acknowledge(broker, "t", "g", delivery);
                    Interlocked.Decrement(ref left);
                }
            }
        }
    });

    [Fact]
    public Task ALogGroupIsNotByKey() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        var refusal = await Assert.ThrowsAsync<MqException>(async () => await broker.PutGroup("t", "g", new() { Style = GroupStyle.Log, ByKey = true }));

        Assert.Contains(refusal.Code, (string[])[ErrorCodes.Conflict, ErrorCodes.Malformed]);
    });

    private static async Task Prepare(IBroker broker, params (string Key, string Body)[] messages)
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { ByKey = true });
        await PublishKeyed(broker, "t", messages);
    }
}

/// <inheritdoc cref="KeyOrderContract"/>
public abstract class TimedKeyOrderContract : BrokerContract
{
    [Fact]
    public Task ALapsedLeaseHoldsItsKeyUntilItIsDeliveredAgain() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { ByKey = true, Backoff = Change<IReadOnlyList<TimeSpan>>.To([TimeSpan.FromSeconds(20)]) });
        await PublishKeyed(broker, "t", ("k", "1"), ("k", "2"));
        await ReceiveOne(broker, "t", "g");

        await Time.Pass(TimeSpan.FromSeconds(35));
        Assert.Empty(await Receive(broker, "t", "g"));
        await Time.Pass(TimeSpan.FromSeconds(20));

        var again = await ReceiveOne(broker, "t", "g");
        Assert.Equal(("1", 2), (again.BodyText, again.DeliveryCount));
    });
}

using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>What can't be processed goes aside once, with its reason; from there it is looked at, sent again or thrown away.</summary>
public abstract class DeadLetterContract : BrokerContract
{
    [Fact]
    public Task AfterMaxDeliveriesAMessageIsADeadLetterWithReasonOriginAndCount() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.PutGroup("t", "g", new() { MaxDeliveries = 3 });
        await broker.Publish("t", [Text("healthy") with { Partition = 1 }, Text("poison", "k") with { Partition = 1, Headers = [new("a", "1")] }]);

        for (var i = 0; i < 3; i++)
            foreach (var delivery in await Receive(broker, "t", "g"))
            {
                if (delivery.BodyText == "healthy")
                    await Acknowledge(broker, "t", "g", delivery);
                else
                    await Refuse(broker, "t", "g", TimeSpan.Zero, delivery);
            }

        Assert.Empty(await Receive(broker, "t", "g"));
        var dead = Assert.Single(await broker.ReadAll("t.g.dlq"));
        Assert.Equal(("poison", "k", 1), (dead.BodyText, dead.KeyText, dead.Position.Partition));
        Assert.Equal([new("a", "1")], dead.Headers);
        Assert.Equal(("max-deliveries", new Position(1, 1), 3), (dead.DeadLetter!.Reason, dead.DeadLetter.Origin, dead.DeadLetter.Deliveries));
        Assert.Equal(ClientTime.GetUtcNow(), dead.DeadLetter.At, TimeSpan.FromMinutes(1));
        var group = (await broker.DescribeGroup("t", "g")).Partitions[1];
        Assert.Equal((2, 0, 1), (group.Cursor, group.Lag, group.DeadLetters));
    });

    [Fact]
    public Task AConsumersWordSendsAMessageToDeadLettersAtOnce() => Story(async broker =>
    {
        await Prepare(broker, "a", "b");

        var dead = await broker.ReadAll("t.g.dlq");

        Assert.Equal(["a", "b"], Bodies(dead));
        Assert.All(dead, each => Assert.Equal(("poison", 1), (each.DeadLetter!.Reason, each.DeadLetter.Deliveries)));
        Assert.Empty(await Receive(broker, "t", "g"));
    });

    [Fact]
    public Task ADeadLetterIsOneExactlyOnce() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");
        var held = await ReceiveOne(broker, "t", "g");
        await Settle(broker, "t", "g", Settlement.DeadLetter([held.Lease], "poison"));

        Assert.Equal(ErrorCodes.LeaseUnknown, await CodeOf(broker, "t", "g", Settlement.DeadLetter([held.Lease], "poison")));

        Assert.Single(await broker.ReadAll("t.g.dlq"));
    });

    [Fact]
    public Task AnotherGroupHasItsOwnDeadLetters() => Story(async broker =>
    {
        await Prepare(broker, "a");

        Assert.Equal(1, (await ReceiveOne(broker, "t", "h")).DeliveryCount);
        Assert.Empty(await broker.ReadAll("t.h.dlq"));
    });

    [Fact]
    public Task RedriveDeliversAgainToThatGroupOnlyWithItsCountFromTheStart() => Story(async broker =>
    {
        await Prepare(broker, "a", "b");
        await Acknowledge(broker, "t", "h", [.. await Receive(broker, "t", "h")]);
        var dead = await broker.ReadAll("t.g.dlq");

        Assert.Equal(1, await broker.Redrive("t", "g", DeadLetterSelection.Of(dead[1].Position)));

        var again = await ReceiveOne(broker, "t", "g");
        Assert.Equal(("b", 1), (again.BodyText, again.DeliveryCount));
        Assert.Equal("poison", again.DeadLetter!.Reason);
        Assert.Empty(await Receive(broker, "t", "h"));
        Assert.Equal(["a"], Bodies(await broker.ReadAll("t.g.dlq")));
        await Acknowledge(broker, "t", "g", again);
        Assert.Empty(await Receive(broker, "t", "g"));
    });

    [Fact]
    public Task RedriveOfAllEmptiesTheDeadLetters() => Story(async broker =>
    {
        await Prepare(broker, "a", "b", "c");

        Assert.Equal(3, await broker.Redrive("t", "g", DeadLetterSelection.All));

        Assert.Equal(["a", "b", "c"], Bodies(await Receive(broker, "t", "g")).Order());
        Assert.Empty(await broker.ReadAll("t.g.dlq"));
        Assert.Equal(0, (await broker.DescribeGroup("t", "g")).Partitions[0].DeadLetters);
        Assert.Equal(0, await broker.Redrive("t", "g", DeadLetterSelection.All));
    });

    [Fact]
    public Task ADeadLetterIsRedrivenWithAReplacement() => Story(async broker =>
    {
        await Prepare(broker, "broken");
        var dead = Assert.Single(await broker.ReadAll("t.g.dlq"));

        await broker.Redrive("t", "g", DeadLetterSelection.Of(dead.Position), Text("mended"));

        Assert.Equal("mended", (await ReceiveOne(broker, "t", "g")).BodyText);
        Assert.Equal(["broken"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task ARedrivenMessageMayDieAgain() => Story(async broker =>
    {
        await Prepare(broker, "a");
        await broker.Redrive("t", "g", DeadLetterSelection.All);

        await Settle(broker, "t", "g", Settlement.DeadLetter([(await ReceiveOne(broker, "t", "g")).Lease], "again"));

        var dead = Assert.Single(await broker.ReadAll("t.g.dlq"));
        Assert.Equal(("a", "again"), (dead.BodyText, dead.DeadLetter!.Reason));
    });

    [Fact]
    public Task DiscardThrowsAwayWhatIsNamed() => Story(async broker =>
    {
        await Prepare(broker, "a", "b");
        var dead = await broker.ReadAll("t.g.dlq");

        Assert.Equal(1, await broker.Discard("t", "g", DeadLetterSelection.Of(dead[0].Position)));
        Assert.Equal(["b"], Bodies(await broker.ReadAll("t.g.dlq")));
        Assert.Equal(1, await broker.Discard("t", "g", DeadLetterSelection.All));

        Assert.Empty(await broker.ReadAll("t.g.dlq"));
        Assert.Empty(await Receive(broker, "t", "g"));
        Assert.Equal(["a", "b"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task PositionsThatAreNoDeadLettersDoNotCount() => Story(async broker =>
    {
        await Prepare(broker, "a");

        Assert.Equal(0, await broker.Redrive("t", "g", DeadLetterSelection.Of(new Position(0, 99))));
        Assert.Equal(0, await broker.Discard("t", "g", DeadLetterSelection.Of(new Position(0, 99))));

        Assert.Single(await broker.ReadAll("t.g.dlq"));
    });

    [Fact]
    public Task DeadLettersAreATopicThatIsOnlyRead() => Story(async broker =>
    {
        await Prepare(broker, "a");

        var topic = await broker.DescribeTopic("t.g.dlq");
        Assert.Equal((1, 1), (topic.Partitions.Count, topic.Partitions[0].End - topic.Partitions[0].Start));
        await Refused(ErrorCodes.Conflict, () => broker.Publish("t.g.dlq", [Text("x")]));
        await Refused(ErrorCodes.Conflict, () => broker.DeleteTopic("t.g.dlq"));
        await Refused(ErrorCodes.Conflict, () => broker.PutGroup("t.g.dlq", "x", new()));

        Assert.Single(await broker.ReadAll("t.g.dlq"));
    });

    [Fact]
    public Task AReasonHasAtMost1024Characters() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");
        var held = await ReceiveOne(broker, "t", "g");

        await Refused(ErrorCodes.Malformed, () => broker.Settle("t", "g", Settlement.DeadLetter([held.Lease], new string('x', 1025))));

        await Settle(broker, "t", "g", Settlement.DeadLetter([held.Lease], new string('x', 1024)));
    });

    /// <summary>A topic whose messages are all dead letters of the group.</summary>
    private static async Task Prepare(IBroker broker, params string[] bodies)
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", bodies);
        await Settle(broker, "t", "g", Settlement.DeadLetter([.. (await Receive(broker, "t", "g")).Select(delivery => delivery.Lease)], "poison"));
    }
}

/// <inheritdoc cref="DeadLetterContract"/>
public abstract class TimedDeadLetterContract : BrokerContract
{
    [Fact]
    public Task LapsedLeasesCountAsDeliveries() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { MaxDeliveries = 2, Backoff = Change<IReadOnlyList<TimeSpan>>.To([]) });
        await Publish(broker, "t", "a");

        for (var i = 0; i < 2; i++)
        {
            await ReceiveOne(broker, "t", "g");
            await Time.Pass(TimeSpan.FromSeconds(31));
        }

        Assert.Empty(await Receive(broker, "t", "g"));
        Assert.Equal(2, Assert.Single(await broker.ReadAll("t.g.dlq")).DeadLetter!.Deliveries);
    });
}

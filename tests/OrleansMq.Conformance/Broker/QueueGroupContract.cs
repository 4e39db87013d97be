using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Queue-style groups: get, then settle; what is not settled comes back.</summary>
public abstract class QueueGroupContract : BrokerContract
{
    [Fact]
    public Task MessagesAreLeasedInOrderAndOnlyOnce() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a", "b", "c");

        var first = await Receive(broker, "t", "g", 2);
        var second = await Receive(broker, "t", "g", 2, consumer: "other");

        Assert.Equal(["a", "b"], Bodies(first));
        Assert.Equal(["c"], Bodies(second));
        Assert.All(first, delivery => Assert.Equal(1, delivery.DeliveryCount));
        Assert.Equal([0, 1], first.Select(delivery => delivery.Position.Offset));
        Assert.Empty(await Receive(broker, "t", "g"));
    });

    [Fact]
    public Task WhatIsAcknowledgedIsNotDeliveredAgain() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a", "b");
        var deliveries = await Receive(broker, "t", "g");

        await Acknowledge(broker, "t", "g", [.. deliveries]);

        var group = (await broker.DescribeGroup("t", "g")).Partitions[0];
        Assert.Equal((2, 0, 0), (group.Cursor, group.Lag, group.InFlight));
        Assert.Empty(await Receive(broker, "t", "g"));
    });

    [Fact]
    public Task ReceivingWaitsForWhatComes() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        var receiving = broker.Receive("t", "g", new() { Max = 10, Wait = Patience, Consumer = "c" }).AsTask();
        Assert.False(receiving.IsCompleted);
        await Publish(broker, "t", "a");

        Assert.Equal(["a"], Bodies(await receiving));
    });

    [Fact]
    public Task ARefusedMessageComesBackWithItsCount() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");
        var first = await ReceiveOne(broker, "t", "g");

        await Refuse(broker, "t", "g", TimeSpan.Zero, first);

        var second = await ReceiveOne(broker, "t", "g");
        Assert.Equal(("a", 2), (second.BodyText, second.DeliveryCount));
        Assert.NotEqual(first.Lease, second.Lease);
    });

    [Fact]
    public Task AcknowledgingOutOfOrderSettlesEachByItself() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a", "b", "c");
        var deliveries = await Receive(broker, "t", "g");

        await Acknowledge(broker, "t", "g", deliveries[2], deliveries[0]);
        await Refuse(broker, "t", "g", TimeSpan.Zero, deliveries[1]);

        Assert.Equal(["b"], Bodies(await Receive(broker, "t", "g")));
        Assert.Equal((1, 1), ((await broker.DescribeGroup("t", "g")).Partitions[0].Cursor, (await broker.DescribeGroup("t", "g")).Partitions[0].Lag));
    });

    [Fact]
    public Task AcknowledgingUpToAPositionSettlesWhatWasDelivered() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", Numbers(0, 6));
        await Receive(broker, "t", "g", 4);

        await Settle(broker, "t", "g", Settlement.AcknowledgeUpTo(new Position(0, 2)));

        var group = (await broker.DescribeGroup("t", "g")).Partitions[0];
        Assert.Equal((3, 3, 1), (group.Cursor, group.Lag, group.InFlight));
        Assert.Equal(["4", "5"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task ALeaseIsSettledOnce() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");
        var delivery = await ReceiveOne(broker, "t", "g");
        await Acknowledge(broker, "t", "g", delivery);

        Assert.Equal(ErrorCodes.LeaseUnknown, await CodeOf(broker, "t", "g", Settlement.Acknowledge(delivery.Lease)));
        Assert.Equal(ErrorCodes.LeaseUnknown, await CodeOf(broker, "t", "g", Settlement.Refuse([delivery.Lease])));
        Assert.Equal(ErrorCodes.LeaseUnknown, await CodeOf(broker, "t", "g", Settlement.Acknowledge(delivery.Lease with { Offset = 99 })));
    });

    [Fact]
    public Task ResultsOfASettlementComeInTheOrderGiven() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.Publish("t", [Text("a") with { Partition = 0 }, Text("b") with { Partition = 1 }]);
        var deliveries = await Receive(broker, "t", "g");
        var unknown = deliveries[0].Lease with { Offset = 77 };

        var results = await broker.Settle("t", "g", Settlement.Acknowledge(deliveries[1].Lease, unknown, deliveries[0].Lease));

        Assert.Equal([(deliveries[1].Lease, true), (unknown, false), (deliveries[0].Lease, true)], results.Select(result => (result.Lease, result.Ok)));
    });

    [Fact]
    public Task TheOldLeaseOfARedeliveredMessageIsNotGoodAnyMore() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");
        var first = await ReceiveOne(broker, "t", "g");
        await Refuse(broker, "t", "g", TimeSpan.Zero, first);
        var second = await ReceiveOne(broker, "t", "g");

        Assert.NotNull(await CodeOf(broker, "t", "g", Settlement.Acknowledge(first.Lease)));

        await Acknowledge(broker, "t", "g", second);
    });

    [Fact]
    public Task GroupsDoNotDisturbEachOther() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");
        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g"));

        Assert.Equal(1, (await ReceiveOne(broker, "t", "h")).DeliveryCount);
    });

    [Fact]
    public Task FirstUseMakesAQueueGroupFromTheEarliest() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");

        await ReceiveOne(broker, "t", "g");

        var group = await broker.DescribeGroup("t", "g");
        Assert.False(group.Declared);
        Assert.Equal((GroupStyle.Queue, StartKind.Earliest), (group.Settings.Style, group.Settings.From.Kind));
    });

    [Fact]
    public Task AGroupFromTheLatestGetsOnlyWhatComesAfterIt() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "before");
        await broker.PutGroup("t", "g", new() { From = StartAt.Latest });

        await Publish(broker, "t", "after");

        Assert.Equal(["after"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task ARepeatDoesNotEndWithTheCallerBeforeIt() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var request = new ReceiveRequest { Consumer = "c", RequestId = "r-1", Wait = TimeSpan.FromSeconds(30) };
        using var gone = new CancellationTokenSource();
        var first = broker.Receive("t", "g", request, gone.Token).AsTask();
        var second = broker.Receive("t", "g", request).AsTask();

        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        await Publish(broker, "t", "m");

        Assert.Equal(["m"], Bodies(await second));
    });

    [Fact]
    public Task TheSameRequestIdGivesTheSameMessages() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a", "b", "c");
        var request = new ReceiveRequest { Max = 2, Consumer = "c", RequestId = "r-1" };

        var first = await broker.Receive("t", "g", request);
        var again = await broker.Receive("t", "g", request);
        var next = await broker.Receive("t", "g", request with { RequestId = "r-2" });

        Assert.Equal(first.Select(delivery => (delivery.Lease, delivery.DeliveryCount)), again.Select(delivery => (delivery.Lease, delivery.DeliveryCount)));
        Assert.Equal(["c"], Bodies(next));
    });

    [Fact]
    public Task PauseStopsDeliveryAndSettlingGoesOn() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());
        await Publish(broker, "t", "a", "b");
        var held = await ReceiveOne(broker, "t", "g");

        await broker.PutGroup("t", "g", new() { Paused = true });
        Assert.Empty(await Receive(broker, "t", "g"));
        await Acknowledge(broker, "t", "g", held);
        await broker.PutGroup("t", "g", new() { Paused = false });

        Assert.Equal(["b"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task EndingAPauseWakesThoseWhoWait() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { Paused = true });
        await Publish(broker, "t", "a");
        var receiving = broker.Receive("t", "g", new() { Wait = Patience, Consumer = "c" }).AsTask();

        await broker.PutGroup("t", "g", new() { Paused = false });

        Assert.Single(await receiving);
    });

    [Fact]
    public Task NoMoreThanMaxInFlightIsLeasedOverAllPartitions() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 3 });
        await broker.PutGroup("t", "g", new() { MaxInFlight = 4 });
        await Publish(broker, "t", Numbers(0, 12));

        var first = await Receive(broker, "t", "g", 10);
        Assert.Equal(4, first.Count);
        Assert.Empty(await Receive(broker, "t", "g", 10));
        await Acknowledge(broker, "t", "g", first[0]);

        Assert.Single(await Receive(broker, "t", "g", 10));
    });

    [Fact]
    public Task SeekingBackDeliversWhatWasSettledAgain() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a", "b", "c");
        await Acknowledge(broker, "t", "g", [.. await Receive(broker, "t", "g")]);

        await broker.Seek("t", "g", SeekRequest.Everywhere(StartAt.Earliest));
        Assert.Equal(["a", "b", "c"], Bodies(await Receive(broker, "t", "g")));
        await broker.Seek("t", "g", SeekRequest.At(new Position(0, 2)));

        Assert.Equal(["c"], Bodies(await Receive(broker, "t", "g")));
        Assert.Equal(2, (await broker.DescribeGroup("t", "g")).Partitions[0].Cursor);
    });

    [Fact]
    public Task ASeekEndsLeases() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");
        var held = await ReceiveOne(broker, "t", "g");

        await broker.Seek("t", "g", SeekRequest.Everywhere(StartAt.Latest));

        Assert.NotNull(await CodeOf(broker, "t", "g", Settlement.Acknowledge(held.Lease)));
        Assert.Empty(await Receive(broker, "t", "g"));
        Assert.Equal(0, (await broker.DescribeGroup("t", "g")).Partitions[0].Lag);
    });

    [Fact]
    public Task WhatIsSettledStaysForReplayByALateGroup() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a", "b");
        await Acknowledge(broker, "t", "g", [.. await Receive(broker, "t", "g")]);

        Assert.Equal(["a", "b"], Bodies(await Receive(broker, "t", "late")));
    });

    [Fact]
    public Task LagAndLeasesAreReported() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", Numbers(0, 5));
        var held = await Receive(broker, "t", "g", 3, consumer: "worker-1");
        await Acknowledge(broker, "t", "g", held[0]);

        var group = await broker.DescribeGroup("t", "g");

        Assert.Equal((1, 4, 2), (group.Partitions[0].Cursor, group.Partitions[0].Lag, group.Partitions[0].InFlight));
        Assert.NotNull(group.Partitions[0].OldestUnsettled);
        Assert.Contains(group.Members, member => member.Member == "worker-1");
    });

    [Theory]
    [InlineData(0)]
    [InlineData(10_001)]
    public Task OneToTenThousandMessagesAreReceivedAtOnce(int max) => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        await Refused(ErrorCodes.Malformed, () => broker.Receive("t", "g", new() { Max = max }));
    });

    [Fact]
    public Task OneConsumerIsActiveAndTheOthersStandBy() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { MaxActive = 1 });
        await Publish(broker, "t", "a", "b");

        var held = await ReceiveOne(broker, "t", "g", consumer: "first");
        Assert.Empty(await Receive(broker, "t", "g", consumer: "second"));
        await Acknowledge(broker, "t", "g", held);

        Assert.Equal(["b"], Bodies(await Receive(broker, "t", "g", consumer: "first")));
    });

    /// <summary>Batches were once not found where they lay between others of other sizes, and their messages settled for gone.</summary>
    [Fact]
    public Task MessagesOfAllSizesInBatchesOfAllSizesAreDeliveredOnceEach() => Story(async broker =>
    {
        const int Batches = 120;
        await broker.PutTopic("t", new());
        var random = new Random(11);
        var published = 0;
        var handedOut = new Dictionary<long, string>();
        var publishing = PublishAll();
        int[] most = [1, 3, 10, 40, 200];
        var taken = await Task.WhenAll(most.Select((max, i) => Drain(max, $"c-{i}")));
        await publishing;

        Assert.Equal(published, taken.Sum());
        Assert.Equal(Enumerable.Range(0, published).Select(number => (long)number), handedOut.Keys.Order());
        var group = (await broker.DescribeGroup("t", "g")).Partitions[0];
        Assert.Equal(((long)published, 0, 0), (group.Cursor, group.Lag, group.InFlight));

        async Task PublishAll()
        {
            for (var batch = 0; batch < Batches; batch++)
            {
                var bodies = new string[random.Next(1, 51)];
                for (var i = 0; i < bodies.Length; i++)
                    bodies[i] = BodyOf(published + i, random.Next(20, 2_000));
                published += bodies.Length;
                await Publish(broker, "t", bodies);
                // Half of it first: more waits than is read at once.
                if (batch >= Batches / 2)
                    await Task.Yield();
            }
        }

        async Task<int> Drain(int max, string consumer)
        {
            var count = 0;
            while (true)
            {
                var wasLast = publishing.IsCompleted;
                var some = await Receive(broker, "t", "g", max, consumer);
                if (some.Count == 0 && wasLast)
                    return count;
                foreach (var delivery in some)
                {
                    var (offset, body) = (delivery.Position.Offset, delivery.BodyText);
                    Assert.Equal(1, delivery.DeliveryCount);
                    Assert.Equal(BodyOf((int)offset, body.Length), body);
                    lock (handedOut)
                        Assert.True(handedOut.TryAdd(offset, consumer), $"Message {offset} was delivered to {consumer} as well.");
                }

                if (some.Count > 0)
                    await Acknowledge(broker, "t", "g", [.. some]);
                count += some.Count;
                // The others come in between, also where nothing takes time.
                await Task.Yield();
            }
        }

        static string BodyOf(int number, int length) => Number(number).PadRight(length, '.');
    });

    [Fact]
    public Task CompetingConsumersShareAllMessagesBetweenThem() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 4 });
        await Publish(broker, "t", Numbers(0, 200));

        var bodies = await Task.WhenAll(Enumerable.Range(0, 8).Select(Drain));

        Assert.Equal(Numbers(0, 200).Order(), bodies.SelectMany(each => each).Order());

        async Task<List<string>> Drain(int consumer)
        {
            List<string> mine = [];
            while (await Receive(broker, "t", "g", 7, $"c-{consumer}") is { Count: > 0 } some)
            {
                mine.AddRange(Bodies(some));
                await Acknowledge(broker, "t", "g", [.. some]);
            }

            return mine;
        }
    });
}

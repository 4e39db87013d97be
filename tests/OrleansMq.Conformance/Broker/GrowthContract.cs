using System.Globalization;
using System.Text;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Topics grow while they are at work: nothing is stranded, each key keeps its order, and what was sent again is not stored again.</summary>
public abstract class GrowthContract : BrokerContract
{
    [Fact]
    public Task ATopicGrowsAndKeepsWhatItHolds() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2, MaxMessages = 1000 });
        await Publish(broker, "t", Numbers(0, 20));

        var grown = await broker.GrowTopic("t", 6);

        Assert.Equal((6, 1000, false), (grown.Settings.Partitions, grown.Settings.MaxMessages, grown.Created));
        Assert.Equal([0, 1, 2, 3, 4, 5], grown.Partitions.Select(partition => partition.Partition));
        Assert.All(grown.Partitions, partition => Assert.Null(partition.Error));
        Assert.Equal(Numbers(0, 20).Order(), Bodies(await broker.ReadAll("t")).Order());
        await broker.Publish("t", [new Message { Partition = 5 }]);
        Assert.Equal(1, (await broker.DescribeTopic("t")).Partitions[5].End);
    });

    [Fact]
    public Task AChangeOfTheSettingsGrowsToo() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });

        var grown = await broker.PutTopic("t", new() { Partitions = 4, MaxMessages = 7 });

        Assert.Equal((4, 7), (grown.Settings.Partitions, grown.Settings.MaxMessages));
        Assert.Equal(4, (await broker.DescribeTopic("t")).Partitions.Count);
    });

    [Fact]
    public Task AsManyPartitionsAsThereAreChangeNothing() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.GrowTopic("t", 4);

        Assert.Equal(4, (await broker.GrowTopic("t", 4)).Settings.Partitions);
        Assert.Equal(4, (await broker.PutTopic("t", new() { Partitions = 4 })).Settings.Partitions);
    });

    [Fact]
    public Task WhatIsNoGrowthIsRefusedAndChangesNothing() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 4 });

        Assert.Contains("shrink", (await Refused(ErrorCodes.Conflict, () => broker.GrowTopic("t", 2))).Message, StringComparison.Ordinal);
        Assert.Contains("multiple", (await Refused(ErrorCodes.Conflict, () => broker.GrowTopic("t", 6))).Message, StringComparison.Ordinal);
        await Refused(ErrorCodes.Conflict, () => broker.GrowTopic("t", 2, breakKeyOrder: true));
        await Refused(ErrorCodes.Malformed, () => broker.GrowTopic("t", 10_004));
        await Refused(ErrorCodes.Malformed, () => broker.GrowTopic("t", 0));
        await Refused(ErrorCodes.TopicUnknown, () => broker.GrowTopic("other", 4));

        Assert.Equal(4, (await broker.DescribeTopic("t")).Settings.Partitions);
        await Refused(ErrorCodes.TopicUnknown, () => broker.DescribeTopic("other"));
    });

    [Fact]
    public Task AnyNumberGoesWhereKeysNeedNotKeepTheirOrder() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });

        Assert.Equal(3, (await broker.GrowTopic("t", 3, breakKeyOrder: true)).Settings.Partitions);

        var key = KeyOf((0, 2), (2, 3));
        Assert.Equal(2, (await broker.Publish("t", [Text("a", key)]))[0].Position.Partition);
        await broker.PutGroup("t", "g", new() { ByKey = true });
        Assert.Equal("a", (await ReceiveOne(broker, "t", "g")).BodyText);
    });

    [Fact]
    public Task ABatchThatWasChosenByFewerPartitionsIsRefused() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.GrowTopic("t", 4);

        var refusal = await Refused(ErrorCodes.PartitionsChanged, () => broker.Append(Batch(0, "a") with { Partitions = 2 }));

        Assert.Contains("4", refusal.Message, StringComparison.Ordinal);
        Assert.False(refusal.IsRetriable);
        Assert.Empty(await broker.ReadAll("t"));
        await broker.Append(Batch(0, "b") with { Partitions = 4 });
        await broker.Append(Batch(1, "c"));
        Assert.Equal(["b", "c"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task ABatchThatWasStoredBeforeTheGrowthIsADuplicateBehindIt() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        var producer = await broker.OpenProducer();
        var first = Batch(0, "a") with { Partitions = 2, Producer = new ProducerSequence(producer.Id, producer.Epoch, 0) };
        await broker.Append(first);
        await broker.GrowTopic("t", 4);

        Assert.True((await broker.Append(first)).Duplicate);
        await Refused(ErrorCodes.PartitionsChanged, () => broker.Append(first with { Producer = first.Producer!.Value with { Sequence = 1 } }));
        Assert.Equal(["a"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task WhoNamesAPartitionFindsTheNewOneAndItsTokenIsLookedForThereAlone() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        Message Mark(int partition) => Text("mark") with { Partition = partition, Token = "mark" };
        await broker.Publish("t", [Mark(0), Mark(1)]);
        await broker.GrowTopic("t", 4);

        var results = await broker.Publish("t", [Mark(0), Mark(1), Mark(2), Mark(3)]);

        Assert.Equal([true, true, false, false], results.Select(result => result.Duplicate));
        Assert.Equal([0, 1, 2, 3], results.Select(result => result.Position.Partition));
    });

    [Fact]
    public Task ATokenThatWasSentBeforeTheGrowthIsADuplicateWhereItsKeyGoes() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        var message = Text("a", KeyOf((1, 2), (3, 4))) with { Token = "order-1" };
        var bare = Text("b") with { Token = TokenOf((1, 2), (3, 4)) };
        var first = await broker.Publish("t", [message, bare]);
        await broker.GrowTopic("t", 2);
        await broker.GrowTopic("t", 4);

        var again = await broker.Publish("t", [message, bare]);

        Assert.Equal(first.Select(result => result.Position), again.Select(result => result.Position));
        Assert.All(again, result => Assert.True(result.Duplicate));
        var fresh = await broker.Publish("t", [message with { Token = "order-2" }, message]);
        Assert.Equal((3, false), (fresh[0].Position.Partition, fresh[0].Duplicate));
        Assert.Equal((first[0].Position, true), (fresh[1].Position, fresh[1].Duplicate));
        Assert.Equal(3, (await broker.ReadAll("t")).Count);
    });

    [Fact]
    public Task AKeyThatMovedIsDeliveredWhenAllBeforeItIsSettled() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        var (moves, stays) = (KeyOf((0, 2), (2, 4)), KeyOf((0, 2), (0, 4)));
        await PublishKeyed(broker, "t", (moves, "1"), (stays, "a"));
        await broker.GrowTopic("t", 4);
        await PublishKeyed(broker, "t", (moves, "2"), (stays, "b"));

        var first = await Receive(broker, "t", "g");
        Assert.Equal(["1", "a"], Bodies(first).Order());
        Assert.Empty(await Receive(broker, "t", "g"));
        await Acknowledge(broker, "t", "g", first.Single(delivery => delivery.BodyText == "1"));
        // What stood beside it is not settled: it is the partition that waits.
        Assert.Empty(await Receive(broker, "t", "g"));
        await Acknowledge(broker, "t", "g", first.Single(delivery => delivery.BodyText == "a"));

        Assert.Equal(["2", "b"], Bodies(await Receive(broker, "t", "g")).Order());
    });

    [Fact]
    public Task AConsumerThatWaitsIsWokenWhenThePartitionBeforeIsDrained() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        var key = KeyOf((0, 1), (1, 2));
        await PublishKeyed(broker, "t", (key, "1"));
        var first = await ReceiveOne(broker, "t", "g");
        await broker.GrowTopic("t", 2);
        await PublishKeyed(broker, "t", (key, "2"));
        var waiting = broker.Receive("t", "g", new ReceiveRequest { Consumer = "c2", Wait = Patience }).AsTask();

        await Acknowledge(broker, "t", "g", first);

        Assert.Equal(["2"], Bodies(await Until(waiting)));
    });

    [Fact]
    public Task WhatIsRefusedOrDeadHoldsItsSuccessorsAsLongAsItIsNotSettled() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        var key = KeyOf((0, 1), (1, 2));
        await PublishKeyed(broker, "t", (key, "1"));
        await broker.GrowTopic("t", 2);
        await PublishKeyed(broker, "t", (key, "2"));

        await Refuse(broker, "t", "g", TimeSpan.Zero, await ReceiveOne(broker, "t", "g"));
        var again = await ReceiveOne(broker, "t", "g");
        Assert.Equal(("1", 2), (again.BodyText, again.DeliveryCount));
        await Settle(broker, "t", "g", Settlement.DeadLetter([again.Lease], "no good"));

        Assert.Equal("2", (await ReceiveOne(broker, "t", "g")).BodyText);
    });

    [Fact]
    public Task OverTwoGrowthsAKeyWaitsForAllItsPartitions() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        // From 0 to 1, where it sends nothing, to 3.
        var key = KeyOf((0, 1), (1, 2), (3, 4));
        await PublishKeyed(broker, "t", (key, "1"));
        await broker.GrowTopic("t", 2);
        await broker.GrowTopic("t", 4);
        await PublishKeyed(broker, "t", (key, "2"));

        var first = await ReceiveOne(broker, "t", "g");
        Assert.Equal("1", first.BodyText);
        Assert.Empty(await Receive(broker, "t", "g"));
        await Acknowledge(broker, "t", "g", first);

        Assert.Equal("2", (await ReceiveOne(broker, "t", "g")).BodyText);
    });

    [Fact]
    public Task AGroupThatIsMadeLaterReadsInTheSameOrder() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        var key = KeyOf((0, 1), (1, 2));
        await PublishKeyed(broker, "t", (key, "1"));
        await broker.GrowTopic("t", 2);
        await PublishKeyed(broker, "t", (key, "2"));

        await broker.PutGroup("t", "late", new() { ByKey = true });
        var first = await ReceiveOne(broker, "t", "late");
        Assert.Equal("1", first.BodyText);
        Assert.Empty(await Receive(broker, "t", "late"));
        await Acknowledge(broker, "t", "late", first);
        Assert.Equal("2", (await ReceiveOne(broker, "t", "late")).BodyText);

        await broker.PutGroup("t", "latest", new() { ByKey = true, From = StartAt.Latest });
        await PublishKeyed(broker, "t", (key, "3"));
        Assert.Equal("3", (await ReceiveOne(broker, "t", "latest")).BodyText);
    });

    [Fact]
    public Task ASeekMakesSuccessorsWaitAgain() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        var key = KeyOf((0, 1), (1, 2));
        await PublishKeyed(broker, "t", (key, "1"));
        await broker.GrowTopic("t", 2);
        await PublishKeyed(broker, "t", (key, "2"));
        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g"));
        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g"));

        await broker.Seek("t", "g", SeekRequest.Everywhere(StartAt.Earliest));

        Assert.Equal(["1"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task AGroupWithoutKeyOrderHasEverythingAtOnce() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new());
        await PublishKeyed(broker, "t", ("k", "1"));
        await broker.GrowTopic("t", 3);
        await broker.Publish("t", [.. Enumerable.Range(0, 3).Select(p => Text(Number(p)) with { Partition = p })]);

        Assert.Equal(4, (await Receive(broker, "t", "g")).Count);
    });

    [Fact]
    public Task AMemberGetsAPartitionWhenAllBeforeItIsCommitted() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await Publish(broker, "t", "a", "b");
        var before = await broker.Join("t", "g", "m", TimeSpan.FromMinutes(5));
        Assert.Equal([0], before.Partitions);
        await broker.GrowTopic("t", 2);
        Assert.Equal([0], (await broker.Join("t", "g", "m", TimeSpan.FromMinutes(5))).Partitions);
        Assert.Equal([0], (await broker.DescribeGroup("t", "g")).Members.Single().Partitions);

        var now = await broker.Join("t", "g", "m", TimeSpan.FromMinutes(5));
        await broker.Commit("t", "g", new CommitRequest([new Position(0, 1)], "m", now.Generation));
        await broker.Heartbeat("t", "g", "m", now.Generation);
        await broker.Commit("t", "g", new CommitRequest([new Position(0, 2)], "m", now.Generation));

        await Refused(ErrorCodes.GenerationStale, () => broker.Heartbeat("t", "g", "m", now.Generation));
        var after = await broker.Join("t", "g", "m", TimeSpan.FromMinutes(5));
        Assert.Equal([0, 1], after.Partitions);
        Assert.True(after.Generation > now.Generation);
        Assert.Equal([0, 1], (await broker.DescribeGroup("t", "g")).Members.Single().Partitions);
    });

    [Fact]
    public Task AFollowerReadsEachKeyInOrderOverGrowths() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        var seen = new List<string>();
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var half = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await PublishNumbered(broker, 0, 10);
        await broker.GrowTopic("t", 2);
        await PublishNumbered(broker, 10, 10);
        await using (var consumer = LogConsumer.ForEach(broker, "t", "g", (message, _) =>
        {
            seen.Add(message.BodyText);
            if (seen.Count == 5 * 20)
                half.SetResult();
            if (seen.Count == 5 * 30)
                all.SetResult();
            return Task.CompletedTask;
        }, new LogConsumerOptions { ReadWait = TimeSpan.FromMilliseconds(200), SessionTimeout = TimeSpan.FromSeconds(2) }, ClientTime))
        {
            await Until(half.Task);
            await broker.GrowTopic("t", 6);
            await PublishNumbered(broker, 20, 10);
            await Until(all.Task);
        }

        AssertInOrder(seen, 5, 30);
    });

    [Fact]
    public Task AProducerKeepsTheOrderOfItsKeysWhileTheTopicGrows() => Story(async broker =>
    {
        const int Keys = 5, Each = 60;
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        await using (var producer = broker.Produce("t", new ProducerOptions { BatchMessages = 4 }, ClientTime))
        {
            var sending = Enumerable.Range(0, Each).SelectMany(n => Enumerable.Range(0, Keys).Select(k => producer.Send(Text($"k{k}:{n}", $"k{k}")))).ToList();
            await Until(sending[Keys * 2]);
            await broker.GrowTopic("t", 2);
            sending.AddRange(Enumerable.Range(Each, Each).SelectMany(n => Enumerable.Range(0, Keys).Select(k => producer.Send(Text($"k{k}:{n}", $"k{k}")))));
            await broker.GrowTopic("t", 8);
            await Until(Task.WhenAll(sending));
            Assert.All(sending, sent => Assert.False(sent.Result.Duplicate));
        }

        var seen = new List<string>();
        while (await Receive(broker, "t", "g") is { Count: > 0 } given)
        {
            seen.AddRange(Bodies(given));
            await Acknowledge(broker, "t", "g", [.. given]);
        }

        AssertInOrder(seen, Keys, 2 * Each);
        Assert.True((await broker.DescribeTopic("t")).Partitions.Count(partition => partition.End > 0) > 1);
    });

    [Fact]
    public Task AProducerThatNamesNoKeysUsesTheNewPartitions() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await using var producer = broker.Produce("t", new ProducerOptions(), ClientTime);
        await Until(producer.Send(Text("a")));
        await broker.GrowTopic("t", 2);
        for (var n = 0; n < 6; n++)
            await Until(producer.Send(Text("b")));

        Assert.All((await broker.DescribeTopic("t")).Partitions, partition => Assert.True(partition.End > 0));
        Assert.Equal(7, (await broker.ReadAll("t")).Count);
    });

    [Fact]
    public Task TheNewPartitionsHaveTheTopicsSettingsAndLanes() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1, MaxMessageBytes = 100 });
        await broker.PutGroup("t", "g", new() { MaxDeliveries = 1 });
        await broker.GrowTopic("t", 3);

        await Refused(ErrorCodes.MessageTooLarge, () => broker.Publish("t", [new Message { Partition = 2, Body = new byte[200] }]));
        var later = await broker.Publish("t", [Text("later") with { Partition = 2, DeliverAfter = TimeSpan.FromDays(1), Token = "x" }]);
        Assert.Equal("x", later[0].Scheduled);
        Assert.Equal("x", Assert.Single((await broker.ListScheduled("t")).Items).Id);
        await broker.CancelScheduled("t", "x");
        var half = await broker.Publish("t", [Text("half") with { Partition = 2, Half = new HalfTerms("h") }]);
        Assert.Equal(2, (await broker.EndHalf("t", half[0].Half!, HalfState.Committed)).Position!.Value.Partition);
        var given = await ReceiveOne(broker, "t", "g");
        Assert.Equal("half", given.BodyText);
        await Settle(broker, "t", "g", Settlement.DeadLetter([given.Lease], "no good"));
        Assert.Equal(2, Assert.Single(await broker.ReadAll("t.g.dlq")).Position.Partition);
        Assert.Equal(1, await broker.Redrive("t", "g", DeadLetterSelection.All));
        Assert.Equal("half", (await ReceiveOne(broker, "t", "g")).BodyText);
    });

    [Fact]
    public Task AnAdmissionCapIsExactOverAGrowth() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1, Admit = 10 });
        await Publish(broker, "t", Numbers(0, 4));
        await broker.GrowTopic("t", 3);

        var accepted = 0;
        for (var n = 0; n < 20; n++)
        {
            try
            {
                await broker.Publish("t", [new Message { Partition = n % 3 }]);
                accepted++;
            }
            catch (MqException closed) when (closed.Code == ErrorCodes.AdmissionClosed)
            {
            }
        }

        Assert.Equal(6, accepted);
    });

    [Fact]
    public Task ALimitOfTheBacklogCountsTheNewPartitions() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1, MaxMessages = 4 });
        await Publish(broker, "t", "a", "b");
        await broker.GrowTopic("t", 2);
        await broker.Publish("t", [new Message { Partition = 1 }]);
        await broker.Publish("t", [new Message { Partition = 1 }]);

        await Refused(ErrorCodes.BacklogFull, () => broker.Publish("t", [new Message { Partition = 0 }]));
        await Refused(ErrorCodes.BacklogFull, () => broker.Publish("t", [new Message { Partition = 1 }]));
    });

    [Fact]
    public Task AGrownTopicIsDeletedWhole() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.GrowTopic("t", 4);
        await broker.Publish("t", [new Message { Partition = 3 }]);

        await broker.DeleteTopic("t");

        Assert.Equal(1, (await broker.PutTopic("t", new())).Settings.Partitions);
        await broker.GrowTopic("t", 4);
        Assert.Empty(await broker.ReadAll("t"));
    });

    private static async Task PublishNumbered(IBroker broker, int from, int count)
    {
        for (var n = from; n < from + count; n++)
            await broker.Publish("t", [.. Enumerable.Range(0, 5).Select(k => Text($"k{k}:{n}", $"k{k}"))]);
    }

    /// <summary>Each of the keys has each of its numbers once, and rising.</summary>
    private static void AssertInOrder(List<string> seen, int keys, int each)
    {
        foreach (var key in seen.GroupBy(body => body.Split(':')[0]))
            Assert.Equal(Enumerable.Range(0, each), key.Select(body => int.Parse(body.Split(':')[1], CultureInfo.InvariantCulture)));
        Assert.Equal(keys * each, seen.Count);
    }

    private static AppendRequest Batch(int partition, string body)
    {
        var builder = new RecordBatchBuilder(256);
        MessageCodec.Append(builder, Text(body), 1_700_000_000_000);
        return new AppendRequest { Topic = "t", Partition = partition, Batch = builder.Build().ToArray() };
    }

    /// <summary>A key that goes to given partitions of given numbers of them.</summary>
    private static string KeyOf(params (int Partition, int Of)[] places) => NameOf("k", places);

    private static string TokenOf(params (int Partition, int Of)[] places) => NameOf("token-", places);

    private static string NameOf(string stem, (int Partition, int Of)[] places) => Enumerable.Range(0, 10_000).Select(n => $"{stem}{n}")
        .First(name => places.All(place => Murmur2.PartitionFor(Encoding.UTF8.GetBytes(name), place.Of) == place.Partition));
}

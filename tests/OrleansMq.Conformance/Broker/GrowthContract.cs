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
        var message = Text("a", PlacedNames.KeyOf((1, 2), (3, 4))) with { Token = "order-1" };
        var bare = Text("b") with { Token = PlacedNames.TokenOf((1, 2), (3, 4)) };
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

    private static AppendRequest Batch(int partition, string body)
    {
        var builder = new RecordBatchBuilder(256);
        MessageCodec.Append(builder, Text(body), 1_700_000_000_000);
        return new AppendRequest { Topic = "t", Partition = partition, Batch = builder.Build().ToArray() };
    }
}

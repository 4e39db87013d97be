using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Reading finds what is stored from any place, waits for what comes, and leaves no trace.</summary>
public abstract class ReadContract : BrokerContract
{
    [Fact]
    public Task ReadingBeginsInTheMiddleOfABatch() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", Numbers(0, 10));

        var read = new List<StoredMessage>();
        await foreach (var message in broker.Browse("t", 0, StartAt.Offset(7)))
            read.Add(message);

        Assert.Equal(["7", "8", "9"], Bodies(read));
    });

    [Fact]
    public Task ManyPartitionsAreReadAtOnceInTheOrderAsked() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 3 });
        await broker.PutTopic("u", new());
        await broker.Publish("t", [Text("a") with { Partition = 2 }, Text("b") with { Partition = 0 }]);
        await Publish(broker, "u", "c");

        using var read = await broker.Read(new ReadRequest { Partitions = [new("t", 2, 0), new("u", 0, 0), new("t", 1, 0), new("t", 0, 0)] });

        Assert.Equal([("t", 2), ("u", 0), ("t", 1), ("t", 0)], read.Partitions.Select(partition => (partition.Topic.Text, partition.Partition)));
        Assert.Equal([1, 1, 0, 1], read.Partitions.Select(partition => partition.End));
        Assert.Equal([false, false, true, false], read.Partitions.Select(partition => partition.Batches.IsEmpty));
    });

    [Fact]
    public Task APartitionThatCannotBeReadDoesNotSpoilTheOthers() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");

        using var read = await broker.Read(new ReadRequest { Partitions = [new("none", 0, 0), new("t", 7, 0), new("t", 0, 0), new("t", 0, 5)] });

        Assert.Equal(
            [ErrorCodes.TopicUnknown, ErrorCodes.PartitionUnknown, null, ErrorCodes.OffsetOutOfRange], read.Partitions.Select(partition => partition.Error?.Code));
        Assert.False(read.Partitions[2].Batches.IsEmpty);
    });

    [Fact]
    public Task ManyPartitionsTogetherGiveNoMoreThanAsked() => Story(async broker =>
    {
        const int partitions = 100, message = 10_000;
        await broker.PutTopic("t", new() { Partitions = partitions });
        for (var p = 0; p < partitions; p++)
            await broker.Publish("t", [new Message { Body = new byte[message], Partition = p }]);
        var left = Enumerable.Range(0, partitions).ToList();

        while (left.Count > 0)
        {
            using var read = await broker.Read(new ReadRequest { Partitions = [.. left.Select(p => new PartitionCursor("t", p, 0))], MaxBytes = 5 * message });

            // One batch may go beyond.
            Assert.InRange(read.Partitions.Sum(partition => partition.Batches.Length), message, 6 * (message + 500));
            Assert.All(read.Partitions, partition => Assert.Equal(1, partition.End));
            left.RemoveAll(p => !read.Partitions.Single(partition => partition.Partition == p).Batches.IsEmpty);
        }
    });

    [Fact]
    public Task AReaderAtTheEndIsWokenByAnAppend() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        var reading = broker.Read(new ReadRequest { Partitions = [new("t", 0, 0)], Wait = Patience }).AsTask();
        Assert.False(reading.IsCompleted);
        await Publish(broker, "t", "a");

        using var read = await reading;
        Assert.False(read.Partitions[0].Batches.IsEmpty);
    });

    [Fact]
    public Task AReaderThatWaitsOnATopicThatIsMadeAnewIsServedOrToldAtOnce() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var reading = broker.Read(new ReadRequest { Partitions = [new("t", 0, 0)], Wait = TimeSpan.FromMinutes(20) }).AsTask();
        Assert.False(reading.IsCompleted);

        await broker.DeleteTopic("t");
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");

        using var read = await reading.WaitAsync(TimeSpan.FromMinutes(2));
        Assert.True(read.Partitions[0].Error is not null || !read.Partitions[0].Batches.IsEmpty);
    });

    [Fact]
    public Task WithoutWaitingAReadAtTheEndIsEmpty() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");

        using var read = await broker.Read(new ReadRequest { Partitions = [new("t", 0, 1)] });

        Assert.True(read.Partitions[0].Batches.IsEmpty);
        Assert.Null(read.Partitions[0].Error);
        Assert.Equal((0, 1), (read.Partitions[0].Start, read.Partitions[0].End));
    });

    [Fact]
    public Task TheFirstBatchIsGivenHoweverLargeAndNoMoreThanWasAsked() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        for (var i = 0; i < 5; i++)
            await broker.Publish("t", [new Message { Body = new byte[10_000] }]);

        using var read = await broker.Read(new ReadRequest { Partitions = [new("t", 0, 0, MaxBytes: 1)], MaxBytes = 1 });

        Assert.Equal(0, RecordBatch.ReadExactly(read.Partitions[0].Batches).BaseOffset);
    });

    [Fact]
    public Task PlacesAreFoundWithinWhatIsStored() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", Numbers(0, 10));
        await broker.DeleteBefore("t", 0, 3);

        Assert.Equal(3, await broker.FindOffset("t", 0, StartAt.Earliest));
        Assert.Equal(10, await broker.FindOffset("t", 0, StartAt.Latest));
        Assert.Equal(5, await broker.FindOffset("t", 0, StartAt.Offset(5)));
        Assert.Equal(3, await broker.FindOffset("t", 0, StartAt.Offset(1)));
        Assert.Equal(10, await broker.FindOffset("t", 0, StartAt.Offset(99)));
        Assert.Equal(3, await broker.FindOffset("t", 0, StartAt.Time(DateTimeOffset.UnixEpoch)));
        Assert.Equal(10, await broker.FindOffset("t", 0, StartAt.Time(ClientTime.GetUtcNow().AddDays(1))));
    });

    [Fact]
    public Task WhatIsDeletedBeforeAnOffsetIsGoneAndTheRestStays() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", Numbers(0, 10));

        var start = await broker.DeleteBefore("t", 0, 4);

        Assert.Equal(4, start);
        Assert.Equal(Numbers(4, 6), Bodies(await broker.ReadAll("t")));
        Assert.Equal((4, 10), ((await broker.DescribeTopic("t")).Partitions[0].Start, (await broker.DescribeTopic("t")).Partitions[0].End));
        using var below = await broker.Read(new ReadRequest { Partitions = [new("t", 0, 3)] });
        Assert.Equal(ErrorCodes.OffsetOutOfRange, below.Partitions[0].Error?.Code);
        await Publish(broker, "t", "next");
        Assert.Equal(10, (await broker.ReadAll("t"))[^1].Position.Offset);
    });

    [Fact]
    public Task NothingIsDeletedBeyondTheEnd() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");

        await Refused(ErrorCodes.OffsetOutOfRange, () => broker.DeleteBefore("t", 0, 2));

        Assert.Single(await broker.ReadAll("t"));
    });

    [Fact]
    public Task BrowsingLeavesNoTrace() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());
        await Publish(broker, "t", "a", "b");
        var before = await broker.DescribeGroup("t", "g");

        await broker.ReadAll("t");
        await broker.ReadAll("t");

        Assert.Equal(before.Partitions[0] with { OldestUnsettled = null }, (await broker.DescribeGroup("t", "g")).Partitions[0] with { OldestUnsettled = null });
        Assert.Equal(1, (await ReceiveOne(broker, "t", "g")).DeliveryCount);
    });

    [Fact]
    public Task FollowingGoesOnBehindTheEnd() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");
        List<string> read = [];

        await foreach (var message in broker.Browse("t", 0, StartAt.Earliest, follow: true))
        {
            read.Add(message.BodyText);
            if (read.Count == 3)
                break;
            await Publish(broker, "t", Number(read.Count));
        }

        Assert.Equal(["a", "1", "2"], read);
    });
}

/// <inheritdoc cref="ReadContract"/>
public abstract class TimedReadContract : BrokerContract
{
    [Fact]
    public Task AReadReturnsWithNothingAfterItsWait() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var began = Time.GetUtcNow();

        using var read = await Time.Until(broker.Read(new ReadRequest { Partitions = [new("t", 0, 0)], Wait = TimeSpan.FromSeconds(5) }).AsTask());

        Assert.True(read.Partitions[0].Batches.IsEmpty);
        Assert.Equal(5, (Time.GetUtcNow() - began).TotalSeconds, 1.0);
    });

    [Fact]
    public Task ATimeFindsTheFirstMessageAppendedThenOrLater() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");
        await Time.Pass(TimeSpan.FromMinutes(1));
        var between = Time.GetUtcNow();
        await Time.Pass(TimeSpan.FromMinutes(1));
        // The broker's clock counts, not what the producer says.
        await broker.Publish("t", [Text("b") with { Timestamp = DateTimeOffset.UnixEpoch }]);

        Assert.Equal(1, await broker.FindOffset("t", 0, StartAt.Time(between)));
        Assert.Equal(2, await broker.FindOffset("t", 0, StartAt.Time(Time.GetUtcNow().AddSeconds(1))));
    });
}

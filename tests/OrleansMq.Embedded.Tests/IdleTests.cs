using OrleansMq.Conformance;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>What nobody uses is closed and costs no file, and nobody notices.</summary>
public sealed class IdleTests
{
    private static readonly TimeSpan Idle = new EmbeddedOptions().IdleAfter;

    private readonly ManualTime _time = new();
    private readonly SimDisk _disk = new(1);

    [Fact]
    public Task AnIdlePartitionIsClosedAndOpensOnUse() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 3 });
        await broker.PutGroup("t", "g", new());
        await broker.Publish("t", [Message.OfText("a") with { Partition = 0 }]);
        await Acknowledge(broker, Assert.Single(await broker.Receive("t", "g", new() { Max = 10 })));
        Assert.Equal(3, await OpenPartitions(broker));

        await _time.Pass(2 * Idle);

        Assert.Equal(0, await OpenPartitions(broker));
        await broker.Publish("t", [Message.OfText("b") with { Partition = 0 }]);
        Assert.Equal(1, await OpenPartitions(broker));
        Assert.Equal("b", Assert.Single(await broker.Receive("t", "g", new() { Max = 10 })).BodyText);
    });

    [Fact]
    public Task APartitionInUseStaysOpen() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        for (var i = 0; i < 10; i++)
        {
            await broker.Publish("t", [Message.OfText("a")]);
            await _time.Pass(Idle / 2);
            Assert.Equal(1, await OpenPartitions(broker));
        }
    });

    [Fact]
    public Task ALeaseKeepsItsPartitionOpenAndItsMessageComesBackWhenItLapses() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());
        await broker.Publish("t", [Message.OfText("a")]);
        await broker.Receive("t", "g", new() { Lease = 4 * Idle });

        await _time.Pass(3 * Idle);

        Assert.Equal(1, await OpenPartitions(broker));
        var again = await _time.Until(broker.Receive("t", "g", new() { Wait = 2 * Idle }).AsTask());
        Assert.Equal(2, Assert.Single(again).DeliveryCount);
    });

    [Fact]
    public Task WhoWaitsForMessagesGetsThemThoughTheTopicWasIdle() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());
        var receiving = broker.Receive("t", "g", new() { Wait = 10 * Idle }).AsTask();
        var reading = broker.Read(new() { Partitions = [new PartitionCursor("t", 0, 0)], MinBytes = 1, Wait = 10 * Idle }).AsTask();
        await _time.Pass(3 * Idle);

        await broker.Publish("t", [Message.OfText("a")]);

        Assert.Equal("a", Assert.Single(await _time.Until(receiving)).BodyText);
        using var read = await _time.Until(reading);
        Assert.False(read.Partitions[0].Batches.IsEmpty);
    });

    [Fact]
    public Task MessagesThatNobodyFetchedAreThereAfterwards() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { ByKey = true });
        await broker.Publish("t", [.. Enumerable.Range(0, 20).Select(i => Message.OfText($"{i}", "k"))]);

        await _time.Pass(2 * Idle);

        Assert.Equal(0, await OpenPartitions(broker));
        Assert.Contains("orleansmq_group_lag{topic=\"t\",group=\"g\",partition=\"0\"} 20", await Metrics(broker), StringComparison.Ordinal);
        Assert.Equal("0", Assert.Single(await broker.Receive("t", "g", new() { Max = 5 })).BodyText);
    });

    [Fact]
    public Task RetentionRunsOnceADayWhereNobodyOpensAPartition() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Retention = TimeSpan.FromHours(8) });
        await broker.Publish("t", [Message.OfText("a")]);
        await broker.DisposeAsync();
        await using var again = await Open();

        await _time.Pass(TimeSpan.FromHours(7));
        Assert.Equal(0, (await again.DescribeTopic("t")).Partitions[0].Start);
        await _time.Pass(TimeSpan.FromHours(19));

        Assert.Equal(0, await OpenPartitions(again));
        Assert.Equal(1, (await again.DescribeTopic("t")).Partitions[0].Start);
    });

    private Task Story(Func<EmbeddedBroker, Task> story)
    {
        StoryThread.Run(async () =>
        {
            await using var broker = await Open();
            await story(broker);
        });
        return Task.CompletedTask;
    }

    private async Task<EmbeddedBroker> Open() => await EmbeddedBroker.Start(new EmbeddedOptions
    {
        Storage = new FileStorage(new FileStorageOptions { Directory = "/data" }, _disk, new InlineIo()),
        Time = _time,
    });

    private static async Task Acknowledge(EmbeddedBroker broker, Delivery delivery) =>
        Assert.All(await broker.Settle("t", "g", Settlement.Acknowledge(delivery.Lease)), result => Assert.True(result.Ok));

    private static async Task<int> OpenPartitions(EmbeddedBroker broker)
    {
        var line = (await Metrics(broker)).Split('\n').Single(line => line.StartsWith("orleansmq_partitions_open ", StringComparison.Ordinal));
        return int.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static async Task<string> Metrics(EmbeddedBroker broker)
    {
        using var text = new StringWriter { NewLine = "\n" };
        await broker.WriteMetrics(text, default);
        return text.ToString();
    }
}

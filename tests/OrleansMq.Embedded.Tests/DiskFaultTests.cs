using OrleansMq.Conformance;
using OrleansMq.Records;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files;
using OrleansMq.Storage.Files.Disk;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>What callers see of a disk that fails: never a lost acknowledgement, never bytes that nobody wrote, and nobody else is drawn in.</summary>
public sealed class DiskFaultTests
{
    private readonly SimDisk _disk = new(1);
    private readonly List<string> _reports = [];

    [Fact]
    public Task AFailedFlushStopsItsPartitionAlone() => Story(async broker =>
    {
        await PutTopics(broker);
        await Publish(broker, "broken", "a");
        var broken = Segment("broken");
        _disk.Fault = call => call.Operation == "fdatasync" && call.Path == broken ? DiskError.Failed : null;

        var waiting = await Publish(broker, "broken", "b");
        _disk.Fault = null;

        Assert.Equal(ErrorCodes.OutcomeUnknown, waiting);
        Assert.Equal(ErrorCodes.PartitionUnavailable, await Publish(broker, "broken", "c"));
        Assert.Null(await Publish(broker, "sound", "d"));
        Assert.Equal(["d"], await Read(broker, "sound"));
        Assert.Contains(_reports, report => report.Contains("broken", StringComparison.Ordinal));
    });

    [Fact]
    public Task WhatWasAcknowledgedBeforeAFlushFailedIsThereAfterwards() => Story(async broker =>
    {
        await PutTopics(broker);
        await Publish(broker, "broken", "a");
        var broken = Segment("broken");
        _disk.Fault = call => call.Operation == "fdatasync" && call.Path == broken ? DiskError.Failed : null;
        await Publish(broker, "broken", "b");
        await Publish(broker, "sound", "d");
        await broker.DisposeAsync();
        Crash();

        await using var again = await Open();

        Assert.Equal("a", (await Read(again, "broken"))[0]);
        Assert.Equal(["d"], await Read(again, "sound"));
        Assert.Null(await Publish(again, "broken", "e"));
        Assert.Equal("e", (await Read(again, "broken"))[^1]);
    });

    [Fact]
    public Task AFullDiskRefusesAndShowsNothingOfWhatItRefused() => Story(async broker =>
    {
        await PutTopics(broker);
        await Publish(broker, "sound", "a");
        _disk.Capacity = _disk.UsedBytes;

        Assert.Equal(ErrorCodes.DiskFull, await Publish(broker, "sound", Large));

        Assert.Equal(["a"], await Read(broker, "sound"));
        Assert.Equal((0, 1), await Bounds(broker, "sound"));
    });

    [Fact]
    public Task ABrokerIsClosedInGoodOrderOnAFullDisk() => Story(async broker =>
    {
        await PutTopics(broker);
        await Publish(broker, "broken", "a");
        await Publish(broker, "sound", "b");
        _disk.Capacity = _disk.UsedBytes;

        await broker.DisposeAsync();

        await using var again = await Open();
        Assert.Equal(["a"], await Read(again, "broken"));
        Assert.Equal(["b"], await Read(again, "sound"));
        _disk.Capacity = long.MaxValue;
    });

    [Fact]
    public Task WhenThereIsRoomAgainAppendsAndAcknowledgementsGoOn() => Story(async broker =>
    {
        await PutTopics(broker);
        await Publish(broker, "sound", "a");
        await Publish(broker, "sound", "b");
        var lease = (await broker.Receive("sound", "g", new() { Max = 1, Consumer = "c" }))[0].Lease;
        _disk.Capacity = _disk.UsedBytes;
        await Publish(broker, "sound", Large);

        _disk.Capacity = long.MaxValue;
        Clock.Advance(TimeSpan.FromSeconds(2));

        Assert.Null(await Publish(broker, "sound", "c"));
        Assert.Null((await broker.Settle("sound", "g", Settlement.Acknowledge(lease)))[0].Code);
        Assert.Equal(["a", "b", "c"], await Read(broker, "sound"));
        await broker.DisposeAsync();
        await using var again = await Open();
        Assert.Equal(["a", "b", "c"], await Read(again, "sound"));
        Assert.Equal(["b", "c"], (await again.Receive("sound", "g", new() { Max = 9, Consumer = "c" })).Select(delivery => delivery.BodyText));
    });

    /// <summary>Each refused append replays the log; a deadline that is over must not try one each millisecond.</summary>
    [Fact]
    public Task WhatIsExhaustedWaitsForRoomAndIsBuriedThen() => Story(async broker =>
    {
        await PutTopics(broker);
        await broker.PutGroup("sound", "g", new() { MaxDeliveries = 1, Lease = TimeSpan.FromSeconds(1) });
        await Publish(broker, "sound", Large);
        await broker.Receive("sound", "g", new() { Max = 1, Consumer = "c" });
        _disk.Capacity = _disk.UsedBytes;

        for (var i = 0; i < 3_000; i++)
            Clock.Advance(TimeSpan.FromMilliseconds(1));

        Assert.InRange(_reports.Count(report => report.Contains("Appends are refused", StringComparison.Ordinal)), 1, 4);
        _disk.Capacity = long.MaxValue;
        Clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(1, (await broker.DescribeGroup("sound", "g")).Partitions[0].DeadLetters);
    });

    /// <summary>No lease is out then whose end would be a cause to look.</summary>
    [Fact]
    public Task WhatWasExhaustedWhenTheBrokerWasClosedIsBuriedByTheNextOne() => Story(async broker =>
    {
        await PutTopics(broker);
        await broker.PutGroup("sound", "g", new() { MaxDeliveries = 1, Lease = TimeSpan.FromSeconds(1) });
        await Publish(broker, "sound", Large);
        await broker.Receive("sound", "g", new() { Max = 1, Consumer = "c" });
        _disk.Capacity = _disk.UsedBytes;
        Clock.Advance(TimeSpan.FromMilliseconds(1_100));
        _disk.Capacity = long.MaxValue;
        await broker.DisposeAsync();

        await using var again = await Open();
        await again.DescribeGroup("sound", "g");
        Clock.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal(1, (await again.DescribeGroup("sound", "g")).Partitions[0].DeadLetters);
    });

    [Fact]
    public Task ATurnedBitIsNeverServedWhileOthersGoOn() => Story(async broker =>
    {
        await PutTopics(broker);
        await Publish(broker, "broken", "the message");
        await Publish(broker, "sound", "d");
        var file = Segment("broken");
        var length = _disk.FilesBelow("/data").Single(each => each.Path == file).Length;
        _disk.FlipBit(file, length - 12, 2);

        Assert.Equal(ErrorCodes.PartitionDamaged, await ReadError(broker, "broken"));
        Assert.Equal(ErrorCodes.PartitionDamaged, await ReadError(broker, "broken"));

        Assert.Equal(["d"], await Read(broker, "sound"));
        Assert.Null(await Publish(broker, "sound", "e"));
    });

    [Fact]
    public Task ATurnedBitBelowWhatWasDurableIsFoundWhenOpening() => Story(async broker =>
    {
        await PutTopics(broker);
        foreach (var body in "abcdef")
            await Publish(broker, "broken", body.ToString());
        await Publish(broker, "sound", "d");
        var file = Segment("broken");
        Crash();
        _disk.FlipBit(file, 700, 2);

        await using var again = await Open();

        Assert.Equal(ErrorCodes.PartitionDamaged, await ReadError(again, "broken"));
        Assert.Equal(ErrorCodes.PartitionDamaged, await Publish(again, "broken", "g"));
        Assert.Equal(["d"], await Read(again, "sound"));
    });

    [Fact]
    public Task AReadErrorStopsThePartitionRatherThanServeWrongBytes() => Story(async broker =>
    {
        await PutTopics(broker);
        await Publish(broker, "broken", "a");
        await Publish(broker, "sound", "d");
        var file = Segment("broken");
        _disk.Fault = call => call.Operation is "pread" or "preadv2" && call.Path == file ? DiskError.Failed : null;

        var error = await ReadError(broker, "broken");
        _disk.Fault = null;

        Assert.True(error is ErrorCodes.PartitionDamaged or ErrorCodes.PartitionUnavailable, error);
        Assert.Equal(["d"], await Read(broker, "sound"));
        await broker.DisposeAsync();
        await using var again = await Open();
        Assert.Equal(["a"], await Read(again, "broken"));
    });

    [Fact]
    public Task ATornTailIsCutAndReported() => Story(async broker =>
    {
        await PutTopics(broker);
        await Publish(broker, "broken", "a");
        var file = Segment("broken");
        Crash();
        using (var open = _disk.Open(file, DiskOpenMode.ReadWrite))
        {
            open.Write("half a frame, as a power loss leaves it"u8, open.Length);
            open.Flush();
        }

        await using var again = await Open();

        Assert.Equal(["a"], await Read(again, "broken"));
        Assert.Contains(_reports, report => report.Contains("cut", StringComparison.Ordinal) && report.Contains("broken", StringComparison.Ordinal));
    });

    [Fact]
    public Task ALogThatIsGoneIsUnavailableAndNotEmpty() => Story(async broker =>
    {
        await PutTopics(broker);
        await Publish(broker, "broken", "a");
        await Publish(broker, "sound", "d");
        var folder = Segment("broken")[..Segment("broken").LastIndexOf('/')];
        await broker.DisposeAsync();
        foreach (var (path, _) in _disk.FilesBelow(folder))
            _disk.Remove(path);
        _disk.RemoveDirectory(folder);

        await using var again = await Open();

        Assert.Equal(ErrorCodes.PartitionUnavailable, await ReadError(again, "broken"));
        Assert.Equal(ErrorCodes.PartitionUnavailable, await Publish(again, "broken", "b"));
        Assert.Equal(["d"], await Read(again, "sound"));
        Assert.DoesNotContain(_disk.FilesBelow("/data"), file => file.Path.StartsWith(folder, StringComparison.Ordinal));
    });

    /// <summary>More than a log has reserved ahead.</summary>
    private static readonly string Large = new('x', 500_000);

    private ManualTime Clock { get; } = new();

    private Task Story(Func<IBroker, Task> story)
    {
        StoryThread.Run(async () =>
        {
            var broker = await Open();
            await story(broker);
            if (!_crashed)
                await broker.DisposeAsync();
        });
        return Task.CompletedTask;
    }

    /// <summary>The machine is gone, and the broker with it: nobody closes anything.</summary>
    private void Crash()
    {
        _disk.Crash(3);
        _crashed = true;
    }

    private bool _crashed;

    private async Task<IBroker> Open() => await EmbeddedBroker.Start(new EmbeddedOptions
    {
        Storage = new FileStorage(new FileStorageOptions { Directory = "/data" }, _disk, new InlineIo()),
        Time = Clock,
        OnReport = _reports.Add,
    });

    private readonly Dictionary<string, string> _segments = [];

    /// <summary>Makes "broken", then "sound", and finds out which file is whose.</summary>
    private async Task PutTopics(IBroker broker)
    {
        foreach (var topic in (string[])["broken", "sound"])
        {
            await broker.PutTopic(topic, new());
            _segments[topic] = _disk.FilesBelow("/data").Select(file => file.Path)
                .Single(path => path.EndsWith(".seg", StringComparison.Ordinal) && !_segments.ContainsValue(path));
        }
    }

    private string Segment(string topic) => _segments[topic];

    /// <returns>The error's code, or null.</returns>
    private static async Task<string?> Publish(IBroker broker, TopicName topic, string body)
    {
        try
        {
            return (await broker.Publish(topic, [Message.OfText(body)]))[0].Error?.Code;
        }
        catch (MqException refusal)
        {
            return refusal.Code;
        }
    }

    private static async Task<List<string>> Read(IBroker broker, TopicName topic)
    {
        using var result = await broker.Read(new() { Partitions = [new PartitionCursor(topic, 0, 0)] });
        Assert.Null(result.Partitions[0].Error);
        var bodies = new List<string>();
        foreach (var batch in new RecordBatchReader(result.Partitions[0].Batches))
            foreach (var record in batch.Records())
                bodies.Add(MessageCodec.Decode(0, record).BodyText);
        return bodies;
    }

    private static async Task<string?> ReadError(IBroker broker, TopicName topic)
    {
        using var result = await broker.Read(new() { Partitions = [new PartitionCursor(topic, 0, 0)] });
        Assert.True(result.Partitions[0].Batches.IsEmpty);
        return result.Partitions[0].Error?.Code;
    }

    private static async Task<(long Start, long End)> Bounds(IBroker broker, TopicName topic)
    {
        var partition = (await broker.DescribeTopic(topic)).Partitions[0];
        return (partition.Start, partition.End);
    }
}

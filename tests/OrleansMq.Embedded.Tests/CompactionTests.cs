using System.Globalization;
using System.Text;
using OrleansMq.Conformance;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>A compacted topic: what goes, what stays, and that nobody who is reading notices more than that.</summary>
public sealed class CompactionTests
{
    private readonly ManualTime _time = new();
    private readonly List<string> _reports = [];
    private CompactionOptions _options = new() { DirtyBytes = 4096, DirtyRatio = 0 };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void EachKeysLastMessageStaysWhereItWas(bool onDisk) => Story(onDisk, async host =>
    {
        await host.Broker.PutTopic("t", new() { Compact = true });
        var sent = await Fill(host.Broker, "t", rounds: 60, keys: 10);

        await _time.Pass(TimeSpan.FromMinutes(1));

        var left = await ReadAll(host.Broker, "t");
        Assert.InRange(left.Count, 10, 200);
        Assert.All(left, message => Assert.Equal(sent[message.Position.Offset], (Key(message), message.BodyText)));
        Assert.Equal(left.Select(message => message.Position.Offset).Order(), left.Select(message => message.Position.Offset));
        Assert.Equal(Last(sent.Values), Last(left.Select(message => (Key(message), message.BodyText))));
        Assert.Equal(0, (await host.Broker.DescribeTopic("t")).Partitions[0].Start);
    });

    [Fact]
    public void SpaceIsGivenBackAndARestartFindsTheSame() => Story(onDisk: true, async host =>
    {
        await host.Broker.PutTopic("t", new() { Compact = true });
        await Fill(host.Broker, "t", rounds: 300, keys: 10);
        var before = (await host.Broker.DescribeTopic("t")).Partitions[0];
        var used = host.Disk!.UsedBytes;

        await _time.Pass(TimeSpan.FromMinutes(2));
        var left = await ReadAll(host.Broker, "t");
        var after = (await host.Broker.DescribeTopic("t")).Partitions[0];
        await host.Restart();

        Assert.True(after.Bytes * 3 < before.Bytes, $"{before.Bytes} bytes became {after.Bytes}.");
        Assert.True(host.Disk.UsedBytes * 2 < used, $"The disk held {used} bytes and holds {host.Disk.UsedBytes}.");
        Assert.Equal(before.End, after.End);
        Assert.Equal(Offsets(left), Offsets(await ReadAll(host.Broker, "t")));
        Assert.Equal(before.End, (await host.Broker.Publish("t", [Message.OfText("more", "k0")]))[0].Position.Offset);
    });

    [Fact]
    public void RetentionBySizeOfATopicThatIsNoLongerCompactedCountsWhatIsStored() => Story(onDisk: true, async host =>
    {
        await host.Broker.PutTopic("t", new() { Compact = true, KeepUnsettled = false });
        await Fill(host.Broker, "t", rounds: 300, keys: 10);
        await _time.Pass(TimeSpan.FromMinutes(2));
        var stored = (await host.Broker.DescribeTopic("t")).Partitions[0].Bytes;
        var left = await ReadAll(host.Broker, "t");

        await host.Broker.PutTopic("t", new() { Compact = false, RetentionBytes = stored - 1 });
        await _time.Pass(TimeSpan.FromMinutes(2));

        // A byte too many: a batch goes, and not all that stands in front of as many positions.
        var kept = await ReadAll(host.Broker, "t");
        Assert.InRange(kept.Count, left.Count - 10, left.Count);
    });

    [Fact]
    public void ManyRoundsBecomeFewFiles() => Story(onDisk: true, async host =>
    {
        await host.Broker.PutTopic("t", new() { Compact = true });
        var sent = new Dictionary<long, (string, string)>();
        for (var round = 0; round < 6; round++)
        {
            foreach (var (offset, message) in await Fill(host.Broker, "t", rounds: 60, keys: 7))
                sent[offset] = message;
            await _time.Pass(TimeSpan.FromMinutes(1));
        }

        var left = await ReadAll(host.Broker, "t");
        Assert.Equal(Last(sent.Values), Last(left.Select(message => (Key(message), message.BodyText))));
        Assert.InRange(host.Disk!.FilesBelow("/data/logs").Count(file => file.Path.EndsWith(".seg", StringComparison.Ordinal)), 1, 8);
    });

    [Fact]
    public void ATombstoneDeletesItsKeyAndGoesAfterItsTime() => Story(onDisk: true, async host =>
    {
        await host.Broker.PutTopic("t", new() { Compact = true });
        await host.Broker.Publish("t", [Message.OfText("value", "gone")]);
        await Fill(host.Broker, "t", rounds: 30, keys: 5);
        await host.Broker.Publish("t", [new Message { Key = "gone"u8.ToArray(), Tombstone = true }]);
        await Fill(host.Broker, "t", rounds: 30, keys: 5);
        await _time.Pass(TimeSpan.FromMinutes(1));

        var left = (await ReadAll(host.Broker, "t")).Where(message => Key(message) == "gone").ToList();
        Assert.True(Assert.Single(left).Tombstone);

        await _time.Pass(TimeSpan.FromHours(25));
        await Fill(host.Broker, "t", rounds: 30, keys: 5);
        await _time.Pass(TimeSpan.FromMinutes(1));

        Assert.DoesNotContain(await ReadAll(host.Broker, "t"), message => Key(message) == "gone");
    });

    [Fact]
    public void ATopicsOwnSettingsGoBeforeTheBrokers() => Story(onDisk: true, async host =>
    {
        await host.Broker.PutTopic("t", new() { Compact = true, TombstoneAge = TimeSpan.FromMinutes(30), CompactMinAge = TimeSpan.FromHours(1) });
        await host.Broker.Publish("t", [new Message { Key = "gone"u8.ToArray(), Tombstone = true }]);
        var sent = await Fill(host.Broker, "t", rounds: 60, keys: 5);
        await _time.Pass(TimeSpan.FromMinutes(50));
        Assert.Equal(sent.Count + 1, (await ReadAll(host.Broker, "t")).Count);

        // Young enough no more, and the tombstone goes 30 minutes after its first compaction.
        await _time.Pass(TimeSpan.FromMinutes(20));
        await WakeAndPass();
        var left = await ReadAll(host.Broker, "t");
        Assert.InRange(left.Count, 6, sent.Count / 2);
        Assert.Contains(left, message => Key(message) == "gone");
        await Fill(host.Broker, "t", rounds: 60, keys: 5);
        await _time.Pass(TimeSpan.FromMinutes(70));
        await WakeAndPass();
        Assert.DoesNotContain(await ReadAll(host.Broker, "t"), message => Key(message) == "gone");

        // All that is stored would have to be new.
        await host.Broker.PutTopic("t", new() { CompactDirtyRatio = 1, CompactMinAge = TimeSpan.Zero });
        var before = (await ReadAll(host.Broker, "t")).Count;
        var more = await Fill(host.Broker, "t", rounds: 60, keys: 5);
        await _time.Pass(TimeSpan.FromMinutes(10));
        Assert.Equal(before + more.Count, (await ReadAll(host.Broker, "t")).Count);
        await host.Broker.PutTopic("t", new() { CompactDirtyRatio = Change<double?>.Default });
        await WakeAndPass();
        Assert.InRange((await ReadAll(host.Broker, "t")).Count, 5, before + more.Count - 100);

        // A partition that nobody uses sleeps.
        async Task WakeAndPass()
        {
            await ReadAll(host.Broker, "t");
            await _time.Pass(TimeSpan.FromMinutes(1));
        }
    });

    [Fact]
    public void KeysThatDoNotFitTakeSeveralPasses()
    {
        _options = _options with { MemoryBytes = 0 };
        Story(onDisk: true, async host =>
        {
            await host.Broker.PutTopic("t", new() { Compact = true });
            var sent = await Fill(host.Broker, "t", rounds: 4, keys: 3000);

            await _time.Pass(TimeSpan.FromMinutes(3));

            var left = await ReadAll(host.Broker, "t");
            Assert.InRange(left.Count, 3000, 6000);
            Assert.Equal(Last(sent.Values), Last(left.Select(message => (Key(message), message.BodyText))));
        });
    }

    [Fact]
    public void WhatADeclaredGroupHasNotSettledStays() => Story(onDisk: true, async host =>
    {
        await host.Broker.PutTopic("t", new() { Compact = true });
        await host.Broker.PutGroup("t", "g", new GroupChange());
        var sent = await Fill(host.Broker, "t", rounds: 60, keys: 5);

        await _time.Pass(TimeSpan.FromMinutes(1));
        Assert.Equal(sent.Count, (await ReadAll(host.Broker, "t")).Count);

        Assert.Equal(sent.Count, await Drain(host.Broker, "t", "g"));
        await _time.Pass(TimeSpan.FromMinutes(1));
        Assert.InRange((await ReadAll(host.Broker, "t")).Count, 5, 200);
    });

    [Fact]
    public void AQueueThatHoldsNothingBackGetsWhatIsLeft() => Story(onDisk: true, async host =>
    {
        await host.Broker.PutTopic("t", new() { Compact = true, KeepUnsettled = false });
        await host.Broker.PutGroup("t", "g", new GroupChange());
        await Fill(host.Broker, "t", rounds: 60, keys: 5);
        await _time.Pass(TimeSpan.FromMinutes(1));
        var left = (await ReadAll(host.Broker, "t")).Count;

        Assert.InRange(left, 5, 200);
        Assert.Equal(left, await Drain(host.Broker, "t", "g"));
        Assert.Equal(0, (await host.Broker.DescribeGroup("t", "g")).Partitions.Sum(partition => partition.Lag));
    });

    [Fact]
    public void RetentionTakesNothingFromACompactedTopic() => Story(onDisk: true, async host =>
    {
        await host.Broker.PutTopic("t", new() { Compact = true, Retention = TimeSpan.FromHours(1), RetentionBytes = 4096 });
        var sent = await Fill(host.Broker, "t", rounds: 60, keys: 5);

        await _time.Pass(TimeSpan.FromHours(5));

        Assert.Equal(Last(sent.Values), Last((await ReadAll(host.Broker, "t")).Select(message => (Key(message), message.BodyText))));
    });

    [Fact]
    public void WhatWasThereWithoutAKeyStays() => Story(onDisk: true, async host =>
    {
        await host.Broker.PutTopic("t", new());
        await host.Broker.Publish("t", [Message.OfText("nobody's")]);
        await Fill(host.Broker, "t", rounds: 60, keys: 5);
        await host.Broker.PutTopic("t", new() { Compact = true });

        await _time.Pass(TimeSpan.FromMinutes(1));

        var left = await ReadAll(host.Broker, "t");
        Assert.InRange(left.Count, 6, 200);
        Assert.Equal("nobody's", left[0].BodyText);
    });

    [Fact]
    public void AReaderInTheMiddleGoesOn() => Story(onDisk: true, async host =>
    {
        await host.Broker.PutTopic("t", new() { Compact = true });
        var sent = await Fill(host.Broker, "t", rounds: 60, keys: 5);
        var offset = 17L;
        using (var read = await host.Broker.Read(new ReadRequest { Partitions = [new("t", 0, offset)], MaxBytes = 4096 }))
            foreach (var batch in new RecordBatchReader(read.Partitions[0].Batches))
                offset = batch.LastOffset + 1;

        await _time.Pass(TimeSpan.FromMinutes(1));

        var rest = new List<StoredMessage>();
        await foreach (var message in host.Broker.Browse("t", 0, StartAt.Offset(offset)))
            rest.Add(message);
        Assert.All(rest, message => Assert.True(message.Position.Offset >= offset));
        Assert.Equal(Last(sent.Where(pair => pair.Key >= offset).Select(pair => pair.Value)), Last(rest.Select(message => (Key(message), message.BodyText))));
        Assert.True((await host.Broker.Trace("t", new TraceRequest { Position = rest[0].Position })).Events.Count > 0);
    });

    [Fact]
    public void AMessageWithoutAKeyIsRefused() => Story(onDisk: false, async host =>
    {
        await host.Broker.PutTopic("t", new() { Compact = true });

        var refusal = await Assert.ThrowsAsync<MqException>(async () => await host.Broker.Publish("t", [Message.OfText("a", "k"), Message.OfText("b")]));

        Assert.Equal(ErrorCodes.KeyMissing, refusal.Code);
    });

    private void Story(bool onDisk, Func<Host, Task> story) => StoryThread.Run(async () =>
    {
        var host = new Host(onDisk, Options);
        await host.Restart();
        await story(host);
        await host.Broker.DisposeAsync();
        Assert.Empty(_reports);
    });

    private EmbeddedOptions Options(IStorage storage) => new() { Storage = storage, Time = _time, Compaction = _options, SnapshotBytes = 16384, OnReport = _reports.Add };

    private static string Key(StoredMessage message) => Encoding.UTF8.GetString(message.Key!.Value.Span);

    private static IEnumerable<long> Offsets(IEnumerable<StoredMessage> messages) => messages.Select(message => message.Position.Offset);

    private static SortedDictionary<string, string> Last(IEnumerable<(string Key, string Body)> messages)
    {
        var last = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, body) in messages)
            last[key] = body;
        return last;
    }

    internal static async Task<SortedDictionary<long, (string Key, string Body)>> Fill(IBroker broker, TopicName topic, int rounds, int keys)
    {
        var sent = new SortedDictionary<long, (string, string)>();
        for (var round = 0; round < rounds; round++)
        {
            var messages = Enumerable.Range(0, keys).Select(key => Message.OfText(string.Create(CultureInfo.InvariantCulture, $"{round}-{key}-{new string('x', 40)}"), $"k{key}")).ToList();
            var results = await broker.Publish(topic, messages);
            for (var i = 0; i < keys; i++)
                sent[results[i].Position.Offset] = ($"k{i}", messages[i].Body.Length == 0 ? "" : Encoding.UTF8.GetString(messages[i].Body.Span));
        }

        return sent;
    }

    internal static async Task<List<StoredMessage>> ReadAll(IBroker broker, TopicName topic)
    {
        var all = new List<StoredMessage>();
        await foreach (var message in broker.Browse(topic, 0, StartAt.Earliest))
            all.Add(message);
        return all;
    }

    private static async Task<int> Drain(EmbeddedBroker broker, TopicName topic, GroupName group)
    {
        var count = 0;
        while (await broker.Receive(topic, group, new ReceiveRequest { Max = 100 }) is { Count: > 0 } given)
        {
            count += given.Count;
            await broker.Settle(topic, group, Settlement.Acknowledge([.. given.Select(delivery => delivery.Lease)]));
        }

        return count;
    }

    private sealed class Host(bool onDisk, Func<IStorage, EmbeddedOptions> options)
    {
        private readonly VolatileStorage _memory = new(segmentBytes: 8192);

        public SimDisk? Disk { get; } = onDisk ? new SimDisk(1) : null;

        public EmbeddedBroker Broker { get; private set; } = null!;

        public async Task Restart()
        {
            if (Broker is not null)
                await Broker.DisposeAsync();
            Broker = await EmbeddedBroker.Start(options(Disk is null ? _memory : new FileStorage(new FileStorageOptions { Directory = "/data", SegmentBytes = 8192 }, Disk, new InlineIo())));
        }
    }
}

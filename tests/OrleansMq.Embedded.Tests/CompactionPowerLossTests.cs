using System.Text;
using OrleansMq.Conformance;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Shared;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>A compaction is cut off at each call to the disk that it makes: afterwards each key's last message is there, what is there stands where it stood, and another compaction ends it.</summary>
public abstract class CompactionPowerLossContract
{
    private const int Rounds = 30;
    private const int Keys = 6;

    /// <summary>Three looks at it.</summary>
    private static readonly TimeSpan Compacted = TimeSpan.FromSeconds(31);

    private ManualTime _time = new();

    [Fact]
    public void NothingIsLostWhereverThePowerGoes()
    {
        var (from, to, crashes) = (0L, 0L, 0);
        StoryThread.Run(async () => (from, to) = await CallsOfACompaction());
        for (var call = from; call < to; call += CrashCalls.Step)
        {
            var disk = new SimDisk(1);
            var sent = new Dictionary<long, (string Key, string Body)>();
            try
            {
                StoryThread.Run(async () =>
                {
                    (_, sent) = await Prepare(disk);
                    disk.PowerLossAt = call;
                    await _time.Pass(Compacted);
                });
            }
            catch (SimPowerLossException)
            {
                // The process went with the power.
            }

            Assert.True(disk.IsPowerless, $"The power did not go at {call}.");
            disk.Crash(++crashes);
            _time = new ManualTime();
            StoryThread.Run(() => CheckAgain(disk, sent, $"Power lost at {call} of {from} to {to}"));
        }

        Assert.True(crashes > 20, $"A compaction makes {crashes} calls only.");
    }

    [Theory]
    [InlineData(DiskError.Failed)]
    [InlineData(DiskError.Full)]
    public void NothingIsLostWhereverTheDiskFails(DiskError error) => StoryThread.Run(async () =>
    {
        var (from, to) = await CallsOfACompaction();
        for (var call = from; call < to; call += CrashCalls.Step)
        {
            var disk = new SimDisk(1);
            var (broker, sent) = await Prepare(disk);
            disk.Fault = each => each.Number == call ? error : null;
            await _time.Pass(Compacted);
            disk.Fault = null;
            await Abandon(broker);
            await CheckAgain(disk, sent, $"{error} at {call} of {from} to {to}");
        }
    });

    private async Task<(long From, long To)> CallsOfACompaction()
    {
        var disk = new SimDisk(1);
        var (broker, sent) = await Prepare(disk);
        var from = disk.Calls;
        await _time.Pass(Compacted);
        var to = disk.Calls;
        Assert.InRange(await Check(broker, sent, "Undisturbed"), Keys, sent.Count / 2);
        await broker.DisposeAsync();
        return (from + 1, to);
    }

    private async Task<(EmbeddedBroker Broker, Dictionary<long, (string Key, string Body)> Sent)> Prepare(SimDisk disk)
    {
        _time = new ManualTime();
        var broker = await Open(disk);
        await broker.PutTopic("t", new TopicChange { Compact = true });
        return (broker, new(await CompactionTests.Fill(broker, "t", Rounds, Keys)));
    }

    private async Task CheckAgain(SimDisk disk, Dictionary<long, (string Key, string Body)> sent, string when)
    {
        await using var again = await Open(disk);
        await Check(again, sent, when);
        foreach (var (offset, message) in await CompactionTests.Fill(again, "t", Rounds, Keys))
            sent[offset] = message;
        await _time.Pass(Compacted);
        Assert.InRange(await Check(again, sent, $"{when}, and compacted again"), Keys, sent.Count / 2);
    }

    private static async Task<int> Check(IBroker broker, Dictionary<long, (string Key, string Body)> sent, string when)
    {
        var read = (await CompactionTests.ReadAll(broker, "t")).ConvertAll(message => (message.Position.Offset, Key: Encoding.UTF8.GetString(message.Key!.Value.Span), message.BodyText));
        Assert.True(read.Select(message => message.Offset).SequenceEqual(read.Select(message => message.Offset).Order()), $"{when}: out of order.");
        foreach (var (offset, key, body) in read)
            Assert.True(sent.TryGetValue(offset, out var was) && was == (key, body), $"{when}: {key}={body} stands at {offset}.");
        foreach (var last in sent.GroupBy(message => message.Value.Key).Select(key => key.Max(message => message.Key)))
            Assert.True(read.Exists(message => message.Offset == last), $"{when}: the last message of {sent[last].Key} at {last} is gone; there are {string.Join(" ", read.Select(message => message.Offset))}.");
        return read.Count;
    }

    private static async Task Abandon(EmbeddedBroker broker)
    {
        try
        {
            await broker.DisposeAsync();
        }
        catch (Exception e) when (e is MqException or StorageException or SimPowerLossException)
        {
            // What failed says so once more.
        }
    }

    private protected abstract IStorage StorageOn(SimDisk disk);

    private protected static FileStorageOptions Files => new() { Directory = "/data", SegmentBytes = 8192 };

    private async Task<EmbeddedBroker> Open(SimDisk disk) => await EmbeddedBroker.Start(new EmbeddedOptions
    {
        Storage = StorageOn(disk),
        Time = _time,
        Compaction = new CompactionOptions { DirtyBytes = 4096, DirtyRatio = 0 },
    });
}

public sealed class CompactionPowerLossTests : CompactionPowerLossContract
{
    private protected override IStorage StorageOn(SimDisk disk) => new FileStorage(Files, disk, new InlineIo());
}

/// <summary>The same on a shared volume, where a file of its own and the manifest take the place of the rename.</summary>
public sealed class SharedCompactionPowerLossTests : CompactionPowerLossContract
{
    private protected override IStorage StorageOn(SimDisk disk) => new SharedFileStorage(Files, disk, new InlineIo());
}

using OrleansMq.Core.Log;
using OrleansMq.Records;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files.Documents;
using OrleansMq.Storage.Files.Repair;
using Xunit;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>Folders to be repaired, and what is asked of them afterwards.</summary>
internal static class RepairGround
{
    public const string Copies = "/copies";
    public const string Mark = "/data/repairing";

    public static SimDisk Placed(List<(string Path, byte[] Bytes)> files, int seed)
    {
        var disk = new SimDisk(seed);
        foreach (var (path, bytes) in files)
            disk.Place(path, (byte[])bytes.Clone());
        return disk;
    }

    public static RepairReport Run(SimDisk disk, bool acceptLoss, bool dry = false)
    {
        using var repair = FolderRepair.Open("/data", Copies, DateTimeOffset.UnixEpoch, disk);
        return repair.Run(acceptLoss, dry);
    }

    public static RepairReport Mended(SimDisk disk)
    {
        var report = Run(disk, acceptLoss: true);
        Assert.True(report.Left.Count == 0, string.Join("; ", report.Left));
        return report;
    }

    /// <returns>False: the power went before its end.</returns>
    public static bool IsRepaired(SimDisk disk, int call, bool acceptLoss = true)
    {
        disk.PowerLossAt = disk.Calls + call;
        try
        {
            Run(disk, acceptLoss);
            disk.PowerLossAt = 0;
            return true;
        }
        catch (SimPowerLossException)
        {
            disk.Crash(call);
            return false;
        }
    }

    public static bool IsMarked(SimDisk disk) => disk.FilesBelow("/data").Any(file => file.Path == Mark);

    /// <summary>All but what only says who uses the folder, or did.</summary>
    public static List<(string Path, byte[] Bytes)> Bytes(SimDisk disk) =>
        [.. disk.FilesBelow("/data").Select(file => file.Path).Where(path => path is not ("/data/lock" or Mark) && !path.EndsWith(".tmp", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(path => (path, disk.ContentOf(path)))];

    public static bool AreAlike(List<(string Path, byte[] Bytes)> one, List<(string Path, byte[] Bytes)> other) =>
        one.Count == other.Count && one.Zip(other).All(pair => pair.First.Path == pair.Second.Path && pair.First.Bytes.AsSpan().SequenceEqual(pair.Second.Bytes));

    public static ValueTask<EmbeddedBroker> Start(SimDisk disk, long snapshotBytes = 16 << 20) => EmbeddedBroker.Start(new EmbeddedOptions
    {
        Storage = StorageOn(disk),
        MaintenanceInterval = TimeSpan.FromHours(1),
        SnapshotBytes = snapshotBytes,
        ClosingSnapshotBytes = 1,
    });

    /// <exception cref="DataFolderException">No broker may use the folder.</exception>
    public static FileStorage StorageOn(SimDisk disk) =>
        new(new FileStorageOptions { Directory = "/data", SegmentBytes = 8_000, FirstReserveBytes = 4096, ReserveBytes = 16 << 10 }, disk, new InlineIo());

    /// <summary>Four messages, a frame each: the second is damaged, the fourth is torn, and its header alone says that the second was durable.</summary>
    public static async Task<List<(string Path, byte[] Bytes)>> DamageThatOnlyATornTailProves()
    {
        const int header = 64;
        var disk = new SimDisk(1);
        await using (var broker = await Start(disk))
        {
            await broker.PutTopic("t", new TopicChange { Partitions = 1 });
            for (var i = 0; i < 4; i++)
                await broker.Publish("t", [Message.OfText($"m{i}|{new string('x', 300)}")]);
        }

        var segment = disk.FilesBelow("/data").Single(file => file.Path.EndsWith(".seg", StringComparison.Ordinal)).Path;
        var bytes = disk.ContentOf(segment);
        var frames = new List<(int At, FrameHeader Header)>();
        for (var at = header; FrameHeader.TryRead(bytes.AsSpan(at), out var frame); at += frame.TotalLength)
            frames.Add((at, frame));
        var messages = frames.FindAll(frame => frame.Header.Kind == FrameKind.Batch);
        var (damaged, torn) = (messages[1], messages[3]);
        foreach (var (at, frame) in frames.Where(frame => frame.At > damaged.At && frame.At < torn.At))
            (frame with { DurablePosition = damaged.Header.Position }).Write(bytes.AsSpan(at));
        (torn.Header with { DurablePosition = torn.Header.Position }).Write(bytes.AsSpan(torn.At));
        bytes[damaged.At + FrameHeader.Size + 100] ^= 1;
        return [.. disk.FilesBelow("/data").Where(file => !file.Path.Contains("snapshot", StringComparison.Ordinal))
            .Select(file => (file.Path, file.Path == segment ? bytes[..(torn.At + FrameHeader.Size + 48)] : disk.ContentOf(file.Path)))];
    }

    /// <summary>Flips a bit of the newest record of a document.</summary>
    /// <param name="key">What its key begins with.</param>
    /// <param name="at">Byte of the record; those of the key begin at 64.</param>
    public static void FlipDocument(SimDisk disk, string key, int at)
    {
        foreach (var shard in ShardNames.In(disk, "/data/documents"))
        {
            var view = ShardView.Read(disk, "/data/documents", shard);
            foreach (var placed in view.Scan.Records.Reverse().Where(placed => ShardView.KeyOf(placed.Record).StartsWith(key, StringComparison.Ordinal)))
            {
                disk.FlipBit(view.Path, placed.Offset + at, 0);
                return;
            }
        }

        Assert.Fail($"no document '{key}'");
    }

    public static List<string> ProblemsOf(SimDisk disk)
    {
        using var inspector = LogInspector.Open("/data", disk);
        return [.. inspector.Logs().SelectMany(id => inspector.Inspect(id).Problems)];
    }

    public static async Task<List<long>> ReadAll(SimDisk disk)
    {
        await using var broker = await Start(disk);
        var offsets = new List<long>();
        for (var next = await broker.FindOffset("t", 0, StartAt.Earliest); ;)
        {
            using var result = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor("t", 0, next)], MinBytes = 0 });
            Assert.Null(result.Partitions[0].Error);
            var before = next;
            foreach (var batch in new RecordBatchReader(result.Partitions[0].Batches))
                foreach (var record in batch.Records())
                    if (record.Offset >= next)
                    {
                        offsets.Add(record.Offset);
                        next = record.Offset + 1;
                    }

            if (next == before)
                return offsets;
        }
    }
}

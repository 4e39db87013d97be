using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files.Disk;
using Xunit;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>What is damaged on the disk is found and named, and never served.</summary>
public sealed class DamageTests
{
    private const string LogFolder = "/data/logs/aaaaaaaa000000000000000000000001/0";
    private static readonly LogId Id = new(Guid.Parse("aaaaaaaa-0000-0000-0000-000000000001"), 0);

    private readonly SimDisk _disk = new(1);
    private readonly List<StorageNotice> _notices = [];

    [Fact]
    public async Task EveryFlippedBitOfTheManifestIsFoundOrHarmless()
    {
        await Prepared(log => log.AppendFlushed(3));
        var length = LengthOf("manifest");
        var refused = 0;
        for (long at = 0; at < length; at++)
        {
            _disk.FlipBit($"{LogFolder}/manifest", at, 3);
            try
            {
                await using var storage = OpenStorage();
                await using var log = await storage.OpenLog(Id);
                Assert.Equal(3 * 312, log.End);
                Assert.Equal(("orders", 0L), ("orders", log.Start));
            }
            catch (LogDamagedException e)
            {
                Assert.Contains("manifest", e.Message, StringComparison.Ordinal);
                refused++;
            }
            _disk.FlipBit($"{LogFolder}/manifest", at, 3);
        }
        Assert.True(refused >= 48, $"refused {refused}");
    }

    [Fact]
    public async Task EpochOfADamagedSlotIsNotTakenTwice()
    {
        await Prepared(log => log.AppendFlushed(1));
        int before;
        await using (var storage = OpenStorage())
        await using (var log = await storage.OpenLog(Id))
            before = log.Epoch;
        // Epoch n was written with sequence n + 1: even sequences lie in the slot at 0.
        _disk.FlipBit($"{LogFolder}/manifest", (before + 1) % 2 == 0 ? 20 : 4096 + 20, 0);

        await using var again = OpenStorage();
        await using var opened = await again.OpenLog(Id);

        Assert.True(opened.Epoch > before);
        Assert.Contains(_notices, notice => notice.Path.EndsWith("manifest", StringComparison.Ordinal));
    }

    /// <summary>The other slot was still that of the new file, and was believed. Found by the trial of damages: flips 148 and 314 of seed 3.</summary>
    [Fact]
    public async Task FirstEpochOfADamagedSlotIsNotTakenTwice()
    {
        await Prepared(log => log.AppendFlushed(1));
        _disk.FlipBit($"{LogFolder}/manifest", 20, 0);

        await using var again = OpenStorage();
        await using var opened = await again.OpenLog(Id);

        Assert.True(opened.Epoch > 1, $"epoch {opened.Epoch}");
    }

    [Fact]
    public async Task BothSlotsDamagedNamesTheManifest()
    {
        await Prepared(log => log.AppendFlushed(1));
        _disk.FlipBit($"{LogFolder}/manifest", 20, 0);
        _disk.FlipBit($"{LogFolder}/manifest", 4096 + 20, 0);

        await AssertDamaged("manifest");
    }

    [Fact]
    public async Task MissingManifestIsAMissingLog()
    {
        await Prepared(log => log.AppendFlushed(1));
        _disk.Remove($"{LogFolder}/manifest");

        await using var storage = OpenStorage();
        await Assert.ThrowsAsync<LogMissingException>(async () => await storage.OpenLog(Id));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(312)]
    [InlineData(624)]
    public async Task MissingSegmentIsNamed(long position)
    {
        await Prepared(ThreeSegments);
        _disk.Remove($"{LogFolder}/{position:D20}.seg");

        await AssertDamaged(".seg");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(312)]
    [InlineData(624)]
    public async Task DamagedSegmentHeaderIsNamed(long position)
    {
        await Prepared(ThreeSegments);
        _disk.FlipBit($"{LogFolder}/{position:D20}.seg", 41, 0);

        await AssertDamaged($"{position:D20}.seg");
    }

    [Fact]
    public async Task SegmentThatLostItsEndIsNoticed()
    {
        await Prepared(ThreeSegments);
        using (var file = _disk.Open($"{LogFolder}/{312:D20}.seg", DiskOpenMode.ReadWrite))
            file.SetLength(200);

        await AssertDamaged($"{624:D20}.seg");
    }

    [Fact]
    public async Task SegmentOfAnotherLogIsNotBelieved()
    {
        await Prepared(ThreeSegments);
        var other = Id with { Partition = 1 };
        await using (var storage = OpenStorage())
        {
            await storage.CreateLog(other, new LogDefinition("orders", default));
            await using var log = await storage.OpenLog(other);
            await log.AppendFlushed(1);
        }
        _disk.Rename($"{LogFolder[..^1]}1/{0:D20}.seg", $"{LogFolder}/{0:D20}.seg");

        await AssertDamaged($"{0:D20}.seg");
    }

    [Fact]
    public async Task SegmentThatWasBeingMadeIsRemovedAndReported()
    {
        await Prepared(ThreeSegments);
        using (var file = _disk.Open($"{LogFolder}/{936:D20}.seg", DiskOpenMode.Create))
            file.Write(new byte[30], 0);

        await using var storage = OpenStorage();
        await using var log = await storage.OpenLog(Id);

        Assert.Equal([0L, 312L, 624L], log.Segments);
        Assert.Contains(_notices, notice => notice.Path.EndsWith($"{936:D20}.seg", StringComparison.Ordinal));
    }

    [Fact]
    public async Task DamagedSnapshotFallsBackToTheOneBefore()
    {
        await Prepared(async log =>
        {
            await log.AppendFlushed(3);
            await log.SaveSnapshot(312, new byte[] { 1 });
            await log.SaveSnapshot(624, new byte[] { 2 });
            await log.SaveSnapshot(936, new byte[] { 3 });
        });
        _disk.FlipBit($"{LogFolder}/snapshot-{936:D20}", 64, 0);

        await using var storage = OpenStorage();
        await using var log = await storage.OpenLog(Id);

        Assert.Equal(624, log.Snapshot!.Position);
        Assert.Contains(_notices, notice => notice.Path.Contains("snapshot", StringComparison.Ordinal));
    }

    [Fact]
    public async Task OlderSnapshotBelowTheStartIsPassedOver()
    {
        await Prepared(async log =>
        {
            await ThreeSegments(log);
            await log.SaveSnapshot(0, new byte[] { 1 });
            await log.SaveSnapshot(936, new byte[] { 2 });
            await log.TrimBefore(936);
        });
        _disk.FlipBit($"{LogFolder}/snapshot-{936:D20}", 64, 0);

        await using var storage = OpenStorage();
        await using var log = await storage.OpenLog(Id);

        Assert.Null(log.Snapshot);
        Assert.Equal(2, _notices.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task LogShorterThanItsSnapshotHasLostSomething(bool readsBack)
    {
        await Prepared(async log =>
        {
            await log.AppendFlushed(3);
            await log.SaveSnapshot(936, new byte[] { 1 });
        });
        if (!readsBack)
            _disk.FlipBit($"{LogFolder}/snapshot-{936:D20}", 64, 0);
        using (var file = _disk.Open($"{LogFolder}/{0:D20}.seg", DiskOpenMode.ReadWrite))
            file.SetLength(64 + 624);

        await AssertDamaged("snapshot");
    }

    [Fact]
    public async Task InspectorTellsCleanTornAndDamagedApart()
    {
        await Prepared(async log =>
        {
            await log.AppendFlushed(5);
            await log.Append(FrameBytes.Entries(FrameBytes.IdentityOf(log), log.End, 0, 200).AsMemory(0, 96), true);
        });
        var segment = $"{LogFolder}/{0:D20}.seg";

        using (var inspector = LogInspector.Open("/data", _disk))
        {
            var id = Assert.Single(inspector.Logs());
            var found = inspector.Inspect(id);
            Assert.Equal(new LogTail(LogTailKind.Torn, 5 * 312, 5, 96), found.Tail);
            Assert.Equal((segment, 64L + 5 * 312, "orders", 1), (found.BadFile, found.BadOffset, found.Definition!.TopicName, found.Epoch));
            Assert.Empty(found.Problems);
        }

        _disk.FlipBit(segment, 64 + 312 + 150, 0);
        using (var inspector = LogInspector.Open("/data", _disk))
        {
            var found = inspector.Inspect(Id);
            Assert.Equal((LogTailKind.Damaged, 312L, 1L), (found.Tail!.Value.Kind, found.Tail.Value.Position, found.Tail.Value.Frames));
            Assert.Contains(segment, Assert.Single(found.Problems), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task InspectorChangesNothingAndRefusesAFolderInUse()
    {
        await Prepared(ThreeSegments);
        await using (OpenStorage())
            Assert.Throws<DataFolderException>(() => LogInspector.Open("/data", _disk));
        var before = _disk.FilesBelow("/data");

        using (var inspector = LogInspector.Open("/data", _disk))
        using (LogInspector.Open("/data", _disk))
        {
            Assert.Equal(LogTailKind.Clean, inspector.Inspect(Id).Tail!.Value.Kind);
            Assert.Equal(3, inspector.Inspect(Id).Segments.Count);
            Assert.Throws<DataFolderException>(OpenStorage);
        }

        Assert.Equal(before, _disk.FilesBelow("/data"));
        Assert.Throws<DataFolderException>(() => LogInspector.Open("/elsewhere", _disk));
    }

    private static async Task ThreeSegments(IPartitionLog log)
    {
        for (var n = 0; n < 3; n++)
        {
            log.Roll();
            await log.AppendFlushed(1);
        }
    }

    private FileStorage OpenStorage() => new(new FileStorageOptions { Directory = "/data", OnNotice = _notices.Add }, _disk, new InlineIo());

    private async Task Prepared(Func<IPartitionLog, Task> fill)
    {
        await using var storage = OpenStorage();
        await storage.CreateLog(Id, new LogDefinition("orders", new byte[] { 1, 2 }));
        await using var log = await storage.OpenLog(Id);
        await fill(log);
    }

    private async Task AssertDamaged(string named)
    {
        await using var storage = OpenStorage();
        var e = await Assert.ThrowsAsync<LogDamagedException>(async () => await storage.OpenLog(Id));
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
    }

    private long LengthOf(string name) => _disk.FilesBelow(LogFolder).Single(file => file.Path.EndsWith(name, StringComparison.Ordinal)).Length;
}

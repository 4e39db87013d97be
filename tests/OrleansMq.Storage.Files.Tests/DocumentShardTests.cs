using System.Text;
using OrleansMq.Engine.Storage;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Documents;
using OrleansMq.Storage.Files.Formats;
using OrleansMq.Storage.Files.Repair;
using Xunit;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>One file of documents: what is served of it when something in it does not read back, when it is written anew, and how it is moved from earlier versions.</summary>
public sealed class DocumentShardTests : IDisposable
{
    private const int Shard = 7;
    private const string Folder = "/data/documents";
    private const string Path = "/data/documents/07.docs";

    private readonly SimDisk _disk = new(1);
    private readonly List<StorageNotice> _notices = [];
    private ulong _drawn;
    private ShardEnds _ends;
    private DocumentShard _shard;

    public DocumentShardTests()
    {
        _disk.MakeDirectoryDurably(Folder);
        _ends = new ShardEnds(_disk, Folder);
        _shard = NewShard();
    }

    [Fact]
    public void WhatWasPutIsThereAfterARestartAndVersionsGoOn()
    {
        Assert.Equal(1, Put("a", "one"));
        Assert.Equal(2, Put("a", "two", 1));
        Assert.Equal(1, Put("b", "other"));
        Delete("a", 2);

        Reopen();

        Assert.Null(Get("a"));
        Assert.Equal("other", Get("b"));
        Assert.Equal(3, Put("a", "again"));
        Assert.Equal(3, Put("c", "above every version that was deleted"));
    }

    [Fact]
    public void ABitFlippedInAnyRecordButTheLastKeepsThatDocumentAloneFromBeingServed()
    {
        Put("a", "one");
        Put("b", "two");
        Put("c", "three");
        var (from, to) = RecordOf("b");
        for (var at = from; at < to; at++)
        {
            _disk.FlipBit(Path, at, (int)(at % 8));
            Reopen();

            Assert.Contains("'b'", Assert.Throws<LogDamagedException>(() => Get("b")).Message, StringComparison.Ordinal);
            Assert.Throws<LogDamagedException>(() => Put("b", "x", 1));
            Assert.Throws<LogDamagedException>(() => Put("b", "x", 0));
            Assert.Throws<LogDamagedException>(() => Delete("b", 1));
            Assert.Equal("one", Get("a"));
            Assert.Equal("three", Get("c"));
            Assert.Null(Get("d"));
            Assert.NotEmpty(_notices);
            _disk.FlipBit(Path, at, (int)(at % 8));
            _notices.Clear();
        }
    }

    [Fact]
    public void AnOlderVersionIsNotServedInPlaceOfADamagedOne()
    {
        Put("a", "old");
        Put("a", "new", 1);
        Put("b", "behind it");
        FlipNewestOf("a");
        Reopen();

        Assert.Throws<LogDamagedException>(() => Get("a"));
    }

    [Fact]
    public void WhatIsWrittenBesideADamagedDocumentIsServedAfterARestart()
    {
        Put("a", "one");
        Put("b", "two");
        Put("c", "three");
        FlipNewestOf("b");
        Reopen();

        Assert.True(Put("c", "four", 1) > 1L << 32, "what was lost may have been a deletion at any version");
        Put("d", "new");
        Reopen();

        Assert.Equal("four", Get("c"));
        Assert.Equal("new", Get("d"));
        Assert.Throws<LogDamagedException>(() => Get("b"));
    }

    [Fact]
    public void WhereSeveralRecordsAreLostOnlyWhatWasWrittenSinceIsServed()
    {
        Put("before", "x");
        Put("lost", "x");
        Put("lost too", "x");
        Put("since", "x");
        FlipNewestOf("lost");
        FlipNewestOf("lost too");
        Reopen();

        Assert.Equal("x", Get("since"));
        foreach (var key in new[] { "before", "lost", "lost too", "never there" })
            Assert.Throws<LogDamagedException>(() => Get(key));
    }

    [Fact]
    public void ABitFlippedInTheLastRecordIsNotTakenForAWriteThatWasCutOff()
    {
        Put("a", "old");
        Put("b", "one");
        Put("a", new string('x', 2_000), 1);
        var (from, to) = RecordOf("a");
        for (var at = from; at < to; at++)
        {
            _disk.FlipBit(Path, at, 1);
            Reopen();

            Assert.Throws<LogDamagedException>(() => Get("a"));
            Assert.Equal("one", Get("b"));
            _disk.FlipBit(Path, at, 1);
        }
    }

    [Fact]
    public void WhereNothingOfTheLastRecordReadsBackWhatWasNotWrittenSinceIsNotServed()
    {
        Put("a", "old");
        Put("b", new string('x', 2_000));
        var (from, to) = RecordOf("b");
        var bytes = _disk.ContentOf(Path);
        bytes.AsSpan((int)from, (int)(to - from)).Fill(0x55);
        _disk.Place(Path, bytes);
        Reopen();

        Assert.Throws<LogDamagedException>(() => Get("a"));
        Assert.Throws<LogDamagedException>(() => Get("never there"));
        Assert.Throws<LogDamagedException>(() => Put("new", "x"));
    }

    [Fact]
    public void WhatIsWrittenBehindADamagedLastRecordIsServedAfterARestart()
    {
        Put("a", "old");
        Put("b", "one");
        Put("a", "new", 1);
        _disk.FlipBit(Path, RecordOf("a").From + 66, 1);
        Reopen();

        Put("c", "three");
        Reopen();

        Assert.Throws<LogDamagedException>(() => Get("a"));
        Assert.Equal("one", Get("b"));
        Assert.Equal("three", Get("c"));
    }

    [Fact]
    public void AWriteOfWhichASectorDidNotComeToTheDiskIsCutAndTold()
    {
        Put("a", "one");
        Put("b", new string('x', 2_000));
        var (from, to) = RecordOf("b");
        var whole = _disk.ContentOf(Path);
        for (var at = (int)from; at < to; at = (at / 512 + 1) * 512)
        {
            for (var written = 0; written < 512 && at + written < to; written += 16)
            {
                var bytes = (byte[])whole.Clone();
                bytes.AsSpan(at + written, Math.Min(512 - (at + written) % 512, bytes.Length - at - written)).Clear();
                _disk.Place(Path, bytes);
                _notices.Clear();
                ReopenUnknown();

                Assert.Equal("one", Get("a"));
                Assert.Null(Get("b"));
                Assert.Contains("were cut", Assert.Single(_notices).Message, StringComparison.Ordinal);
                if (at % 512 + written >= 512)
                    break;
            }
        }
    }

    [Fact]
    public void WhereverAWriteIsCutOffWhatWasThereBeforeIsServed()
    {
        Put("a", "one");
        var before = _disk.ContentOf(Path);
        Put("a", new string('y', 1_500), 1);
        var after = _disk.ContentOf(Path);
        for (var length = before.Length; length < after.Length; length++)
        {
            _disk.Place(Path, after[..length]);
            ReopenUnknown();
            Assert.Equal("one", Get("a"));
            Assert.Equal(2, Put("a", "two", 1));
            ReopenUnknown();
            Assert.Equal("two", Get("a"));
        }
    }

    [Fact]
    public void AFileThatIsShorterThanItWasIsDamagedWhereverItEnds()
    {
        Put("a", "one");
        Put("b", "two");
        Put("c", "three");
        var whole = _disk.ContentOf(Path);
        for (var length = whole.Length - 1; length > 128; length--)
        {
            _disk.Place(Path, whole[..length]);
            Reopen();

            Assert.Throws<LogDamagedException>(() => Get("c"));
            _disk.Place(Path, whole);
        }
    }

    [Fact]
    public void AFileOfAnotherShardDoesNotReadBack()
    {
        Put("a", "one");
        _disk.Place("/data/documents/08.docs", _disk.ContentOf(Path));

        using var other = new DocumentShard(_disk, Folder, 8, _ends, () => ++_drawn, _notices.Add);

        Assert.Throws<LogDamagedException>(() => other.Get("a", "a"u8.ToArray()));
    }

    [Fact]
    public void AnythingInADocumentIsOnlyContent()
    {
        Put("a", "one");
        Put("b", "two");
        // Records of this very file, as content.
        var forged = _disk.ContentOf(Path);
        Assert.Equal(2, _shard.Put("b", "b"u8.ToArray(), forged, 1));
        Put("c", "three");
        FlipNewestOf("b");
        Reopen();

        Assert.Throws<LogDamagedException>(() => Get("b"));
        Assert.Equal("one", Get("a"));
        Assert.Equal("three", Get("c"));
    }

    [Fact]
    public void AFileWithMoreThatDoesNotCountThanDoesIsWrittenAnew()
    {
        var content = new string('z', 1_000);
        var version = Put("a", content);
        Put("kept", "x");
        Delete(Gone(), 1);
        var longest = 0L;
        for (var i = 0; i < 1_000; i++)
        {
            version = Put("a", content, version);
            longest = Math.Max(longest, _disk.ContentOf(Path).Length);
        }

        Assert.InRange(longest, DocumentShard.SmallWaste, (2 * DocumentShard.SmallWaste) + 4_096);
        Reopen();
        Assert.Equal(content, Get("a"));
        Assert.Equal("x", Get("kept"));
        Assert.Equal(2, Put("gone", "x"));

        string Gone()
        {
            Put("gone", "x");
            return "gone";
        }
    }

    [Fact]
    public void ADamagedFileIsNotWrittenAnewForWhatIsLeftOfItMayBeNeeded()
    {
        Put("a", "one");
        Put("b", "two");
        var version = Put("c", "x");
        FlipNewestOf("b");
        Reopen();
        for (var i = 0; i < 300; i++)
            version = Put("c", new string('z', 1_000), version);

        Assert.True(_disk.ContentOf(Path).Length > 300_000);
        Assert.Throws<LogDamagedException>(() => Get("b"));
    }

    [Fact]
    public void AShardAsEarlierVersionsWroteItIsMovedAndVersionsGoOn()
    {
        var folder = PlaceFormer(floor: 9, ("a", 3, "one"), ("b/ü", 12, "two"));

        Assert.Equal("one", Get("a"));
        Assert.Equal("two", Get("b/ü"));
        Assert.Equal(10, Put("c", "above the floor"));
        Assert.Equal(13, Put("b/ü", "next", 12));
        Assert.Empty(_disk.ListOrEmpty(folder));
    }

    [Fact]
    public void MovingThatIsCutOffAnywhereIsBegunAgain()
    {
        for (var (call, done) = (1, false); !done; call++)
        {
            var disk = new SimDisk(call);
            disk.MakeDirectoryDurably(Folder);
            PlaceFormer(disk, 1, ("a", 3, "one"), ("b", 4, "two"));
            disk.PowerLossAt = disk.Calls + call;
            try
            {
                using var ends = new ShardEnds(disk, Folder);
                using var cut = new DocumentShard(disk, Folder, Shard, ends, () => ++_drawn, _notices.Add);
                Assert.Equal("one", Encoding.UTF8.GetString(cut.Get("a", "a"u8.ToArray())!.Bytes.Span));
                disk.PowerLossAt = 0;
                done = true;
            }
            catch (SimPowerLossException)
            {
            }

            disk.Crash(call);
            using var now = new ShardEnds(disk, Folder);
            using var storage = new DocumentShard(disk, Folder, Shard, now, () => ++_drawn, _notices.Add);
            Assert.Equal("one", Encoding.UTF8.GetString(storage.Get("a", "a"u8.ToArray())!.Bytes.Span));
            Assert.Equal("two", Encoding.UTF8.GetString(storage.Get("b", "b"u8.ToArray())!.Bytes.Span));
        }
    }

    [Fact]
    public async Task WhoOnlyLooksIsToldOfFormerShardsAndARepairLeavesThem()
    {
        PlaceFormer(floor: 0, ("a", 3, "one"));
        _disk.Place("/data/format", "orleansmq data 1\n"u8.ToArray());
        _disk.Place("/data/lock", []);
        using (var inspector = LogInspector.Open("/data", _disk))
            Assert.Contains("1 folders hold documents as earlier versions wrote them", Assert.Single(inspector.Notes()), StringComparison.Ordinal);
        using (var repair = FolderRepair.Open("/data", "/copies", DateTimeOffset.UnixEpoch, _disk))
            Assert.Equal("/data/documents/07", Assert.Single(repair.Run(acceptLoss: true).Left).Path);

        await using (var storage = new FileStorage(new FileStorageOptions { Directory = "/data" }, _disk, new InlineIo()))
            Assert.Null(await storage.Documents.Get("of another shard"));

        Assert.Equal("orleansmq data 4\n", Encoding.UTF8.GetString(_disk.ContentOf("/data/format")));
    }

    [Fact]
    public void AFormerShardInWhichSomethingDoesNotReadBackStaysAsItIs()
    {
        var folder = PlaceFormer(floor: 0, ("a", 3, "one"), ("b", 4, "two"));
        var path = _disk.FilesBelow(folder).Single(file => file.Path.Contains("d-b", StringComparison.Ordinal)).Path;
        _disk.FlipBit(path, 33, 1);

        Assert.Contains(path, Assert.Throws<LogDamagedException>(() => Get("a")).Message, StringComparison.Ordinal);
        _disk.FlipBit(path, 33, 1);
        Assert.Equal("one", Get("a"));
    }

    [Fact]
    public void AFullDiskRefusesADocumentAndChangesNothing()
    {
        Put("a", "one");
        _disk.Capacity = _disk.UsedBytes;

        Assert.Throws<LogFullException>(() => Put("a", new string('x', 100_000), 1));
        Assert.Equal("one", Get("a"));
        Delete("a", 1);
        _disk.Capacity = long.MaxValue;
        Assert.Equal(2, Put("a", "two"));
        Reopen();
        Assert.Equal("two", Get("a"));
    }

    [Fact]
    public void AFileHasALargestSizeAndDeletionsGoOn()
    {
        using var shard = new DocumentShard(_disk, Folder, 9, _ends, () => ++_drawn, _notices.Add, largest: 4_096);
        Assert.Equal(1, shard.Put("a", "a"u8.ToArray(), new byte[3_000], 0));

        Assert.Contains("at most 4096 bytes", Assert.Throws<LogFullException>(() => shard.Put("b", "b"u8.ToArray(), new byte[3_000], 0)).Message, StringComparison.Ordinal);
        Assert.Null(shard.Get("b", "b"u8.ToArray()));
        shard.Delete("a", "a"u8.ToArray(), 1);
    }

    [Fact]
    public void WhatIsDamagedWhileItIsServedKeepsTheFileFromBeingWrittenAnewAndNothingElse()
    {
        Put("a", "one");
        Put("b", "two");
        var version = Put("c", "x");
        FlipNewestOf("b");
        for (var i = 0; i < 300; i++)
            version = Put("c", new string('z', 1_000), version);

        Assert.Throws<LogDamagedException>(() => Get("b"));
        Assert.Equal("one", Get("a"));
        Assert.Single(_notices);
        Reopen();
        Assert.Throws<LogDamagedException>(() => Get("b"));
        Assert.Equal(new string('z', 1_000), Get("c"));
    }

    public void Dispose()
    {
        _shard.Dispose();
        _ends.Dispose();
    }

    private DocumentShard NewShard() => new(_disk, Folder, Shard, _ends, () => ++_drawn, _notices.Add);

    /// <summary>As after a loss of power, before which nothing says how far the file was durable.</summary>
    private void ReopenUnknown()
    {
        _shard.Dispose();
        _ends.Dispose();
        _disk.Remove($"{Folder}/{ShardEnds.FileName}");
        _disk.FlushDirectory(Folder);
        Reopen();
    }

    private void Reopen()
    {
        _shard.Dispose();
        _ends.Dispose();
        _disk.Crash(3);
        _ends = new ShardEnds(_disk, Folder);
        _shard = NewShard();
    }

    private string? Get(string key) => _shard.Get(key, Encoding.UTF8.GetBytes(key)) is { } found ? Encoding.UTF8.GetString(found.Bytes.Span) : null;

    private long Put(string key, string content, long expected = 0) => _shard.Put(key, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(content), expected);

    private void Delete(string key, long expected) => _shard.Delete(key, Encoding.UTF8.GetBytes(key), expected);

    private (long From, long To) RecordOf(string key)
    {
        var placed = ShardView.Read(_disk, Folder, Shard).Scan.Records.Last(placed => ShardView.KeyOf(placed.Record) == key);
        return (placed.Offset, placed.End);
    }

    private void FlipNewestOf(string key) => _disk.FlipBit(Path, RecordOf(key).From + 64, 3);

    private string PlaceFormer(long floor, params (string Key, long Version, string Content)[] documents) => PlaceFormer(_disk, floor, documents);

    private static string PlaceFormer(SimDisk disk, long floor, params (string Key, long Version, string Content)[] documents)
    {
        const string folder = $"{Folder}/07";
        var content = new byte[SlotFile.ContentSize];
        BitConverter.TryWriteBytes(content, floor);
        disk.Place($"{folder}/floor", SlotFile.New(content, Shard + 1));
        foreach (var (key, version, text) in documents)
        {
            var (bytes, value) = (DocumentFile.KeyBytes(key), Encoding.UTF8.GetBytes(text));
            disk.Place($"{folder}/{DocumentFile.FileName(bytes)}", [.. DocumentFile.EncodeHeader(bytes, version, value), .. value]);
        }

        return folder;
    }
}

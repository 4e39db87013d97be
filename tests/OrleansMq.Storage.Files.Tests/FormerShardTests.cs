using System.Text;
using OrleansMq.Engine.Storage;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Documents;
using OrleansMq.Storage.Files.Formats;
using OrleansMq.Storage.Files.Repair;
using Xunit;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>Documents as earlier versions wrote them, a file each.</summary>
public sealed class FormerShardTests : DocumentShardStory
{
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
                using var ends = new ShardEnds(disk, Folder, _notices.Add);
                using var cut = new DocumentShard(disk, Folder, Number, ends, () => ++_drawn, _notices.Add);
                Assert.Equal("one", Encoding.UTF8.GetString(cut.Get("a", "a"u8.ToArray())!.Bytes.Span));
                disk.PowerLossAt = 0;
                done = true;
            }
            catch (SimPowerLossException)
            {
            }

            disk.Crash(call);
            using var now = new ShardEnds(disk, Folder, _notices.Add);
            using var storage = new DocumentShard(disk, Folder, Number, now, () => ++_drawn, _notices.Add);
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

    private string PlaceFormer(long floor, params (string Key, long Version, string Content)[] documents) => PlaceFormer(_disk, floor, documents);

    private static string PlaceFormer(SimDisk disk, long floor, params (string Key, long Version, string Content)[] documents)
    {
        const string folder = $"{Folder}/07";
        var content = new byte[SlotFile.ContentSize];
        BitConverter.TryWriteBytes(content, floor);
        disk.Place($"{folder}/floor", SlotFile.New(content, Number + 1));
        foreach (var (key, version, text) in documents)
        {
            var (bytes, value) = (DocumentFile.KeyBytes(key), Encoding.UTF8.GetBytes(text));
            disk.Place($"{folder}/{DocumentFile.FileName(bytes)}", [.. DocumentFile.EncodeHeader(bytes, version, value), .. value]);
        }

        return folder;
    }
}

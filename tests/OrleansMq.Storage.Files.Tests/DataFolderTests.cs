using OrleansMq.Engine.Storage;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files.Disk;
using Xunit;

namespace OrleansMq.Storage.Files.Tests;

public sealed class DataFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Remove();

    [Fact]
    public async Task SecondUserOfAFolderIsToldWhichOne()
    {
        await using (new FileStorage(_folder.Options))
        {
            var e = Assert.Throws<DataFolderException>(() => new FileStorage(_folder.Options));
            Assert.Contains(_folder.Options.Directory, e.Message, StringComparison.Ordinal);
            Assert.Throws<DataFolderException>(() => LogInspector.Open(_folder.Options.Directory));
        }

        await using var next = new FileStorage(_folder.Options);
    }

    [Theory]
    [InlineData("orleansmq data 5\n")]
    [InlineData("orleansmq data 0\n")]
    [InlineData("something else\n")]
    [InlineData("")]
    public async Task FolderOfAnotherFormatIsRefused(string format)
    {
        await using (new FileStorage(_folder.Options))
        {
        }
        var path = Path.Join(_folder.Options.Directory, "format");
        await File.WriteAllTextAsync(path, format);

        var e = Assert.Throws<DataFolderException>(() => new FileStorage(_folder.Options));

        Assert.Contains(path, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FolderWithDataAndNoFormatIsNotANewOne()
    {
        await using (new FileStorage(_folder.Options))
        {
        }
        File.Delete(Path.Join(_folder.Options.Directory, "format"));

        Assert.Throws<DataFolderException>(() => new FileStorage(_folder.Options));
    }

    [Fact]
    public async Task EverythingIsReadableByItsOwnerAlone()
    {
        if (OperatingSystem.IsWindows())
            return;
        await FillARealFolder();

        foreach (var entry in new DirectoryInfo(_folder.Options.Directory).EnumerateFileSystemInfos("*", SearchOption.AllDirectories))
        {
            var expected = UnixFileMode.UserRead | UnixFileMode.UserWrite | (entry is DirectoryInfo ? UnixFileMode.UserExecute : 0);
            Assert.Equal((entry.FullName, expected), (entry.FullName, entry.UnixFileMode));
        }
    }

    [Fact]
    public async Task InspectorReadsARealFolder()
    {
        await FillARealFolder();

        using var inspector = LogInspector.Open(_folder.Options.Directory);

        Assert.Equal(Core.Log.LogTailKind.Clean, inspector.Inspect(Assert.Single(inspector.Logs())).Tail!.Value.Kind);
        Assert.Equal("topics/orders", Assert.Single(inspector.Documents(), document => document.Document is not null).Key);
        Assert.All(inspector.Documents(), document => Assert.Null(document.Problem));
    }

    [Fact]
    public async Task IdleLogsCostNoOpenFile()
    {
        if (!OperatingSystem.IsLinux())
            return;
        await using var storage = new FileStorage(_folder.Options with { OpenSegments = 4 });
        var logs = new List<IPartitionLog>();
        for (var partition = 0; partition < 50; partition++)
        {
            var id = new LogId(Guid.Empty, partition);
            await storage.CreateLog(id, new LogDefinition("orders", default));
            logs.Add(await storage.OpenLog(id));
            await logs[^1].AppendFlushed(2);
        }

        Assert.InRange(OpenSegmentFiles(), 0, 4);

        foreach (var log in logs)
        {
            Assert.Equal(100, await log.Read(0, new byte[100]));
            await log.AppendFlushed(1);
        }
        Assert.InRange(OpenSegmentFiles(), 0, 4);
    }

    [Fact]
    public void SettingsThatContradictEachOtherAreNamed()
    {
        var e = Assert.Throws<ArgumentException>(() => new FileStorage(_folder.Options with { FirstReserveBytes = 1 << 20, ReserveBytes = 1 << 16 }));

        Assert.Contains("ReserveBytes", e.Message, StringComparison.Ordinal);
        Assert.Contains("FirstReserveBytes", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DeletionThatWasCutOffIsFinishedAtTheNextStart()
    {
        var disk = new SimDisk(1);
        var options = new FileStorageOptions { Directory = "/data" };
        await using (var storage = new FileStorage(options, disk, new InlineIo()))
        {
            await storage.CreateLog(new LogId(Guid.Empty, 1), new LogDefinition("orders", default));
            disk.Fault = call => call.Operation == "unlink" ? DiskError.Failed : null;
            await Assert.ThrowsAsync<LogFailedException>(async () => await storage.DeleteLog(new LogId(Guid.Empty, 1)));
            disk.Fault = null;
            await Assert.ThrowsAsync<LogMissingException>(async () => await storage.OpenLog(new LogId(Guid.Empty, 1)));
        }
        Assert.Contains(disk.FilesBelow("/data/deleted"), file => file.Path.EndsWith("manifest", StringComparison.Ordinal));

        await using var again = new FileStorage(options, disk, new InlineIo());

        Assert.Empty(disk.FilesBelow("/data/deleted"));
    }

    [Fact]
    public async Task FullDiskLeavesNoHalfSegmentAndTrimmingGoesOn()
    {
        var disk = new SimDisk(1);
        await using var storage = new FileStorage(new FileStorageOptions { Directory = "/data", SegmentBytes = 4096 }, disk, new InlineIo());
        var id = new LogId(Guid.Empty, 1);
        await storage.CreateLog(id, new LogDefinition("orders", default));
        var log = await storage.OpenLog(id);
        await log.AppendFlushed(60);
        disk.Capacity = 1;

        await Assert.ThrowsAsync<LogFullException>(() => log.AppendFlushed(100));
        var end = log.End;
        log.Roll();
        await Assert.ThrowsAsync<LogFullException>(() => log.AppendFlushed(1));
        await Assert.ThrowsAsync<LogFullException>(async () => await log.SaveSnapshot(end, new byte[10]));
        Assert.Equal(end, log.End);
        Assert.Equal(100, await log.Read(end - 100, new byte[100]));
        await log.TrimBefore(end);
        log = await storage.OpenLog(id);
        Assert.Equal(end, log.End);

        disk.Capacity = long.MaxValue;
        await log.AppendFlushed(10);
        Assert.Equal(end + 10 * 312, log.End);
    }

    private async Task FillARealFolder()
    {
        await using var storage = new FileStorage(_folder.Options);
        await storage.Documents.Put("topics/orders", "x"u8.ToArray(), 0);
        await storage.CreateLog(new LogId(Guid.Empty, 1), new LogDefinition("orders", default));
        await using var log = await storage.OpenLog(new LogId(Guid.Empty, 1));
        await log.AppendFlushed(3);
        await log.SaveSnapshot(log.End, new byte[10]);
        log.Roll();
        await log.AppendFlushed(3);
    }

    private int OpenSegmentFiles() => Directory.GetFiles("/proc/self/fd")
        .Select(fd => new FileInfo(fd).LinkTarget ?? "")
        .Count(target => target.StartsWith(_folder.Path, StringComparison.Ordinal) && target.EndsWith(".seg", StringComparison.Ordinal));
}

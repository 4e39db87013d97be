using OrleansMq.Engine.Storage;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files.Disk;
using Xunit;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>What the journal's files say, and what they can't any more.</summary>
public sealed class JournalTests
{
    private const int Appends = 5;
    private static readonly LogId Log = new(Guid.Parse("aaaaaaaa-0000-0000-0000-000000000001"), 0);
    private readonly List<StorageNotice> _notices = [];

    [Fact]
    public async Task WhatOnlyTheJournalHasIsThereAfterAPowerLoss()
    {
        var disk = await Written();
        disk.Crash(1);

        Assert.Equal(Appends * 100, await EndOf(disk, journal: true));
        Assert.Contains(_notices, notice => notice.Message.Contains("changes were applied", StringComparison.Ordinal));
    }

    [Fact]
    public async Task WhoWantsNoneAnyMoreStillGetsWhatItHolds()
    {
        var disk = await Written();
        disk.Crash(1);

        Assert.Equal(Appends * 100, await EndOf(disk, journal: false));
        Assert.DoesNotContain(disk.FilesBelow("/data"), file => file.Path.EndsWith(".jnl", StringComparison.Ordinal));
        disk.Crash(2);
        Assert.Equal(Appends * 100, await EndOf(disk, journal: false));
    }

    [Fact]
    public async Task ItsLastBatchMayBeTornAndNoOther()
    {
        var disk = await Written();
        var (path, batches) = BatchesOf(disk);
        disk.Crash(1);

        var torn = Copy(disk);
        torn.FlipBit(path, batches[^1] + 70, 0);
        Assert.Equal((Appends - 1) * 100, await EndOf(torn, journal: true));

        foreach (var at in batches.SkipLast(1))
        {
            var damaged = Copy(disk);
            damaged.FlipBit(path, at + 70, 3);
            Assert.Contains("do not read back", Assert.Throws<LogDamagedException>(() => Open(damaged, journal: true)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task AFolderThatHadOneIsNotForEarlierReleases()
    {
        var disk = await Written();

        Assert.Equal("orleansmq data 3\n", System.Text.Encoding.UTF8.GetString(disk.ContentOf("/data/format")));
    }

    [Theory]
    [InlineData(16_383, 64 << 10, nameof(FileStorageOptions.JournalBytes))]
    [InlineData((1L << 30) + 1, 64 << 10, nameof(FileStorageOptions.JournalBytes))]
    [InlineData(64 << 20, 1_023, nameof(FileStorageOptions.JournalShareBytes))]
    [InlineData(64 << 20, (1 << 20) + 1, nameof(FileStorageOptions.JournalShareBytes))]
    public void LimitsHaveNames(long bytes, int share, string name)
    {
        var options = new FileStorageOptions { Directory = "/data", Journal = true, JournalBytes = bytes, JournalShareBytes = share };

        Assert.Contains(name, Assert.Throws<ArgumentException>(() => new FileStorage(options, new SimDisk(1), new InlineIo())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFlushOfAFileThatFailsStopsAllWritingUntilTheNextStartAndLosesNothing()
    {
        var disk = await Written();
        disk.Crash(1);
        var storage = Open(disk, journal: true);
        var log = await storage.OpenLog(Log);
        await log.Append(new byte[100], flush: true);
        disk.Fault = call => call.Operation == "fdatasync" && call.Path.EndsWith(".seg", StringComparison.Ordinal) ? DiskError.Failed : null;
        await Assert.ThrowsAsync<LogFailedException>(async () => await log.Append(new byte[100_000], flush: true));
        disk.Fault = null;

        Assert.Contains("started again", (await Assert.ThrowsAsync<LogFailedException>(async () => await storage.OpenLog(Log))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<LogFailedException>(async () => await storage.Documents.Put("d", new byte[10], 0));

        disk.Crash(2);
        Assert.InRange(await EndOf(disk, journal: true), (Appends + 1) * 100, ((Appends + 1) * 100) + 100_000);
    }

    [Fact]
    public async Task WithoutRoomForItTheStorageGoesOnWithout()
    {
        var disk = new SimDisk(1) { Capacity = 50_000 };
        await using (var storage = Open(disk, journal: true))
            await storage.CreateLog(Log, new LogDefinition("orders", new byte[] { 1 }));

        Assert.Contains(_notices, notice => notice.Message.Contains("no room for the journal", StringComparison.Ordinal));
        disk.Crash(1);
        Assert.Equal(0, await EndOf(disk, journal: false));
    }

    [Fact]
    public async Task AJournalThatCannotBeWrittenIsBegunAnewAndNothingIsLost()
    {
        var disk = await Written();
        disk.Crash(1);
        var storage = Open(disk, journal: true);
        var other = await storage.OpenLog(Log);
        disk.Fault = call => call.Operation == "fdatasync" && call.Path.EndsWith(".jnl", StringComparison.Ordinal) ? DiskError.Failed : null;
        await Assert.ThrowsAsync<LogFailedException>(async () => await other.Append(new byte[100], flush: true));
        disk.Fault = null;

        await using (var again = await storage.OpenLog(Log))
        {
            Assert.InRange(again.End, Appends * 100, (Appends + 1) * 100);
            await again.Append(new byte[100], flush: true);
        }

        disk.Crash(2);
        Assert.InRange(await EndOf(disk, journal: true), (Appends + 1) * 100, (Appends + 2) * 100);
    }

    [Fact]
    public async Task ManyThreadsOnManyLogsFindAllThatTheyAppended()
    {
        var folder = new TemporaryFolder();
        try
        {
            var options = folder.Options with { Journal = true, JournalBytes = 256 << 10, JournalShareBytes = 4 << 10 };
            var logs = Enumerable.Range(0, 100).Select(number => new LogId(Guid.NewGuid(), number)).ToList();
            await using (var storage = new FileStorage(options))
                await Parallel.ForEachAsync(logs, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (id, _) =>
                {
                    await storage.CreateLog(id, new LogDefinition("t", new byte[] { 1 }));
                    await using var log = await storage.OpenLog(id);
                    await Task.WhenAll(Enumerable.Range(0, 20).Select(i => log.Append(new byte[i % 7 == 0 ? 6_000 : 300], flush: true).AsTask()));
                    await storage.Documents.Put($"d{id.Partition}", new byte[200], 0);
                    if (id.Partition % 5 == 0)
                        await storage.DeleteLog(id);
                });

            await using var opened = new FileStorage(options);
            foreach (var id in logs.Where(id => id.Partition % 5 != 0))
            {
                await using var log = await opened.OpenLog(id);
                Assert.Equal((3 * 6_000) + (17 * 300), log.End);
                Assert.Equal(200, (await opened.Documents.Get($"d{id.Partition}"))?.Bytes.Length);
            }
        }
        finally
        {
            folder.Remove();
        }
    }

    /// <summary>A log of which only the journal is durable.</summary>
    private async Task<SimDisk> Written()
    {
        var disk = new SimDisk(1);
        var storage = Open(disk, journal: true);
        await storage.CreateLog(Log, new LogDefinition("orders", new byte[] { 1 }));
        var log = await storage.OpenLog(Log);
        for (var i = 0; i < Appends; i++)
            await log.Append(new byte[100], flush: true);
        disk.Kill();
        return disk;
    }

    private async Task<long> EndOf(SimDisk disk, bool journal)
    {
        await using var storage = Open(disk, journal);
        await using var log = await storage.OpenLog(Log);
        return log.End;
    }

    private FileStorage Open(SimDisk disk, bool journal) => new(
        new FileStorageOptions { Directory = "/data", FirstReserveBytes = 4096, ReserveBytes = 4096, Journal = journal, JournalBytes = 64 << 10, JournalWhenAlone = true, OnNotice = _notices.Add },
        disk,
        new InlineIo());

    private static SimDisk Copy(SimDisk disk)
    {
        var copy = new SimDisk(1);
        foreach (var (path, _) in disk.FilesBelow("/data"))
            copy.Place(path, (byte[])disk.ContentOf(path).Clone());
        return copy;
    }

    /// <summary>The file that has batches, and where they begin.</summary>
    private static (string Path, List<int> Batches) BatchesOf(SimDisk disk)
    {
        var (path, places) = disk.FilesBelow("/data").Where(file => file.Path.EndsWith(".jnl", StringComparison.Ordinal))
            .Select(file => (file.Path, Places: Enumerable.Range(0, (int)file.Length / 64).Select(i => i * 64).Where(at => disk.ContentOf(file.Path).AsSpan(at).StartsWith("OMJ1"u8)).ToList()))
            .MaxBy(file => file.Places.Count);
        // The first says that nothing is to be applied.
        return (path, [.. places.Skip(1)]);
    }
}

using OrleansMq.Engine.Storage;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files.Disk;
using Xunit;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>Bugs that <see cref="CrashTests"/> found once, as scenarios, with the seed that found each.</summary>
public sealed class FoundBySimulationTests
{
    private static readonly LogId Id = new(Guid.Parse("aaaaaaaa-0000-0000-0000-000000000001"), 0);

    private readonly SimDisk _disk = new(1);

    /// <summary>The snapshot was taken for damaged and lost. Seed 44, Failed at call 356.</summary>
    [Fact]
    public async Task PassingReadErrorIsNotADamagedSnapshot()
    {
        await using var storage = OpenStorage();
        await using (var log = await CreateAndOpen(storage))
        {
            await log.AppendFlushed(1);
            await log.SaveSnapshot(log.End, new byte[] { 1 });
        }
        _disk.Fault = call => call.Operation is "open" or "pread" && call.Path.Contains("snapshot", StringComparison.Ordinal) ? DiskError.Failed : null;
        await Assert.ThrowsAsync<LogFailedException>(async () => await storage.OpenLog(Id));
        _disk.Fault = null;

        await using var again = await storage.OpenLog(Id);

        Assert.NotNull(again.Snapshot);
    }

    /// <summary>The second opening's flush said yes for pages that the first one's had lost. Seed 304, Failed at call 272.</summary>
    [Fact]
    public async Task FlushThatFailedWhileOpeningIsNotBelievedAtTheNext()
    {
        var end = 0L;
        for (var seed = 1; seed <= 20; seed++)
        {
            var disk = new SimDisk(seed);
            var storage = new FileStorage(new FileStorageOptions { Directory = "/data" }, disk, new InlineIo());
            var log = await CreateAndOpen(storage);
            await log.Append(FrameBytes.Entries(FrameBytes.IdentityOf(log), 0, 0, 5000), false);
            disk.Fault = call => call.Operation == "fdatasync" && call.Path.EndsWith(".seg", StringComparison.Ordinal) ? DiskError.Failed : null;
            await Assert.ThrowsAsync<LogFailedException>(async () => await storage.OpenLog(Id));
            disk.Fault = null;
            log = await storage.OpenLog(Id);
            end = log.End;
            await log.AppendFlushed(1);

            disk.Crash(seed);
            storage = new FileStorage(new FileStorageOptions { Directory = "/data" }, disk, new InlineIo());
            log = await storage.OpenLog(Id);

            var bytes = new byte[5112];
            Assert.Equal(5112, await log.Read(0, bytes));
            Assert.Equal(FrameBytes.Entries(FrameBytes.IdentityOf(log), 0, 0, 5000), bytes);
            await storage.DisposeAsync();
        }
        Assert.Equal(5112, end);
    }

    /// <summary>The retry found nothing to delete and did not flush the name. Seed 4772, Failed at call 370.</summary>
    [Fact]
    public async Task DeletionWhoseFlushFailedIsMadeDurableByTheRetry()
    {
        for (var crash = 1; crash <= 20; crash++)
        {
            var disk = new SimDisk(crash);
            await using (var storage = new FileStorage(new FileStorageOptions { Directory = "/data" }, disk, new InlineIo()))
            {
                await storage.CreateLog(Id, new LogDefinition("orders", default));
                disk.Fault = call => call.Operation == "fsync directory" ? DiskError.Failed : null;
                await Assert.ThrowsAsync<LogFailedException>(async () => await storage.DeleteLog(Id));
                disk.Fault = null;
                await storage.DeleteLog(Id);
            }
            disk.Crash(crash);

            await using var again = new FileStorage(new FileStorageOptions { Directory = "/data" }, disk, new InlineIo());
            await Assert.ThrowsAsync<LogMissingException>(async () => await again.OpenLog(Id));
        }
    }

    /// <summary>What was written of a refused append was cut off in the page cache alone. Seed 2544, Full at call 388.</summary>
    [Fact]
    public async Task RefusedAppendDoesNotComeBackAfterACrash()
    {
        for (var seed = 1; seed <= 50; seed++)
        {
            var disk = new SimDisk(seed);
            await using (var storage = new FileStorage(new FileStorageOptions { Directory = "/data" }, disk, new InlineIo()))
            {
                var log = await CreateAndOpen(storage);
                disk.Fault = call => call.Operation == "pwrite" ? DiskError.Full : null;
                await Assert.ThrowsAsync<LogFullException>(() => log.AppendFlushed(1));
                disk.Fault = null;
                disk.Crash(seed);
            }

            await using var again = new FileStorage(new FileStorageOptions { Directory = "/data" }, disk, new InlineIo());
            Assert.Equal(0, (await again.OpenLog(Id)).End);
        }
    }

    private FileStorage OpenStorage() => new(new FileStorageOptions { Directory = "/data" }, _disk, new InlineIo());

    private static async Task<IPartitionLog> CreateAndOpen(FileStorage storage)
    {
        await storage.CreateLog(Id, new LogDefinition("orders", default));
        return await storage.OpenLog(Id);
    }
}

using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Shared;
using Xunit;

namespace OrleansMq.Storage.Files.Tests;

public sealed class SharedFileLogTests : LogContract
{
    private readonly TemporaryFolder _folder = new();

    protected override ValueTask<IStorage> Open() => new(new SharedFileStorage(_folder.Options));

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        _folder.Remove();
    }
}

/// <summary>Two storages on one folder, as two processes have them: what the one does not know must not hurt the other.</summary>
public sealed class ZombieTests : IAsyncLifetime
{
    private static readonly LogId Id = new(Guid.Parse("11111111-2222-3333-4444-555555555555"), 3);

    private readonly TemporaryFolder _folder = new();
    private readonly HookedDisk _zombiesDisk = new();
    private SharedFileStorage _zombies = null!;
    private SharedFileStorage _others = null!;
    private IPartitionLog _zombie = null!;

    public async Task InitializeAsync()
    {
        _zombies = new SharedFileStorage(_folder.Options, _zombiesDisk);
        _others = new SharedFileStorage(_folder.Options);
        await _zombies.CreateLog(Id, new LogDefinition("orders", new byte[] { 1 }));
        _zombie = await _zombies.OpenLog(Id);
        await _zombie.Append(Bytes(1), flush: true);
    }

    public async Task DisposeAsync()
    {
        await _zombies.DisposeAsync();
        await _others.DisposeAsync();
        _folder.Remove();
    }

    [Fact]
    public async Task NewOwnerSeesWhatWasAcknowledgedAndTheOldOneIsRefused()
    {
        var owner = await _others.OpenLog(Id);

        Assert.Equal(_zombie.Epoch + 1, owner.Epoch);
        Assert.Equal(Bytes(1), await ReadAll(owner));
        await Assert.ThrowsAsync<LogFencedException>(async () => await _zombie.Append(Bytes(2), flush: true));
        await Assert.ThrowsAsync<LogFencedException>(async () => await _zombie.Append(Bytes(2), flush: false));
    }

    /// <summary>The simulation had a process that ended of it, with a planted bug (seed 21): it closed what was idle, and its file was no longer held open.</summary>
    [Fact]
    public async Task AZombieWhoseFileIsGoneClosesItsLogInGoodOrder()
    {
        await using var zombies = new SharedFileStorage(_folder.Options with { OpenSegments = 1 });
        var other = Id with { Partition = 4 };
        await zombies.CreateLog(other, new LogDefinition("orders", new byte[] { 1 }));
        var zombie = await zombies.OpenLog(Id);
        await zombie.Append(Bytes(1), flush: true);
        // Only one file is held open.
        await (await zombies.OpenLog(other)).Append(Bytes(2), flush: true);
        await _others.DeleteLog(Id);

        await zombie.DisposeAsync();
    }

    [Fact]
    public async Task WhatAZombieWritesAfterTheTakeoverIsNeverInTheLog()
    {
        var owner = await _others.OpenLog(Id);
        await owner.Append(Bytes(3), flush: true);

        // Also what is not flushed: a lease is given when it is written.
        await Assert.ThrowsAsync<LogFencedException>(async () => await _zombie.Append(Bytes(2), flush: false));
        await Assert.ThrowsAsync<LogFencedException>(async () => await _zombie.Flush());

        Assert.Equal(Join(Bytes(1), Bytes(3)), await ReadAll(owner));
        await owner.Append(Bytes(4), flush: true);
        var next = await _zombies.OpenLog(Id);
        Assert.Equal(Join(Bytes(1), Bytes(3), Bytes(4)), await ReadAll(next));
    }

    [Fact]
    public async Task OwnerWhoLosesTheLogBetweenFlushAndAcknowledgementAcknowledgesNothing()
    {
        IPartitionLog? owner = null;
        _zombiesDisk.AfterNextFlushOfASegment = () => owner = _others.OpenLog(Id).AsTask().GetAwaiter().GetResult();

        await Assert.ThrowsAsync<LogFencedException>(async () => await _zombie.Append(Bytes(2), flush: true));

        // Unknown to its producer: it may be in the log, whole, or not at all.
        Assert.NotNull(owner);
        Assert.StartsWith(Convert.ToHexString(Bytes(1)), Convert.ToHexString(await ReadAll(owner)), StringComparison.Ordinal);
        Assert.True(owner.End is 80 or 160);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task WhatIsWrittenWhileNoMoreFilesCanBeOpenedIsNotRefused(bool flush)
    {
        _zombiesDisk.OpeningFails = 1;
        await _zombie.Append(Bytes(2), flush);

        _zombiesDisk.OpeningFails = int.MaxValue;
        await Assert.ThrowsAsync<LogFailedException>(async () => await _zombie.Append(Bytes(3), flush));

        _zombiesDisk.OpeningFails = 0;
        Assert.Equal(Join(Bytes(1), Bytes(2), Bytes(3)), await ReadAll(await _others.OpenLog(Id)));
    }

    [Fact]
    public async Task TornTailOfAZombieIsCutAndStaysCutWhileItGoesOnWriting()
    {
        await _zombie.Append(Bytes(2), flush: false);
        var owner = await _others.OpenLog(Id);
        await owner.Cut(120);
        Assert.Equal(120, owner.End);
        await Assert.ThrowsAsync<LogFencedException>(async () => await _zombie.Append(Bytes(5), flush: false));

        await owner.DisposeAsync();
        owner = await _others.OpenLog(Id);

        Assert.Equal(120, owner.End);
        await owner.Append(Bytes(3), flush: true);
        await owner.DisposeAsync();
        owner = await _others.OpenLog(Id);
        Assert.Equal(Join(Bytes(1), Bytes(2)[..40], Bytes(3)), await ReadAll(owner));
    }

    [Fact]
    public async Task ZombieThatRollsTrimsCutsOrTakesASnapshotChangesNothing()
    {
        _zombie.Roll();
        await _zombie.Append(Bytes(2), flush: true);
        var owner = await _others.OpenLog(Id);
        await owner.Append(Bytes(3), flush: true);
        await owner.SaveSnapshot(160, Bytes(7));

        // Each is the first that this opening learns of it: a fresh zombie for each.
        await AsZombie(zombie => zombie.TrimBefore(80));
        await AsZombie(zombie => zombie.SaveSnapshot(160, Bytes(9)));
        await AsZombie(zombie => zombie.Cut(80));
        await AsZombie(zombie =>
        {
            zombie.Roll();
            return zombie.Append(Bytes(2), flush: false);
        });

        async Task AsZombie(Func<IPartitionLog, ValueTask> act)
        {
            var zombie = await _zombies.OpenLog(Id);
            await owner.DisposeAsync();
            owner = await _others.OpenLog(Id);
            await Assert.ThrowsAsync<LogFencedException>(async () => await act(zombie));
            Assert.Equal(Join(Bytes(1), Bytes(2), Bytes(3)), await ReadAll(owner));
            Assert.Equal(Bytes(7), owner.Snapshot!.State.ToArray());
            await owner.Append(ReadOnlyMemory<byte>.Empty, flush: true);
        }
    }

    [Fact]
    public async Task ZombieThatHasRewrittenSegmentsPutsNothingInTheirPlace()
    {
        await RollWith(_zombie, Bytes(2));
        await RollWith(_zombie, Bytes(3));
        var rewriting = await _zombie.Rewrite(0);
        await rewriting.Write(Bytes(9).AsMemory(0, 40));
        await rewriting.Seal(160);
        var owner = await _others.OpenLog(Id);

        await Assert.ThrowsAsync<LogFencedException>(async () => await rewriting.Place());
        await rewriting.DisposeAsync();

        Assert.Equal(Join(Bytes(1), Bytes(2), Bytes(3)), await ReadAll(owner));
        Assert.Equal(Join(Bytes(1), Bytes(2), Bytes(3)), await ReadAll(await _others.OpenLog(Id)));
        Assert.Equal(3, SegmentFiles());
    }

    [Fact]
    public async Task RewritingThatIsUnderWayAtATakeoverIsOverAndLeavesNothing()
    {
        await RollWith(_zombie, Bytes(2));
        var rewriting = await _zombie.Rewrite(0);
        await rewriting.Write(Bytes(9).AsMemory(0, 40));

        var owner = await _others.OpenLog(Id);
        await using (var own = await owner.Rewrite(0))
        {
            await own.Write(Bytes(8).AsMemory(0, 40));
            await own.Seal(80);
            await own.Place();
        }

        await Assert.ThrowsAsync<LogFencedException>(async () =>
        {
            await rewriting.Seal(80);
            await rewriting.Place();
        });
        await rewriting.DisposeAsync();
        Assert.Equal(Join(Bytes(8)[..40], new byte[40], Bytes(2)), await ReadAll(owner));
        Assert.Equal(Join(Bytes(8)[..40], new byte[40], Bytes(2)), await ReadAll(await _zombies.OpenLog(Id)));
        Assert.Equal(2, SegmentFiles());
    }

    [Fact]
    public async Task OwnerWhoLosesTheLogWhileSealingPutsNothingInPlace()
    {
        await RollWith(_zombie, Bytes(2));
        var rewriting = await _zombie.Rewrite(0);
        await rewriting.Write(Bytes(9).AsMemory(0, 40));
        IPartitionLog? owner = null;
        _zombiesDisk.AfterNextFlushOfASegment = () => owner = _others.OpenLog(Id).AsTask().GetAwaiter().GetResult();

        await rewriting.Seal(80);
        await Assert.ThrowsAsync<LogFencedException>(async () => await rewriting.Place());

        Assert.Equal(Join(Bytes(1), Bytes(2)), await ReadAll(owner!));
    }

    [Fact]
    public async Task FolderSaysItsFormatFromTheFirstRewritingOn()
    {
        Assert.Equal("orleansmq shared 1\n", await File.ReadAllTextAsync(Path.Join(_folder.Options.Directory, "format")));
        await RollWith(_zombie, Bytes(2));
        await using (var rewriting = await _zombie.Rewrite(0))
        {
            await rewriting.Write(Bytes(9).AsMemory(0, 40));
            await rewriting.Seal(80);
            await rewriting.Place();
        }

        Assert.Equal("orleansmq shared 2\n", await File.ReadAllTextAsync(Path.Join(_folder.Options.Directory, "format")));
        await using var third = new SharedFileStorage(_folder.Options);
        Assert.Equal(Join(Bytes(9)[..40], new byte[40], Bytes(2)), await ReadAll(await third.OpenLog(Id)));
    }

    private static async Task RollWith(IPartitionLog log, byte[] bytes)
    {
        log.Roll();
        await log.Append(bytes, flush: true);
    }

    private int SegmentFiles() => Directory.GetFiles(_folder.Options.Directory, "*.seg", SearchOption.AllDirectories).Length;

    [Fact]
    public async Task DeletedLogIsOverForItsOwnerElsewhere()
    {
        await _others.DeleteLog(Id);

        await Assert.ThrowsAnyAsync<StorageException>(async () => await _zombie.Append(Bytes(2), flush: true));
        await Assert.ThrowsAsync<LogMissingException>(async () => await _zombies.OpenLog(Id));
        await _others.CreateLog(Id, new LogDefinition("orders", new byte[] { 1 }));
        Assert.Equal(0, (await _others.OpenLog(Id)).End);
    }

    [Fact]
    public async Task OfManyWhoOpenAndAppendAtOnceNothingAcknowledgedIsLost()
    {
        var acknowledged = new List<byte>();
        var storages = Enumerable.Range(0, 4).Select(_ => new SharedFileStorage(_folder.Options)).ToArray();
        await Task.WhenAll(storages.Select((storage, n) => Task.Run(async () =>
        {
            for (var round = 0; round < 20; round++)
            {
                var marker = (byte)(1 + n * 20 + round);
                try
                {
                    var log = await storage.OpenLog(Id);
                    await log.Append(Enumerable.Repeat(marker, 16).ToArray(), flush: true);
                    lock (acknowledged)
                        acknowledged.Add(marker);
                }
                catch (LogFencedException)
                {
                }
            }
        })));

        var all = await ReadAll(await _others.OpenLog(Id));
        var stored = all.Skip(80).Chunk(16).ToArray();
        Assert.All(stored, chunk => Assert.Single(chunk.Distinct()));
        Assert.Equal(stored.Length, stored.Select(chunk => chunk[0]).Distinct().Count());
        Assert.NotEmpty(acknowledged);
        Assert.Empty(acknowledged.Except(stored.Select(chunk => chunk[0])));
        foreach (var storage in storages)
            await storage.DisposeAsync();
    }

    [Fact]
    public async Task OfManyCreatorsInSeveralProcessesOneMakesTheLog()
    {
        var id = Id with { Partition = 9 };
        await Task.WhenAll(Enumerable.Range(0, 8).Select(n => Task.Run(async () =>
            await (n % 2 == 0 ? _zombies : _others).CreateLog(id, new LogDefinition("orders", new byte[] { 1 })))));

        var (a, b) = (await _zombies.OpenLog(id), await _others.OpenLog(id));
        Assert.Equal(a.Incarnation, b.Incarnation);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Join(_folder.Options.Directory, "making")));
    }

    [Fact]
    public async Task SharedFolderAndOneOfOnesOwnAreNotTakenForEachOther()
    {
        var shared = Assert.Throws<DataFolderException>(() => new FileStorage(_folder.Options));
        Assert.Contains("--storage shared", shared.Message, StringComparison.Ordinal);

        var own = new TemporaryFolder();
        await new FileStorage(own.Options).DisposeAsync();
        var refused = Assert.Throws<DataFolderException>(() => new SharedFileStorage(own.Options));
        Assert.Contains("--storage files", refused.Message, StringComparison.Ordinal);
        own.Remove();
    }

    private static byte[] Bytes(int seed)
    {
        var bytes = new byte[80];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Join(params byte[][] pieces) => [.. pieces.SelectMany(piece => piece)];

    private static async Task<byte[]> ReadAll(IPartitionLog log)
    {
        var bytes = new byte[log.End - log.Start];
        for (var count = 0; count < bytes.Length;)
            count += await log.Read(log.Start + count, bytes.AsMemory(count)) is > 0 and var got ? got : throw new PromiseBrokenException("read ends early");
        return bytes;
    }

    /// <summary>This machine's disk, and something that happens right after a flush: as if the process had been stopped there.</summary>
    private sealed class HookedDisk : IDisk
    {
        private readonly IDisk _disk = LocalDisk.ForThisMachine();

        public Action? AfterNextFlushOfASegment { get; set; }

        /// <summary>So often the system says that the process has too many files open.</summary>
        public int OpeningFails { get; set; }

        public IDiskFile Open(string path, DiskOpenMode mode) =>
            OpeningFails-- > 0 ? throw new DiskException(DiskError.Exhausted, "open", path, "Too many open files") : new HookedFile(this, path, _disk.Open(path, mode));

        public void Rename(string from, string to) => _disk.Rename(from, to);

        public void Remove(string path) => _disk.Remove(path);

        public bool MakeDirectory(string path) => _disk.MakeDirectory(path);

        public void RemoveDirectory(string path) => _disk.RemoveDirectory(path);

        public void FlushDirectory(string path) => _disk.FlushDirectory(path);

        public IReadOnlyList<DiskEntry> List(string path) => _disk.List(path);

        public IDisposable Lock(string path, bool shared) => _disk.Lock(path, shared);

        private sealed class HookedFile(HookedDisk hooked, string path, IDiskFile file) : IDiskFile
        {
            public long Length => file.Length;

            public void Write(ReadOnlySpan<byte> bytes, long offset) => file.Write(bytes, offset);

            public int Read(Span<byte> destination, long offset) => file.Read(destination, offset);

            public bool TryReadCached(Span<byte> destination, long offset, out int count) => file.TryReadCached(destination, offset, out count);

            public void Flush()
            {
                file.Flush();
                if (!path.EndsWith(".seg", StringComparison.Ordinal) || hooked.AfterNextFlushOfASegment is not { } happens)
                    return;
                hooked.AfterNextFlushOfASegment = null;
                happens();
            }

            public void SetLength(long length) => file.SetLength(length);

            public void Reserve(long offset, long count) => file.Reserve(offset, count);

            public void Dispose() => file.Dispose();
        }
    }
}

using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Conformance.Storage;

/// <summary>What every storage promises of its logs. An implementation gives a fresh place for each test and opens it again on request.</summary>
public abstract partial class LogContract : IAsyncLifetime
{
    private readonly LogId _id = new(Guid.Parse("11111111-2222-3333-4444-555555555555"), 3);
    private readonly LogDefinition _definition = new("Orders/EU ü", new byte[] { 1, 2, 3 });

    protected IStorage Storage { get; private set; } = null!;

    /// <summary>Opens this test's place; called again after the storage before was disposed of.</summary>
    protected abstract ValueTask<IStorage> Open();

    public async Task InitializeAsync() => Storage = await Open();

    public virtual async Task DisposeAsync() => await Storage.DisposeAsync();

    [Fact]
    public async Task OpeningNeverCreates()
    {
        await Assert.ThrowsAsync<LogMissingException>(async () => await Storage.OpenLog(_id));
        await Assert.ThrowsAsync<LogMissingException>(async () => await Storage.OpenLog(_id));
    }

    [Fact]
    public async Task NewLogIsEmptyAndAtItsFirstEpoch()
    {
        await using var log = await CreateAndOpen();

        Assert.Equal((_id, 1, 0L, 0L), (log.Id, log.Epoch, log.Start, log.End));
        Assert.Equal([0L], log.Segments);
        Assert.Null(log.Snapshot);
        Assert.Equal(0, await log.Read(0, new byte[10]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AppendedBytesReadBackAtTheirPositions(bool flush)
    {
        await using var log = await CreateAndOpen();

        await log.Append(Bytes(1, 160), flush);
        await log.Append(Bytes(2, 40), flush);

        Assert.Equal(200, log.End);
        Assert.Equal(Join(Bytes(1, 160), Bytes(2, 40)), await ReadAll(log, 0));
        Assert.Equal(Bytes(2, 40), await ReadAll(log, 160));
    }

    [Fact]
    public async Task ReadBeginsAndEndsAnywhere()
    {
        await using var log = await CreateAndOpen();
        await log.Append(Bytes(1, 64), true);
        await log.Append(Bytes(2, 64), true);
        byte[] all = Join(Bytes(1, 64), Bytes(2, 64));

        for (var from = 0; from < 128; from += 7)
        {
            var destination = new byte[31];
            var count = 0;
            while (count < destination.Length && await log.Read(from + count, destination.AsMemory(count)) is > 0 and var got)
                count += got;
            Assert.Equal(all.Skip(from).Take(31), destination.Take(count));
        }
    }

    [Fact]
    public async Task AcknowledgedBytesSurviveReopening()
    {
        var incarnation = 0UL;
        await using (var log = await CreateAndOpen())
        {
            incarnation = log.Incarnation;
            await log.Append(Bytes(1, 80), false);
            await log.Append(Bytes(2, 80), false);
            await log.Flush();
        }

        await Reopen();
        await using var again = await Storage.OpenLog(_id);

        Assert.Equal(2, again.Epoch);
        Assert.Equal(incarnation, again.Incarnation);
        Assert.Equal(Join(Bytes(1, 80), Bytes(2, 80)), (await ReadAll(again, 0)).Take(160));
    }

    [Fact]
    public async Task NextOpeningFencesTheOneBefore()
    {
        var old = await CreateAndOpen();
        await old.Append(Bytes(1, 80), true);

        await using var log = await Storage.OpenLog(_id);

        Assert.Equal(old.Epoch + 1, log.Epoch);
        await Assert.ThrowsAsync<LogFencedException>(async () => await old.Append(Bytes(2, 80), false));
        await Assert.ThrowsAsync<LogFencedException>(async () => await old.Append(Bytes(2, 80), true));
        await Assert.ThrowsAsync<LogFencedException>(async () => await old.TrimBefore(80));
        await old.DisposeAsync();
        await log.Append(Bytes(3, 80), true);
        Assert.Equal(Join(Bytes(1, 80), Bytes(3, 80)), await ReadAll(log, 0));
    }

    [Fact]
    public async Task CutDropsWhatFollowsAndTheNextAppendGoesThere()
    {
        await using (var log = await CreateAndOpen())
        {
            await log.Append(Bytes(1, 80), true);
            await log.Append(Bytes(2, 80), true);
            await log.Cut(80);
            Assert.Equal(80, log.End);
            await log.Append(Bytes(3, 16), true);
        }

        await Reopen();
        await using var again = await Storage.OpenLog(_id);

        Assert.Equal(Join(Bytes(1, 80), Bytes(3, 16)), await ReadAll(again, 0));
    }

    [Fact]
    public async Task CutReachesBackOverSegments()
    {
        await using (var log = await CreateAndOpen())
        {
            await AppendSegments(log, 4);
            await log.Cut(104);
            Assert.Equal([0L, 80L], log.Segments);
            await log.Append(Bytes(9, 8), true);
        }

        await Reopen();
        await using var again = await Storage.OpenLog(_id);

        Assert.Equal(Join(Bytes(1, 80), Bytes(2, 24), Bytes(9, 8)), await ReadAll(again, 0));
    }

    [Fact]
    public async Task CutTakesTheSnapshotsAboveItAlong()
    {
        await using (var log = await CreateAndOpen())
        {
            await log.Append(Bytes(1, 160), true);
            await log.SaveSnapshot(80, Bytes(7, 10));
            await log.SaveSnapshot(160, Bytes(8, 10));
            await log.Cut(80);
        }

        await Reopen();
        await using var again = await Storage.OpenLog(_id);

        Assert.True(again.Snapshot is null or { Position: <= 80 });
    }

    [Fact]
    public async Task CutOutsideTheLogIsRefused()
    {
        await using var log = await CreateAndOpen();
        await log.Append(Bytes(1, 80), true);

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await log.Cut(88));
        Assert.Equal(80, log.End);
    }

    [Fact]
    public async Task NewestSnapshotIsGivenBack()
    {
        await using (var log = await CreateAndOpen())
        {
            await log.Append(Bytes(1, 240), true);
            await log.SaveSnapshot(80, Bytes(7, 1000));
            await log.SaveSnapshot(160, Bytes(8, 70_000));
            await log.SaveSnapshot(240, Bytes(9, 0));
            await log.SaveSnapshot(240, Bytes(9, 50));
            Assert.Equal(240, log.Snapshot!.Position);
        }

        await Reopen();
        await using var again = await Storage.OpenLog(_id);

        Assert.Equal(240, again.Snapshot!.Position);
        Assert.Equal(240, again.KnownDurable);
        Assert.Equal(Bytes(9, 50), again.Snapshot.State.ToArray());
    }

    [Fact]
    public async Task SnapshotOutsideTheLogIsRefused()
    {
        await using var log = await CreateAndOpen();
        await log.Append(Bytes(1, 80), true);

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await log.SaveSnapshot(88, Bytes(1, 1)));
    }

    [Fact]
    public async Task CreatingAgainLeavesTheLogAsItIs()
    {
        ulong incarnation;
        await using (var log = await CreateAndOpen())
        {
            incarnation = log.Incarnation;
            await log.Append(Bytes(1, 80), true);
        }

        await Storage.CreateLog(_id, _definition with { Definition = new byte[] { 9 } });
        await using var again = await Storage.OpenLog(_id);

        Assert.Equal((incarnation, 80L), (again.Incarnation, again.End));
    }

    [Fact]
    public async Task CreatingForAnotherTopicIsRefused()
    {
        await Storage.CreateLog(_id, _definition);

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await Storage.CreateLog(_id, _definition with { TopicName = "other" }));
    }

    [Fact]
    public async Task DeletedLogIsGoneAndItsOpeningOver()
    {
        var log = await CreateAndOpen();
        var incarnation = log.Incarnation;
        await log.Append(Bytes(1, 80), true);

        await Storage.DeleteLog(_id);
        await Storage.DeleteLog(_id);

        await Assert.ThrowsAnyAsync<StorageException>(async () => await log.Append(Bytes(1, 80), true));
        await Assert.ThrowsAsync<LogMissingException>(async () => await Storage.OpenLog(_id));
        await using var fresh = await CreateAndOpen();
        Assert.Equal((1, 0L), (fresh.Epoch, fresh.End));
        Assert.NotEqual(incarnation, fresh.Incarnation);
    }

    [Fact]
    public async Task FlushBesideAppendsCoversWhatCameBefore()
    {
        await using (var log = await CreateAndOpen())
        {
            for (var n = 1; n <= 50; n++)
            {
                var flush = log.Flush();
                if (n % 10 == 0)
                    log.Roll();
                await log.Append(Bytes(n, 80), n % 3 == 0);
                await flush;
            }
            await log.Flush();
        }

        await Reopen();
        await using var again = await Storage.OpenLog(_id);

        Assert.Equal(Enumerable.Range(1, 50).SelectMany(n => Bytes(n, 80)), await ReadAll(again, 0));
    }

    [Fact]
    public async Task LogsOfManyPartitionsStayApart()
    {
        var ids = Enumerable.Range(0, 20).Select(partition => _id with { Partition = partition }).ToArray();
        await Task.WhenAll(ids.Select(async id => await Storage.CreateLog(id, _definition)));
        var logs = await Task.WhenAll(ids.Select(async id => await Storage.OpenLog(id)));
        await Task.WhenAll(logs.Select(async log => await log.Append(Bytes(log.Id.Partition, 80), true)));

        foreach (var log in logs)
        {
            Assert.Equal(Bytes(log.Id.Partition, 80), await ReadAll(log, 0));
            await log.DisposeAsync();
        }
        Assert.Equal(20, logs.Select(log => log.Incarnation).Distinct().Count());
    }

    [Fact]
    public async Task ClosedLogTakesNothingMore()
    {
        var log = await CreateAndOpen();
        await log.DisposeAsync();
        await log.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await log.Append(Bytes(1, 80), true));
    }

    protected async Task Reopen()
    {
        await Storage.DisposeAsync();
        Storage = await Open();
    }

    /// <summary>Creates the contract's log and opens it.</summary>
    protected async Task<IPartitionLog> CreateAndOpen()
    {
        await Storage.CreateLog(_id, _definition);
        return await Storage.OpenLog(_id);
    }

    private static byte[] Bytes(int seed, int count)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Join(params byte[][] pieces) => [.. pieces.SelectMany(piece => piece)];

    private static async Task<byte[]> ReadAll(IPartitionLog log, long from)
    {
        var bytes = new byte[log.End - from];
        var count = 0;
        while (await log.Read(from + count, bytes.AsMemory(count)) is > 0 and var got)
            count += got;
        return bytes[..count];
    }
}

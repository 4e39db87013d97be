using Azure.Storage.Blobs;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs.Tests.Azurite;
using OrleansMq.Storage.AzureBlobs.Tests.Faults;

namespace OrleansMq.Storage.AzureBlobs.Tests;

/// <summary>What becomes of an append whose answer is lost, and who may append at all.</summary>
[Collection(AzuriteTests.Name)]
public sealed class AppendStories(AzuriteServer azurite) : IAsyncLifetime
{
    private readonly string _container = AzuriteServer.NewContainer();
    private readonly ScriptedFaults _faults = new();
    private readonly LogId _id = new(Guid.NewGuid(), 0);
    private FaultProxy _proxy = null!;

    public Task InitializeAsync()
    {
        _proxy = new FaultProxy(azurite.Port, _faults);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync() => await _proxy.DisposeAsync();

    private ValueTask<BlobStorage> Start() => Start(options => options);

    private ValueTask<BlobStorage> Start(Func<BlobStorageOptions, BlobStorageOptions> configure) =>
        BlobStorage.Start(configure(azurite.Options(_container, _proxy.Port) with { AttemptTimeout = FaultProxy.Patience }));

    [Theory]
    [InlineData(Fault.ConditionNotMet)]
    [InlineData(Fault.Error)]
    [InlineData(Fault.Busy)]
    [InlineData(Fault.CutBefore)]
    [InlineData(Fault.CutAfter)]
    [InlineData(Fault.ErrorAfter)]
    [InlineData(Fault.SilentAfter)]
    [InlineData(Fault.LateBefore)]
    public async Task AppendThatHadNoAnswerIsThereOnce(Fault fault)
    {
        await using var storage = await Start();
        await using var log = await CreateAndOpen(storage);
        await log.Append(Bytes(1, 100), true);

        _faults.Next(BlobRequests.IsAppend, fault);
        await log.Append(Bytes(2, 100), true);
        await _proxy.Late();
        await log.Append(Bytes(3, 100), true);

        Assert.Equal(LogBytes.Join(Bytes(1, 100), Bytes(2, 100), Bytes(3, 100)), await AsAnotherSeesIt());
    }

    [Fact]
    public async Task ClientThatRepeatsByItselfDoublesNothing()
    {
        var client = new BlobServiceClient(AzuriteServer.ConnectionStringAt(_proxy.Port));
        await using var storage = await BlobStorage.Start(new BlobStorageOptions { Client = client, Container = _container });
        await using var log = await CreateAndOpen(storage);

        // The SDK tries again and is told 412: by its own first attempt.
        _faults.Next(BlobRequests.IsAppend, Fault.ErrorAfter);
        await log.Append(Bytes(1, 100), true);
        await log.Append(Bytes(2, 100), true);

        Assert.Equal(LogBytes.Join(Bytes(1, 100), Bytes(2, 100)), await AsAnotherSeesIt());
    }

    [Fact]
    public async Task BlockOfManyThatHadNoAnswerIsThereOnce()
    {
        await using var storage = await Start(options => options with { AppendBytes = 4096 });
        await using var log = await CreateAndOpen(storage);

        _faults.Next(BlobRequests.IsAppend, Fault.None, Fault.CutAfter, Fault.None, Fault.ErrorAfter);
        await log.Append(Bytes(1, 20_000), true);

        Assert.Equal(Bytes(1, 20_000), await AsAnotherSeesIt());
    }

    [Fact]
    public async Task OlderOpeningElsewhereAppendsNothingMore()
    {
        await using var here = await Start();
        await using var there = await Start();
        var old = await CreateAndOpen(here);
        await old.Append(Bytes(1, 100), true);

        await using var log = await there.OpenLog(_id);

        Assert.Equal((2, 100L), (log.Epoch, log.End));
        await Assert.ThrowsAsync<LogFencedException>(async () => await old.Append(Bytes(2, 100), true));
        await Assert.ThrowsAsync<LogFencedException>(async () => await old.Append(Bytes(3, 100), true));
        await log.Append(Bytes(4, 100), true);
        Assert.Equal(LogBytes.Join(Bytes(1, 100), Bytes(4, 100)), await AsAnotherSeesIt());
    }

    [Fact]
    public async Task AppendThatArrivesAfterTheNextOpeningIsNeverThere()
    {
        await using var here = await Start();
        await using var there = await Start();
        var old = await CreateAndOpen(here);
        await old.Append(Bytes(1, 100), true);

        // It sets out while the opening is the newest and arrives when it is not any more.
        _faults.Next(BlobRequests.IsAppend, Fault.LateBefore);
        var late = old.Append(Bytes(2, 100), true).AsTask();
        await using var log = await there.OpenLog(_id);
        await Assert.ThrowsAsync<LogFencedException>(() => late);
        await _proxy.Late();

        await log.Append(Bytes(3, 100), true);
        Assert.Equal(LogBytes.Join(Bytes(1, 100), Bytes(3, 100)), await AsAnotherSeesIt());
    }

    [Fact]
    public async Task OlderOpeningElsewhereRollsTrimsAndSavesNothing()
    {
        await using var here = await Start();
        await using var there = await Start();
        var old = await CreateAndOpen(here);
        await old.Append(Bytes(1, 100), true);
        old.Roll();
        await old.Append(Bytes(2, 100), true);

        await using var log = await there.OpenLog(_id);

        await Assert.ThrowsAsync<LogFencedException>(async () => await old.TrimBefore(100));
        await Assert.ThrowsAsync<LogFencedException>(async () => await old.SaveSnapshot(200, Bytes(9, 10)));
        Assert.Equal([0L, 100L], log.Segments);
        Assert.Null(log.Snapshot);
        Assert.Equal(LogBytes.Join(Bytes(1, 100), Bytes(2, 100)), await AsAnotherSeesIt());
    }

    [Theory]
    [InlineData(Fault.CutAfter)]
    [InlineData(Fault.LateBefore)]
    public async Task OpeningWhoseManifestHadNoAnswerTakesOneEpoch(Fault fault)
    {
        await using var storage = await Start();
        await using (var first = await CreateAndOpen(storage))
            await first.Append(Bytes(1, 100), true);

        _faults.Next(BlobRequests.IsManifest, fault);
        _faults.Next(BlobRequests.IsTakeOver, fault);
        await using var log = await storage.OpenLog(_id);
        await _proxy.Late();

        Assert.Equal((2, 100L), (log.Epoch, log.End));
        await log.Append(Bytes(2, 100), true);
        Assert.Equal(LogBytes.Join(Bytes(1, 100), Bytes(2, 100)), await AsAnotherSeesIt());
    }

    [Fact]
    public async Task OutcomeThatStaysUnknownEndsTheOpening()
    {
        await using var storage = await Start(options => options with { RetryFor = TimeSpan.FromMilliseconds(50) });
        var log = await CreateAndOpen(storage);
        await log.Append(Bytes(1, 100), true);

        _faults.Next(BlobRequests.IsAppend, [.. Enumerable.Repeat(Fault.CutBefore, 1_000)]);
        var failed = await Assert.ThrowsAsync<LogFailedException>(async () => await log.Append(Bytes(2, 100), true));
        Assert.Contains("may have come through", failed.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<LogFailedException>(async () => await log.Read(0, new byte[10]));
        Assert.Equal(Bytes(1, 100), await AsAnotherSeesIt());
    }

    [Fact]
    public async Task NoMessageHoldsTheKey()
    {
        await using var storage = await Start(options => options with { RetryFor = TimeSpan.FromMilliseconds(20) });
        _faults.Next(_ => true, [.. Enumerable.Repeat(Fault.CutBefore, 1_000)]);

        var failed = await Assert.ThrowsAsync<LogFailedException>(async () => await storage.OpenLog(_id));

        Assert.DoesNotContain("Eby8", failed.ToString(), StringComparison.Ordinal);
    }

    private async Task<IPartitionLog> CreateAndOpen(BlobStorage storage)
    {
        await storage.CreateLog(_id, new LogDefinition("orders", "definition"u8.ToArray()));
        return await storage.OpenLog(_id);
    }

    /// <summary>The whole log as a process that was never there before reads it.</summary>
    private async Task<byte[]> AsAnotherSeesIt()
    {
        await using var storage = await BlobStorage.Start(azurite.Options(_container));
        await using var log = await storage.OpenLog(_id);
        return await log.ReadAll();
    }

    private static byte[] Bytes(int seed, int count) => LogBytes.Of(seed, count);
}

/// <summary>Bytes for tests, and all of a log's.</summary>
internal static class LogBytes
{
    public static byte[] Of(int seed, int count)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public static byte[] Join(params byte[][] pieces) => [.. pieces.SelectMany(piece => piece)];

    public static async Task<byte[]> ReadAll(this IPartitionLog log, int atOnce = int.MaxValue)
    {
        var bytes = new byte[log.End - log.Start];
        var count = 0;
        while (await log.Read(log.Start + count, bytes.AsMemory(count, Math.Min(atOnce, bytes.Length - count))) is > 0 and var got)
            count += got;
        return bytes[..count];
    }
}

using Azure.Storage.Blobs;
using Microsoft.AspNetCore.Http;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs.Formats;
using OrleansMq.Storage.AzureBlobs.Tests.Azurite;
using OrleansMq.Storage.AzureBlobs.Tests.Faults;

namespace OrleansMq.Storage.AzureBlobs.Tests;

/// <summary>Which blobs there are, which requests are made, and what is said of blobs that are not as they should be.</summary>
[Collection(AzuriteTests.Name)]
public sealed class BlobStories(AzuriteServer azurite) : IAsyncLifetime
{
    private readonly string _container = AzuriteServer.NewContainer();
    private readonly LogId _id = new(Guid.NewGuid(), 0);
    private readonly CountingPlan _requests = new();
    private FaultProxy _proxy = null!;

    /// <summary>Lets everything through, and counts what reads.</summary>
    private sealed class CountingPlan : IFaultPlan
    {
        private int _reads;

        public int Reads => Volatile.Read(ref _reads);

        public Fault Next(HttpRequest request)
        {
            if (request.Method == "GET")
                Interlocked.Increment(ref _reads);
            return Fault.None;
        }
    }

    public Task InitializeAsync()
    {
        _proxy = new FaultProxy(azurite.Port, _requests);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync() => await _proxy.DisposeAsync();

    private BlobStorageOptions Options => azurite.Options(_container, _proxy.Port);

    private BlobContainerClient Container => new(azurite.ConnectionString, _container);

    [Fact]
    public async Task WhatGathersGoesOutInOneRequest()
    {
        await using var storage = await BlobStorage.Start(Options);
        await using var log = await CreateAndOpen(storage);
        var before = _proxy.Appends;

        for (var n = 0; n < 100; n++)
            await log.Append(LogBytes.Of(n, 100), false);
        await log.Flush();
        await log.Flush();

        Assert.Equal(before + 1, _proxy.Appends);
        Assert.Equal(10_000, _proxy.AppendedBytes);
    }

    [Fact]
    public async Task AcceptedBytesAreBounded()
    {
        await using var storage = await BlobStorage.Start(Options with { AcceptedBytes = 250 });
        await using var log = await CreateAndOpen(storage);

        await log.Append(LogBytes.Of(1, 100), false);
        await log.Append(LogBytes.Of(2, 100), false);
        Assert.Equal(0, _proxy.Appends);
        await log.Append(LogBytes.Of(3, 100), false);

        Assert.Equal(1, _proxy.Appends);
    }

    [Fact]
    public async Task LogGoesOnInANewBlobBeforeItsBlocksRunOut()
    {
        await using var storage = await BlobStorage.Start(Options with { BlobBlocks = 3 });
        await using (var log = await CreateAndOpen(storage))
        {
            for (var n = 0; n < 7; n++)
                await log.Append(LogBytes.Of(n, 100), true);
            Assert.Equal([0L, 300L, 600L], log.Segments);
        }

        await using var again = await storage.OpenLog(_id);
        // The blob that is there counts, not what this opening has put into it.
        for (var n = 7; n < 10; n++)
            await again.Append(LogBytes.Of(n, 100), true);
        Assert.Equal([0L, 300L, 600L, 900L], again.Segments);
        Assert.Equal(Enumerable.Range(0, 10).SelectMany(n => LogBytes.Of(n, 100)), await again.ReadAll());
    }

    [Fact]
    public async Task ReaderWhoKeepsUpCostsNoRequest()
    {
        await using var storage = await BlobStorage.Start(Options);
        await using var log = await CreateAndOpen(storage);
        await log.Append(LogBytes.Of(1, 50_000), true);
        var before = _proxy.Requests;

        Assert.Equal(LogBytes.Of(1, 50_000), await log.ReadAll(1_000));

        Assert.Equal(before, _proxy.Requests);
    }

    [Fact]
    public async Task ReaderFromTheStartReadsInLargePiecesAndMemoryIsBounded()
    {
        await using (var writing = await BlobStorage.Start(Options))
        await using (var log = await CreateAndOpen(writing))
            await log.Append(LogBytes.Of(1, 1 << 20), true);

        await using var storage = await BlobStorage.Start(Options with { ReadAheadBytes = 128 << 10, CacheBytes = 300 << 10 });
        await using var again = await storage.OpenLog(_id);
        var before = _requests.Reads;
        Assert.Equal(LogBytes.Of(1, 1 << 20), await again.ReadAll(1_000));

        // Eight pieces; a piece that was read ahead and dropped again for want of room is asked for twice.
        Assert.InRange(_requests.Reads, before + 8, before + 10);
        Assert.InRange(storage.CachedBytes, 128 << 10, 300 << 10);
    }

    [Fact]
    public async Task TrimmedAndCutBlobsAreDeleted()
    {
        await using var storage = await BlobStorage.Start(Options);
        await using var log = await CreateAndOpen(storage);
        for (var n = 0; n < 4; n++)
        {
            log.Roll();
            await log.Append(LogBytes.Of(n, 100), true);
            await log.SaveSnapshot(log.End, LogBytes.Of(n, 10));
        }
        Assert.Equal((4, 2), (await Count("/segment-"), await Count("/snapshot-")));

        await log.TrimBefore(200);
        Assert.Equal(2, await Count("/segment-"));
        await log.Cut(250);
        await log.Append(LogBytes.Of(9, 100), true);
        Assert.Equal([200L, 250L], log.Segments);
        Assert.Equal((2, 0), (await Count("/segment-"), await Count("/snapshot-")));

        await storage.DeleteLog(_id);
        Assert.Equal(0, await Count("logs/"));
    }

    [Fact]
    public async Task TrimRemovesWhatACutOffRollLeftBehindAndNothingOfANewerOpening()
    {
        await using var storage = await BlobStorage.Start(Options);
        await using var log = await CreateAndOpen(storage);
        for (var n = 0; n < 2; n++)
        {
            log.Roll();
            await log.Append(LogBytes.Of(n, 100), true);
        }
        var names = new BlobNames("");
        var (stray, newer) = (names.Segment(_id, log.Incarnation, new BlobPiece(100, 1, 77)), names.Segment(_id, log.Incarnation, new BlobPiece(200, 2, 3)));
        await Container.GetBlobClient(stray).UploadAsync(BinaryData.FromString("left"));
        await Container.GetBlobClient(newer).UploadAsync(BinaryData.FromString("new"));

        await log.TrimBefore(100);

        Assert.False(await Container.GetBlobClient(stray).ExistsAsync());
        Assert.True(await Container.GetBlobClient(newer).ExistsAsync());
    }

    [Fact]
    public async Task DamagedSnapshotFallsBackToTheOneBefore()
    {
        var notices = new List<string>();
        await using var storage = await BlobStorage.Start(Options with { OnNotice = notices.Add });
        await using (var log = await CreateAndOpen(storage))
        {
            await log.Append(LogBytes.Of(1, 200), true);
            await log.SaveSnapshot(100, LogBytes.Of(7, 10));
            await log.SaveSnapshot(200, LogBytes.Of(8, 10));
        }
        await Container.GetBlobClient((await Names("/snapshot-")).Max()).UploadAsync(BinaryData.FromString("damaged"), overwrite: true);

        await using var again = await storage.OpenLog(_id);

        Assert.Equal(100, again.Snapshot!.Position);
        Assert.Contains("does not read back", Assert.Single(notices), StringComparison.Ordinal);
    }

    [Fact]
    public async Task DamagedManifestIsNeverServed()
    {
        await using var storage = await BlobStorage.Start(Options);
        await using (var log = await CreateAndOpen(storage))
            await log.Append(LogBytes.Of(1, 200), true);
        var blob = Container.GetBlobClient(new BlobNames("").Manifest(_id));
        var bytes = (await blob.DownloadContentAsync()).Value.Content.ToArray();
        bytes[60] ^= 1;
        await blob.UploadAsync(new BinaryData(bytes), overwrite: true);

        await Assert.ThrowsAsync<LogDamagedException>(async () => await storage.OpenLog(_id));
    }

    [Fact]
    public async Task NewestBlobThatIsMissingIsDamageAndNotAnEmptyLog()
    {
        await using var storage = await BlobStorage.Start(Options);
        await using (var log = await CreateAndOpen(storage))
            await log.Append(LogBytes.Of(1, 200), true);
        await Container.GetBlobClient((await Names("/segment-")).Single()).DeleteAsync();

        await Assert.ThrowsAsync<LogDamagedException>(async () => await storage.OpenLog(_id));
    }

    [Fact]
    public async Task BytesThatASnapshotKnowsAndTheLogHasNotAreDamage()
    {
        await using var storage = await BlobStorage.Start(Options);
        await using (var log = await CreateAndOpen(storage))
        {
            await log.Append(LogBytes.Of(1, 200), true);
            await log.SaveSnapshot(200, LogBytes.Of(7, 10));
        }
        var tail = Container.GetBlobClient((await Names("/segment-")).Single());
        var metadata = (await tail.GetPropertiesAsync()).Value.Metadata;
        await new Azure.Storage.Blobs.Specialized.AppendBlobClient(azurite.ConnectionString, _container, tail.Name)
            .CreateAsync(new Azure.Storage.Blobs.Models.AppendBlobCreateOptions { Metadata = metadata });

        var damaged = await Assert.ThrowsAsync<LogDamagedException>(async () => await storage.OpenLog(_id));
        Assert.Contains("200", damaged.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ContainerOfAnotherFormatIsRefused()
    {
        await (await BlobStorage.Start(Options)).DisposeAsync();
        await Container.GetBlobClient("format").UploadAsync(BinaryData.FromString("orleansmq blobs 2\n"), overwrite: true);

        var refused = await Assert.ThrowsAsync<LogDamagedException>(async () => await BlobStorage.Start(Options));

        Assert.Contains("format 2", refused.Message, StringComparison.Ordinal);
        Assert.Contains("knows 1", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ManifestRepeatsTheTopic()
    {
        await using var storage = await BlobStorage.Start(Options);
        await (await CreateAndOpen(storage)).DisposeAsync();

        var name = new BlobNames("").Manifest(_id);
        var manifest = LogManifest.Decode((await Container.GetBlobClient(name).DownloadContentAsync()).Value.Content.ToMemory(), name, _id);

        Assert.Equal(("orders ü", "definition"), (manifest.Definition.TopicName, System.Text.Encoding.UTF8.GetString(manifest.Definition.Definition.Span)));
    }

    [Fact]
    public async Task PrefixesKeepBrokersApart()
    {
        await using var one = await BlobStorage.Start(Options with { Prefix = "one" });
        await using var other = await BlobStorage.Start(Options with { Prefix = "other/" });
        await one.CreateLog(_id, new LogDefinition("orders", default));
        await one.Documents.Put("key", "x"u8.ToArray(), 0);

        await Assert.ThrowsAsync<LogMissingException>(async () => await other.OpenLog(_id));
        Assert.Null(await other.Documents.Get("key"));
    }

    private async Task<IPartitionLog> CreateAndOpen(BlobStorage storage)
    {
        await storage.CreateLog(_id, new LogDefinition("orders ü", "definition"u8.ToArray()));
        return await storage.OpenLog(_id);
    }

    private async Task<int> Count(string part) => (await Names(part)).Count;

    private async Task<List<string>> Names(string part)
    {
        var names = new List<string>();
        await foreach (var blob in Container.GetBlobsAsync())
            if (blob.Name.Contains(part, StringComparison.Ordinal))
                names.Add(blob.Name);
        return names;
    }
}

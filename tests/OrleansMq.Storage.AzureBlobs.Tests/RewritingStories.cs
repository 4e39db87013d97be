using OrleansMq.Conformance;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs.Formats;
using OrleansMq.Storage.AzureBlobs.Tests.Histories;

namespace OrleansMq.Storage.AzureBlobs.Tests;

/// <summary>Segments that are rewritten while another process takes the log.</summary>
public sealed class RewritingStories
{
    private static readonly LogId Id = new(Guid.Parse("11111111-2222-3333-4444-555555555555"), 0);

    private readonly ManualTime _time = new();
    private SimBlobs _blobs = null!;

    private IEnumerable<string> Segments => _blobs.Names.Where(name => name.Contains("/segment-", StringComparison.Ordinal));

    [Fact]
    public void AZombieThatHasRewrittenSegmentsPutsNothingInTheirPlace() => Story(async (zombies, others) =>
    {
        var zombie = await OpenWithThree(zombies);
        var rewriting = await zombie.Rewrite(0);
        await rewriting.Write(Bytes(9, 40));
        await rewriting.Seal(160);
        var owner = await others.OpenLog(Id);

        await Assert.ThrowsAsync<LogFencedException>(async () => await rewriting.Place());
        await rewriting.DisposeAsync();

        Assert.Equal(Join(Bytes(1, 80), Bytes(2, 80), Bytes(3, 80)), await ReadAll(owner));
        Assert.Equal(4, Segments.Count());
        await using (await owner.Rewrite(0))
        {
        }

        Assert.Equal(3, Segments.Count());
    });

    [Fact]
    public void ARewritingOfAZombieIsRefusedBeforeItsWork() => Story(async (zombies, others) =>
    {
        var zombie = await OpenWithThree(zombies);
        var owner = await others.OpenLog(Id);

        await Assert.ThrowsAsync<LogFencedException>(async () => await zombie.Rewrite(0));

        Assert.Equal(Join(Bytes(1, 80), Bytes(2, 80), Bytes(3, 80)), await ReadAll(owner));
    });

    [Fact]
    public void WhoTakesTheLogOverFindsWhatWasPutInPlace() => Story(async (zombies, others) =>
    {
        var zombie = await OpenWithThree(zombies);
        await using (var abandoned = await zombie.Rewrite(0))
            await abandoned.Write(Bytes(7, 40));
        await using (var rewriting = await zombie.Rewrite(0))
        {
            await rewriting.Write(Bytes(9, 40));
            await rewriting.Seal(160);
            await rewriting.Place();
        }

        var owner = await others.OpenLog(Id);

        Assert.Equal([0L, 160L], owner.Segments);
        Assert.Equal((2, 120L), (Segments.Count(), owner.StoredBytes));
        Assert.Equal(Join(Bytes(9, 40), new byte[120], Bytes(3, 80)), await ReadAll(owner));
    });

    [Fact]
    public void ATrimBesideARewritingLeavesItsBlob() => Story(async (zombies, others) =>
    {
        var log = await OpenWithThree(zombies);
        await using (var rewriting = await log.Rewrite(80))
        {
            await rewriting.Write(Bytes(9, 40));
            await rewriting.Seal(160);
            await log.TrimBefore(80);
            await rewriting.Place();
        }

        Assert.Equal(Join(Bytes(9, 40), new byte[40], Bytes(3, 80)), await ReadAll(log));
        Assert.Equal(2, Segments.Count());
        await using var trimmed = await log.Rewrite(80);
        await trimmed.Write(Bytes(8, 40));
        await trimmed.Seal(160);
        await log.TrimBefore(160);
        await Assert.ThrowsAsync<LogTrimmedException>(async () => await trimmed.Place());
    });

    [Fact]
    public void AManifestSaysVersion2FromTheFirstRewritingOn()
    {
        var manifest = new LogManifest
        {
            Identity = new(7, Id.TopicId, 0),
            Definition = new LogDefinition("topic", new byte[] { 1 }),
            Opening = Guid.NewGuid(),
            Epoch = 3,
            Sequence = 9,
            ClosedAt = LogManifest.Open,
            Segments = [new BlobPiece(0, 1, 2), new BlobPiece(160, 3, 8)],
            Snapshots = [],
        };
        var rewritten = manifest with { Segments = [new BlobPiece(0, 3, 9, 40), new BlobPiece(160, 3, 8)] };

        Assert.Equal((1, 2), (manifest.Encode()[8], rewritten.Encode()[8]));
        Assert.Equal(rewritten.Segments, LogManifest.Decode(rewritten.Encode(), "manifest", Id).Segments);
    }

    private void Story(Func<BlobStorage, BlobStorage, Task> story) => StoryThread.Run(async () =>
    {
        _blobs = new SimBlobs(_time, new Random(1));
        await using var first = await _time.Until(BlobStorage.Start(Options(), _blobs).AsTask());
        await using var second = await _time.Until(BlobStorage.Start(Options(), _blobs).AsTask());
        await _time.Until(story(first, second));
    });

    private BlobStorageOptions Options() => new() { ConnectionString = "UseDevelopmentStorage=true", Time = _time, AppendBytes = 64 };

    private static async Task<IPartitionLog> OpenWithThree(BlobStorage storage)
    {
        await storage.CreateLog(Id, new LogDefinition("topic", default));
        var log = await storage.OpenLog(Id);
        for (var n = 1; n <= 3; n++)
        {
            log.Roll();
            await log.Append(Bytes(n, 80), flush: true);
        }

        return log;
    }

    private static byte[] Bytes(int seed, int count)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Join(params byte[][] pieces) => [.. pieces.SelectMany(piece => piece)];

    private static async Task<byte[]> ReadAll(IPartitionLog log)
    {
        var bytes = new byte[log.End - log.Start];
        for (var count = 0; count < bytes.Length;)
            count += await log.Read(log.Start + count, bytes.AsMemory(count)) is > 0 and var got ? got : throw new InvalidOperationException("Nothing was read before the end.");
        return bytes;
    }
}

using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs.Formats;

namespace OrleansMq.Storage.AzureBlobs.Tests;

/// <summary>The bytes in the container, computed by another program than ours from docs/formats.md.</summary>
public sealed class FormatTests
{
    private const string GoldenManifest =
        """
        4f4d423171b146e5010000000300000088776655443322113322110055447766
        8899aabbccddeeff0403020106050807090a0b0c0d0e0f100500000000000000
        0900000000000000ffffffffffffffff02000000010000000500000003000000
        6400000000000000040000000000000006000000000000002c01000000000000
        05000000000000000800000000000000c8000000000000000400000000000000
        070000000000000074c3b670667b2d7d
        """;

    private const string GoldenDocument =
        """
        4f4d4432963f1efb010000000400000007000000000000000300000000000000
        0403020106050807090a0b0c0d0e0f10612fc3bc616263
        """;

    private const string GoldenDeletedDocument =
        """
        4f4d4432006b231b010000000400000007000000000000000000000001000000
        0403020106050807090a0b0c0d0e0f10612fc3bc
        """;

    private static readonly LogId Id = new(Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), 3);
    private static readonly Guid Mark = Guid.Parse("01020304-0506-0708-090a-0b0c0d0e0f10");
    private static readonly byte[] Key = BlobNames.KeyBytes("a/ü");

    private static LogManifest Manifest => new()
    {
        Identity = new LogIdentity(0x1122334455667788, Id.TopicId, Id.Partition),
        Definition = new LogDefinition("töpf", "{-}"u8.ToArray()),
        Opening = Mark,
        Epoch = 5,
        Sequence = 9,
        ClosedAt = LogManifest.Open,
        Segments = [new BlobPiece(100, 4, 6), new BlobPiece(300, 5, 8)],
        Snapshots = [new BlobPiece(200, 4, 7)],
    };

    [Fact]
    public void ManifestHasTheBytesOfTheFormat()
    {
        Assert.Equal(Golden(GoldenManifest), Manifest.Encode());
        var read = LogManifest.Decode(Golden(GoldenManifest), "manifest", Id);
        Assert.Equal(Manifest.Encode(), read.Encode());
        Assert.Equal((5, 9L, LogManifest.Open, 100L, "töpf"), (read.Epoch, read.Sequence, read.ClosedAt, read.Start, read.Definition.TopicName));
    }

    [Fact]
    public void DocumentHasTheBytesOfTheFormat()
    {
        Assert.Equal(Golden(GoldenDocument), new DocumentBlob(7, false, Mark, "abc"u8.ToArray()).Encode(Key));
        Assert.Equal(Golden(GoldenDeletedDocument), new DocumentBlob(7, true, Mark, default).Encode(Key));
        var read = DocumentBlob.Decode(Golden(GoldenDocument), "document", Key);
        Assert.Equal((7, false, Mark, 3), (read.Version, read.Deleted, read.Mark, read.Content.Length));
        Assert.True(DocumentBlob.Decode(Golden(GoldenDeletedDocument), "document", Key).Deleted);
    }

    [Fact]
    public void EveryTruncationAndEveryChangedByteIsNoticed()
    {
        foreach (var damaged in Damaged(Golden(GoldenManifest)))
            Assert.Throws<LogDamagedException>(() => LogManifest.Decode(damaged, "manifest", Id));
        foreach (var damaged in Damaged(Golden(GoldenDocument)))
            Assert.Throws<LogDamagedException>(() => DocumentBlob.Decode(damaged, "document", Key));
        foreach (var damaged in Damaged(SnapshotBlob.Encode(Manifest.Identity, 200, "state"u8)))
            Assert.Null(SnapshotBlob.Decode(damaged, Manifest.Identity, 200));
    }

    [Fact]
    public void AnothersBytesAreNotTaken()
    {
        Assert.Throws<LogDamagedException>(() => LogManifest.Decode(Golden(GoldenManifest), "manifest", Id with { Partition = 4 }));
        Assert.Throws<LogDamagedException>(() => DocumentBlob.Decode(Golden(GoldenDocument), "document", BlobNames.KeyBytes("a/u")));
        Assert.Null(SnapshotBlob.Decode(SnapshotBlob.Encode(Manifest.Identity, 200, "state"u8), Manifest.Identity, 201));
        Assert.NotNull(SnapshotBlob.Decode(SnapshotBlob.Encode(Manifest.Identity, 200, "state"u8), Manifest.Identity, 200));
    }

    [Fact]
    public void NamesAreOnesThatAzureTakesAndNoUrlMixesUp()
    {
        var names = new BlobNames("a/b");
        Assert.Equal("a/b/logs/00112233445566778899aabbccddeeff/3/manifest", names.Manifest(Id));
        Assert.Equal("a/b/logs/00112233445566778899aabbccddeeff/3/00000000000000ab/segment-00000000000000000100-0000000004-00000000000000000006", names.Segment(Id, 0xab, new BlobPiece(100, 4, 6)));
        Assert.Equal("a/b/documents/d-topics~2fOrders~2e~2e~c3~bc", names.Document("topics/Orders..ü"));
        Assert.True(names.Document(new string('ü', 1024)).Length < 100);
        Assert.Throws<ArgumentException>(() => names.Document("\ud800"));
    }

    private static byte[] Golden(string hex) => Convert.FromHexString(hex.ReplaceLineEndings("").Replace(" ", "", StringComparison.Ordinal));

    private static IEnumerable<byte[]> Damaged(byte[] bytes)
    {
        for (var length = 0; length < bytes.Length; length++)
            yield return bytes[..length];
        for (var at = 0; at < bytes.Length; at++)
        {
            var changed = bytes.ToArray();
            changed[at] ^= 0x10;
            yield return changed;
        }
    }
}

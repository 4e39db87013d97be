using System.Buffers.Binary;
using System.Text;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;

namespace OrleansMq.Storage.AzureBlobs.Formats;

/// <summary>
/// The truth about one log: who it is, which opening may change it, which blobs it consists of. A block blob that is replaced whole, on
/// condition of its ETag.
/// <code>
///  0 magic "OMB1"       u32
///  4 CRC32C             u32   of bytes 8 to the end
///  8 version            u32   1; 2 where a segment was rewritten
/// 12 partition          u32
/// 16 incarnation        u64
/// 24 topic id           16 B
/// 40 opening            16 B  drawn by who wrote it
/// 56 epoch              u32
/// 60 reserved           u32   0
/// 64 sequence           i64   one more with each writing
/// 72 closed at          i64   where the log ends if nothing more may be appended to its last segment, else -1
/// 80 segments           u32   at least 1
/// 84 snapshots          u32
/// 88 name length        u32
/// 92 definition length  u32
/// 96 segments, snapshots: each position i64 | epoch u32 | stored u32 | sequence i64
///    name (UTF-8), definition
/// </code>
/// </summary>
internal sealed record LogManifest
{
    public const long Open = -1;

    private const uint Magic = 0x31424D4F;
    private const uint Version = 1;

    // So that a release which does not know of gaps says that, and does not read beyond a blob's end.
    private const uint RewrittenVersion = 2;
    private const int FixedSize = 96;
    private const int PieceSize = 24;

    public required LogIdentity Identity { get; init; }
    public required LogDefinition Definition { get; init; }

    /// <summary>Tells the writings of one opening from those of another that took the same epoch at the same time, and lost.</summary>
    public required Guid Opening { get; init; }
    public required int Epoch { get; init; }
    public required long Sequence { get; init; }

    /// <summary>Not <see cref="Open"/>: the next append makes a new segment here, for append blobs can't be cut.</summary>
    public required long ClosedAt { get; init; }

    /// <summary>Ascending, never empty; each ends where the next begins, though the blob of one that was rewritten ends before.</summary>
    public required IReadOnlyList<BlobPiece> Segments { get; init; }

    /// <summary>Ascending; the last two.</summary>
    public required IReadOnlyList<BlobPiece> Snapshots { get; init; }

    public long Start => Segments[0].Position;

    public BlobPiece Newest => Segments[^1];

    public byte[] Encode()
    {
        var name = Encoding.UTF8.GetBytes(Definition.TopicName);
        var pieces = FixedSize + (Segments.Count + Snapshots.Count) * PieceSize;
        var bytes = new byte[pieces + name.Length + Definition.Definition.Length];
        var b = bytes.AsSpan();
        BinaryPrimitives.WriteUInt32LittleEndian(b, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(b[8..], Segments.Any(segment => segment.IsRewritten) ? RewrittenVersion : Version);
        BinaryPrimitives.WriteInt32LittleEndian(b[12..], Identity.Partition);
        BinaryPrimitives.WriteUInt64LittleEndian(b[16..], Identity.Incarnation);
        Identity.TopicId.TryWriteBytes(b[24..]);
        Opening.TryWriteBytes(b[40..]);
        BinaryPrimitives.WriteInt32LittleEndian(b[56..], Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(b[64..], Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(b[72..], ClosedAt);
        BinaryPrimitives.WriteInt32LittleEndian(b[80..], Segments.Count);
        BinaryPrimitives.WriteInt32LittleEndian(b[84..], Snapshots.Count);
        BinaryPrimitives.WriteInt32LittleEndian(b[88..], name.Length);
        BinaryPrimitives.WriteInt32LittleEndian(b[92..], Definition.Definition.Length);
        var at = FixedSize;
        foreach (var piece in Segments.Concat(Snapshots))
        {
            BinaryPrimitives.WriteInt64LittleEndian(b[at..], piece.Position);
            BinaryPrimitives.WriteInt32LittleEndian(b[(at + 8)..], piece.Epoch);
            BinaryPrimitives.WriteInt32LittleEndian(b[(at + 12)..], piece.Stored);
            BinaryPrimitives.WriteInt64LittleEndian(b[(at + 16)..], piece.Sequence);
            at += PieceSize;
        }
        name.CopyTo(b[at..]);
        Definition.Definition.Span.CopyTo(b[(at + name.Length)..]);
        BinaryPrimitives.WriteUInt32LittleEndian(b[4..], Crc32C.Compute(b[8..]));
        return bytes;
    }

    /// <exception cref="LogDamagedException">It does not read back as written, or is another log's, or of a version that is not known.</exception>
    public static LogManifest Decode(ReadOnlyMemory<byte> bytes, string blob, LogId id)
    {
        var b = bytes.Span;
        if (b.Length < FixedSize || BinaryPrimitives.ReadUInt32LittleEndian(b) != Magic || BinaryPrimitives.ReadUInt32LittleEndian(b[4..]) != Crc32C.Compute(b[8..]))
            throw new LogDamagedException($"{blob}: the manifest does not read back as written. Restore the blob from a copy.");
        if (BinaryPrimitives.ReadUInt32LittleEndian(b[8..]) is var version and not (Version or RewrittenVersion))
            throw new LogDamagedException($"{blob}: version {version} is not known to this program, which knows up to {RewrittenVersion}.");
        var identity = new LogIdentity(BinaryPrimitives.ReadUInt64LittleEndian(b[16..]), new Guid(b.Slice(24, 16)), BinaryPrimitives.ReadInt32LittleEndian(b[12..]));
        if (identity.TopicId != id.TopicId || identity.Partition != id.Partition)
            throw new LogDamagedException($"{blob}: belongs to topic {identity.TopicId:N} partition {identity.Partition}.");
        var segments = BinaryPrimitives.ReadInt32LittleEndian(b[80..]);
        var snapshots = BinaryPrimitives.ReadInt32LittleEndian(b[84..]);
        var nameLength = BinaryPrimitives.ReadInt32LittleEndian(b[88..]);
        var definitionLength = BinaryPrimitives.ReadInt32LittleEndian(b[92..]);
        if (segments < 1 || snapshots < 0 || nameLength < 0 || definitionLength < 0
            || FixedSize + ((long)segments + snapshots) * PieceSize + nameLength + definitionLength != b.Length)
            throw new LogDamagedException($"{blob}: its lengths contradict each other.");
        var name = FixedSize + (segments + snapshots) * PieceSize;
        return new LogManifest
        {
            Identity = identity,
            Definition = new LogDefinition(Encoding.UTF8.GetString(b.Slice(name, nameLength)), bytes.Slice(name + nameLength, definitionLength)),
            Opening = new Guid(b.Slice(40, 16)),
            Epoch = BinaryPrimitives.ReadInt32LittleEndian(b[56..]),
            Sequence = BinaryPrimitives.ReadInt64LittleEndian(b[64..]),
            ClosedAt = BinaryPrimitives.ReadInt64LittleEndian(b[72..]),
            Segments = ReadPieces(b, FixedSize, segments),
            Snapshots = ReadPieces(b, FixedSize + segments * PieceSize, snapshots),
        };
    }

    private static BlobPiece[] ReadPieces(ReadOnlySpan<byte> b, int at, int count)
    {
        var pieces = new BlobPiece[count];
        for (var n = 0; n < count; n++, at += PieceSize)
            pieces[n] = new BlobPiece(BinaryPrimitives.ReadInt64LittleEndian(b[at..]), BinaryPrimitives.ReadInt32LittleEndian(b[(at + 8)..]), BinaryPrimitives.ReadInt64LittleEndian(b[(at + 16)..]), BinaryPrimitives.ReadInt32LittleEndian(b[(at + 12)..]));
        return pieces;
    }
}

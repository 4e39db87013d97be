using System.Buffers.Binary;
using System.Text;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Formats;

/// <summary>
/// The truth about one log: who it is, which opening may write, which segments there must be. A <see cref="SlotFile"/>:
/// <code>
/// slot content                          fixed part, from 8192 on
///  0 epoch          u32                  0 magic "OMM1"      u32
///  4 reserved       u32   0              4 CRC32C            u32   of bytes 8 to the end
///  8 first segment  i64                  8 version           u32   1
/// 16 last segment   i64                 12 partition         u32
/// 24 reserved       16 B  0             16 incarnation       u64
///                                       24 topic id          16 B
///                                       40 name length       u32
///                                       44 definition length u32
///                                       48 name (UTF-8), then the definition
/// </code>
/// The slots' owner is the incarnation. Every segment from first to last must be there; one after the last is a roll that was cut off and may be there or not.
/// </summary>
internal sealed record LogManifest
{
    public const string FileName = "manifest";

    private const uint Magic = 0x314D4D4F;
    private const uint Version = 1;
    private const int FixedSize = 48;

    public required LogIdentity Identity { get; init; }
    public required LogDefinition Definition { get; init; }
    public required int Epoch { get; init; }
    public required long FirstSegment { get; init; }
    public required long LastSegment { get; init; }

    /// <summary>The slot's sequence; 1 in a new file.</summary>
    public ulong Sequence { get; init; } = 1;

    /// <summary>A slot does not read back; if it was the newer one, its epoch is used up.</summary>
    public bool EpochInDoubt { get; init; }

    public void WriteNew(IDisk disk, string path) =>
        disk.Replace(path, SlotFile.New(EncodeSlot(), Identity.Incarnation), EncodeFixed());

    /// <summary>Writes what can change, durably, and gives the manifest as it stands then.</summary>
    public LogManifest Save(IDisk disk, string path)
    {
        var next = this with { Sequence = Sequence + 1, EpochInDoubt = false };
        SlotFile.Write(disk, path, next.EncodeSlot(), next.Sequence, Identity.Incarnation);
        return next;
    }

    /// <exception cref="DiskException"><see cref="DiskError.Missing"/> if there is none.</exception>
    /// <exception cref="LogDamagedException">It does not read back as written, or is another log's.</exception>
    public static LogManifest Read(IDisk disk, string path, LogId id)
    {
        var manifest = Decode(disk.ReadWhole(path), path);
        return manifest.Identity.TopicId == id.TopicId && manifest.Identity.Partition == id.Partition
            ? manifest
            : throw new LogDamagedException($"{path}: belongs to topic {manifest.Identity.TopicId:N} partition {manifest.Identity.Partition}.");
    }

    private static LogManifest Decode(ReadOnlyMemory<byte> file, string path)
    {
        var (identity, definition) = DecodeFixed(file, path);
        return WithSlot(identity, definition, SlotFile.Read(file, path, identity.Incarnation));
    }

    /// <exception cref="LogDamagedException">It does not read back as written.</exception>
    public static (LogIdentity Identity, LogDefinition Definition) DecodeFixed(ReadOnlyMemory<byte> file, string path)
    {
        var part = file[Math.Min(file.Length, SlotFile.FixedPartOffset)..];
        var p = part.Span;
        if (p.Length < FixedSize || BinaryPrimitives.ReadUInt32LittleEndian(p) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(p[4..]) != Crc32C.Compute(p[8..]))
            throw new LogDamagedException($"{path}: the log's identity does not read back as written. Restore the file from a copy.");
        if (BinaryPrimitives.ReadUInt32LittleEndian(p[8..]) is var version and not Version)
            throw new DataFolderException($"{path}: version {version} is not known to this program.");
        var nameLength = BinaryPrimitives.ReadInt32LittleEndian(p[40..]);
        var definitionLength = BinaryPrimitives.ReadInt32LittleEndian(p[44..]);
        if (nameLength < 0 || definitionLength < 0 || (long)FixedSize + nameLength + definitionLength != p.Length)
            throw new LogDamagedException($"{path}: its lengths contradict each other.");
        return (
            new LogIdentity(BinaryPrimitives.ReadUInt64LittleEndian(p[16..]), new Guid(p.Slice(24, 16)), BinaryPrimitives.ReadInt32LittleEndian(p[12..])),
            // A copy: an open log keeps it, and the file around it is many times as long.
            new LogDefinition(Encoding.UTF8.GetString(p.Slice(FixedSize, nameLength)), part.Slice(FixedSize + nameLength, definitionLength).ToArray()));
    }

    public static LogManifest WithSlot(LogIdentity identity, LogDefinition definition, in SlotFile.Slot slot) => new()
    {
        Identity = identity,
        Definition = definition,
        Epoch = BinaryPrimitives.ReadInt32LittleEndian(slot.Content.Span),
        FirstSegment = BinaryPrimitives.ReadInt64LittleEndian(slot.Content.Span[8..]),
        LastSegment = LastSegmentIn(slot.Content.Span),
        Sequence = slot.Sequence,
        EpochInDoubt = slot.OtherUnreadable,
    };

    public static long LastSegmentIn(ReadOnlySpan<byte> slot) => BinaryPrimitives.ReadInt64LittleEndian(slot[16..]);

    private byte[] EncodeSlot()
    {
        var content = new byte[SlotFile.ContentSize];
        BinaryPrimitives.WriteInt32LittleEndian(content, Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(8), FirstSegment);
        BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(16), LastSegment);
        return content;
    }

    private byte[] EncodeFixed()
    {
        var name = Encoding.UTF8.GetBytes(Definition.TopicName);
        var bytes = new byte[FixedSize + name.Length + Definition.Definition.Length];
        var b = bytes.AsSpan();
        BinaryPrimitives.WriteUInt32LittleEndian(b, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(b[8..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(b[12..], Identity.Partition);
        BinaryPrimitives.WriteUInt64LittleEndian(b[16..], Identity.Incarnation);
        Identity.TopicId.TryWriteBytes(b[24..]);
        BinaryPrimitives.WriteInt32LittleEndian(b[40..], name.Length);
        BinaryPrimitives.WriteInt32LittleEndian(b[44..], Definition.Definition.Length);
        name.CopyTo(b[FixedSize..]);
        Definition.Definition.Span.CopyTo(b[(FixedSize + name.Length)..]);
        BinaryPrimitives.WriteUInt32LittleEndian(b[4..], Crc32C.Compute(b[8..]));
        return bytes;
    }
}

using System.Buffers.Binary;
using System.Globalization;
using OrleansMq.Core.Log;
using OrleansMq.Records;

namespace OrleansMq.Storage.Files.Formats;

/// <summary>
/// The first bytes of a segment; the log's bytes follow, so position p stands at file offset 64 + p - base.
/// <code>
///  0 magic "OMS1"   u32
///  4 CRC32C         u32   of bytes 8..63
///  8 version        u32   1; 2 where it was rewritten
/// 12 partition      u32
/// 16 incarnation    u64
/// 24 topic id       16 B
/// 40 base position  i64   also the file's name, in 20 digits
/// 48 epoch          u32   of the opening that made it
/// 52 end position   i64   version 2 alone: where the next segment begins, which the file need not reach
/// 60 reserved       4 B   0
/// </code>
/// </summary>
internal static class SegmentHeader
{
    public const int Size = 64;
    public const string Ending = ".seg";

    private const uint Magic = 0x31534D4F;
    private const uint Version = 1;
    private const uint RewrittenVersion = 2;

    public static string FileName(long basePosition) => basePosition.ToString("D20", CultureInfo.InvariantCulture) + Ending;

    public static bool TryParseName(string name, out long basePosition)
    {
        basePosition = 0;
        return name.Length == 20 + Ending.Length
            && name.EndsWith(Ending, StringComparison.Ordinal)
            && long.TryParse(name.AsSpan(0, 20), NumberStyles.None, CultureInfo.InvariantCulture, out basePosition);
    }

    /// <param name="endPosition">Of one that was rewritten.</param>
    public static byte[] Encode(LogIdentity log, long basePosition, int epoch, long? endPosition = null)
    {
        var bytes = new byte[Size];
        var b = bytes.AsSpan();
        BinaryPrimitives.WriteUInt32LittleEndian(b, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(b[8..], endPosition is null ? Version : RewrittenVersion);
        BinaryPrimitives.WriteInt64LittleEndian(b[52..], endPosition ?? 0);
        BinaryPrimitives.WriteInt32LittleEndian(b[12..], log.Partition);
        BinaryPrimitives.WriteUInt64LittleEndian(b[16..], log.Incarnation);
        log.TopicId.TryWriteBytes(b[24..]);
        BinaryPrimitives.WriteInt64LittleEndian(b[40..], basePosition);
        BinaryPrimitives.WriteInt32LittleEndian(b[48..], epoch);
        BinaryPrimitives.WriteUInt32LittleEndian(b[4..], Crc32C.Compute(b[8..]));
        return bytes;
    }

    /// <summary>Where a segment that was rewritten ends; null of another. The bytes are a segment's header.</summary>
    public static long? RewrittenEnd(ReadOnlySpan<byte> bytes) =>
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) == RewrittenVersion ? BinaryPrimitives.ReadInt64LittleEndian(bytes[52..]) : null;

    /// <summary>Whose segment it is and which opening made it, where the bytes are a segment's header at all.</summary>
    public static (LogIdentity Log, int Epoch)? MadeBy(ReadOnlySpan<byte> bytes) =>
        bytes.Length >= Size && BinaryPrimitives.ReadUInt32LittleEndian(bytes) == Magic && BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) == Crc32C.Compute(bytes[8..Size])
            ? (new LogIdentity(BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]), new Guid(bytes.Slice(24, 16)), BinaryPrimitives.ReadInt32LittleEndian(bytes[12..])),
                BinaryPrimitives.ReadInt32LittleEndian(bytes[48..]))
            : null;

    /// <summary>Whether the bytes are the header of this log's segment at that position.</summary>
    public static bool Is(ReadOnlySpan<byte> bytes, LogIdentity log, long basePosition) =>
        bytes.Length >= Size
        && BinaryPrimitives.ReadUInt32LittleEndian(bytes) == Magic
        && BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) == Crc32C.Compute(bytes[8..Size])
        && BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) is Version or RewrittenVersion
        && BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]) == log.Partition
        && BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]) == log.Incarnation
        && new Guid(bytes.Slice(24, 16)) == log.TopicId
        && BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]) == basePosition;
}

using System.Buffers.Binary;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;

namespace OrleansMq.Storage.AzureBlobs.Formats;

/// <summary>
/// A snapshot, byte for byte as in a data folder (docs/formats.md#snapshot):
/// <code>
///  0 magic "OMP1"   u32
///  4 CRC32C         u32   of bytes 8 to the end
///  8 version        u32   1
/// 12 partition      u32
/// 16 incarnation    u64
/// 24 topic id       16 B
/// 40 position       i64
/// 48 state length   u32
/// 52 reserved       12 B  0
/// 64 state
/// </code>
/// </summary>
internal static class SnapshotBlob
{
    private const uint Magic = 0x31504D4F;
    private const uint Version = 1;
    private const int HeaderSize = 64;

    public static byte[] Encode(LogIdentity log, long position, ReadOnlySpan<byte> state)
    {
        var bytes = new byte[HeaderSize + state.Length];
        var b = bytes.AsSpan();
        BinaryPrimitives.WriteUInt32LittleEndian(b, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(b[8..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(b[12..], log.Partition);
        BinaryPrimitives.WriteUInt64LittleEndian(b[16..], log.Incarnation);
        log.TopicId.TryWriteBytes(b[24..]);
        BinaryPrimitives.WriteInt64LittleEndian(b[40..], position);
        BinaryPrimitives.WriteInt32LittleEndian(b[48..], state.Length);
        state.CopyTo(b[HeaderSize..]);
        BinaryPrimitives.WriteUInt32LittleEndian(b[4..], Crc32C.Compute(b[8..]));
        return bytes;
    }

    /// <summary>The snapshot, or null if the bytes are not this log's snapshot at that position.</summary>
    public static LogSnapshot? Decode(ReadOnlyMemory<byte> blob, LogIdentity log, long position)
    {
        var b = blob.Span;
        return b.Length >= HeaderSize
            && BinaryPrimitives.ReadUInt32LittleEndian(b) == Magic
            && BinaryPrimitives.ReadUInt32LittleEndian(b[4..]) == Crc32C.Compute(b[8..])
            && BinaryPrimitives.ReadUInt32LittleEndian(b[8..]) == Version
            && BinaryPrimitives.ReadInt32LittleEndian(b[12..]) == log.Partition
            && BinaryPrimitives.ReadUInt64LittleEndian(b[16..]) == log.Incarnation
            && new Guid(b.Slice(24, 16)) == log.TopicId
            && BinaryPrimitives.ReadInt64LittleEndian(b[40..]) == position
            && BinaryPrimitives.ReadInt32LittleEndian(b[48..]) == b.Length - HeaderSize
            ? new LogSnapshot(position, blob[HeaderSize..])
            : null;
    }
}

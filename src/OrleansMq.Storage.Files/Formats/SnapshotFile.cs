using System.Buffers.Binary;
using System.Globalization;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Formats;

/// <summary>
/// A snapshot, replaced whole.
/// <code>
///  0 magic "OMP1"   u32
///  4 CRC32C         u32   of bytes 8 to the end
///  8 version        u32   1
/// 12 partition      u32
/// 16 incarnation    u64
/// 24 topic id       16 B
/// 40 position       i64   also the file's name, in 20 digits
/// 48 state length   u32
/// 52 reserved       12 B  0
/// 64 state
/// </code>
/// </summary>
internal static class SnapshotFile
{
    public const string Beginning = "snapshot-";

    private const uint Magic = 0x31504D4F;
    private const uint Version = 1;
    private const int HeaderSize = 64;

    public static string FileName(long position) => Beginning + position.ToString("D20", CultureInfo.InvariantCulture);

    public static bool TryParseName(string name, out long position)
    {
        position = 0;
        return name.Length == Beginning.Length + 20
            && name.StartsWith(Beginning, StringComparison.Ordinal)
            && long.TryParse(name.AsSpan(Beginning.Length), NumberStyles.None, CultureInfo.InvariantCulture, out position);
    }

    public static byte[] EncodeHeader(LogIdentity log, long position, ReadOnlySpan<byte> state)
    {
        var header = new byte[HeaderSize];
        var h = header.AsSpan();
        BinaryPrimitives.WriteUInt32LittleEndian(h, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(h[8..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(h[12..], log.Partition);
        BinaryPrimitives.WriteUInt64LittleEndian(h[16..], log.Incarnation);
        log.TopicId.TryWriteBytes(h[24..]);
        BinaryPrimitives.WriteInt64LittleEndian(h[40..], position);
        BinaryPrimitives.WriteInt32LittleEndian(h[48..], state.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(h[4..], Crc32C.Append(Crc32C.Compute(h[8..]), state));
        return header;
    }

    /// <summary>The snapshot, or null if the file is not this log's snapshot at that position.</summary>
    public static LogSnapshot? Read(IDisk disk, string path, LogIdentity log, long position)
    {
        var file = ReadWhole(disk, path);
        if (IsWhole(file.Written.Span, log, position))
            return new LogSnapshot(position, file.Written[HeaderSize..], file);
        using (file)
            return null;
    }

    private static NativeBytes ReadWhole(IDisk disk, string path)
    {
        using var file = disk.Open(path, DiskOpenMode.Read);
        var length = checked((int)file.Length);
        var bytes = new NativeBytes(length);
        try
        {
            bytes.Advance(file.ReadUpTo(bytes.GetSpan()[..length], 0));
            return bytes;
        }
        catch
        {
            ((IDisposable)bytes).Dispose();
            throw;
        }
    }

    private static bool IsWhole(ReadOnlySpan<byte> f, LogIdentity log, long position) =>
        f.Length >= HeaderSize
        && BinaryPrimitives.ReadUInt32LittleEndian(f) == Magic
        && BinaryPrimitives.ReadUInt32LittleEndian(f[4..]) == Crc32C.Compute(f[8..])
        && BinaryPrimitives.ReadUInt32LittleEndian(f[8..]) == Version
        && BinaryPrimitives.ReadInt32LittleEndian(f[12..]) == log.Partition
        && BinaryPrimitives.ReadUInt64LittleEndian(f[16..]) == log.Incarnation
        && new Guid(f.Slice(24, 16)) == log.TopicId
        && BinaryPrimitives.ReadInt64LittleEndian(f[40..]) == position
        && BinaryPrimitives.ReadInt32LittleEndian(f[48..]) == f.Length - HeaderSize;
}

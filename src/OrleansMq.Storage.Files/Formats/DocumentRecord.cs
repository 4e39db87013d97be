using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using OrleansMq.Records;

namespace OrleansMq.Storage.Files.Formats;

/// <summary>
/// One change in a file of documents, at a multiple of 64 bytes.
/// <code>
///  0 magic "OMD2"     u32
///  4 CRC32C           u32   of where the record stands (i64), its file's number among the shards (i32), and bytes 8..63
///  8 salt             u64   drawn when the file was made: what a document says never looks like a record
/// 16 sequence         u64   one more than that of the record before
/// 24 version          i64   of the document; of a beginning: the floor
/// 32 kind             u16   1 beginning, 2 put, 3 delete
/// 34 key length       u16
/// 36 content length   i32
/// 40 CRC32C           u32   of all from byte 64 on
/// 44 CRC32C           u32   of the key alone
/// 48 key before       16 B  the first half of SHA-256 of the key of the record before; zeros of a beginning
/// 64 key (UTF-8), content, 0xFF up to 32 bytes before a multiple of 64, then
///  0 this key         16 B  likewise of its own
/// 16 size             u32   of the whole record
/// 20 CRC32C           u32   of where it stands (i64), its file's number (i32), this key and the size
/// 24 filling          8 B   0xFF: no record that came to the disk whole ends in a zero
/// </code>
/// So whose a damaged record was is known from the next one, from its own key, or from its end.
/// </summary>
internal readonly record struct DocumentRecord(DocumentRecordKind Kind, ulong Salt, ulong Sequence, long Version, KeyDigest Before, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Content)
{
    public const int Unit = 64;

    /// <summary>A write that is cut off leaves each sector as it was before, or filled from its beginning.</summary>
    public const int Sector = 512;

    private const uint Magic = 0x32444D4F;
    private const int HeaderSize = 64;
    private const int EndSize = 32;
    private const byte Filling = 0xFF;

    public int Size => checked((int)SizeOf((long)Key.Length + Content.Length));

    /// <summary>What the next record says of this one.</summary>
    public KeyDigest Digest => Kind == DocumentRecordKind.Beginning ? default : KeyDigest.Of(Key.Span);

    public byte[] Encode(long offset, int shard)
    {
        var bytes = new byte[Size];
        var h = bytes.AsSpan();
        BinaryPrimitives.WriteUInt32LittleEndian(h, Magic);
        BinaryPrimitives.WriteUInt64LittleEndian(h[8..], Salt);
        BinaryPrimitives.WriteUInt64LittleEndian(h[16..], Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(h[24..], Version);
        BinaryPrimitives.WriteUInt16LittleEndian(h[32..], (ushort)Kind);
        BinaryPrimitives.WriteUInt16LittleEndian(h[34..], (ushort)Key.Length);
        BinaryPrimitives.WriteInt32LittleEndian(h[36..], Content.Length);
        h[HeaderSize..].Fill(Filling);
        Key.Span.CopyTo(h[HeaderSize..]);
        Content.Span.CopyTo(h[(HeaderSize + Key.Length)..]);
        var end = h[^EndSize..];
        Digest.Write(end);
        BinaryPrimitives.WriteInt32LittleEndian(end[16..], bytes.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(end[20..], CrcAt(offset, shard, end[..20]));
        BinaryPrimitives.WriteUInt32LittleEndian(h[40..], Crc32C.Compute(h[HeaderSize..]));
        BinaryPrimitives.WriteUInt32LittleEndian(h[44..], Crc32C.Compute(Key.Span));
        Before.Write(h[48..]);
        BinaryPrimitives.WriteUInt32LittleEndian(h[4..], CrcAt(offset, shard, h[8..HeaderSize]));
        return bytes;
    }

    /// <summary>The record that begins at an offset of a file, or null if none reads back there.</summary>
    /// <param name="file">The file from the offset on, as far as it goes; at least the record.</param>
    public static DocumentRecord? Decode(ReadOnlyMemory<byte> file, long offset, int shard)
    {
        if (SizeAt(file.Span, offset, shard) is not { } size || size > file.Length)
            return null;
        var h = file.Span;
        if (BinaryPrimitives.ReadUInt32LittleEndian(h[40..]) != Crc32C.Compute(h[HeaderSize..(int)size]))
            return null;
        int key = BinaryPrimitives.ReadUInt16LittleEndian(h[34..]), content = BinaryPrimitives.ReadInt32LittleEndian(h[36..]);
        return new DocumentRecord(
            (DocumentRecordKind)BinaryPrimitives.ReadUInt16LittleEndian(h[32..]),
            BinaryPrimitives.ReadUInt64LittleEndian(h[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(h[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(h[24..]),
            KeyDigest.Read(h[48..]),
            file.Slice(HeaderSize, key),
            file.Slice(HeaderSize + key, content));
    }

    /// <summary>How long the record is that begins at an offset, by its header, or null if that does not read back.</summary>
    public static long? SizeAt(ReadOnlySpan<byte> h, long offset, int shard)
    {
        if (h.Length < HeaderSize || BinaryPrimitives.ReadUInt32LittleEndian(h) != Magic || BinaryPrimitives.ReadUInt32LittleEndian(h[4..]) != CrcAt(offset, shard, h[8..HeaderSize]))
            return null;
        var content = BinaryPrimitives.ReadInt32LittleEndian(h[36..]);
        return content < 0 || BinaryPrimitives.ReadUInt16LittleEndian(h[32..]) is < (ushort)DocumentRecordKind.Beginning or > (ushort)DocumentRecordKind.Delete
            ? null
            : SizeOf((long)BinaryPrimitives.ReadUInt16LittleEndian(h[34..]) + content);
    }

    /// <summary>The key of a damaged record, where its header and the key read back.</summary>
    public static byte[]? KeyIn(ReadOnlySpan<byte> record, long offset, int shard)
    {
        if (SizeAt(record, offset, shard) is not { } size || size > record.Length)
            return null;
        var key = record.Slice(HeaderSize, BinaryPrimitives.ReadUInt16LittleEndian(record[34..]));
        return Crc32C.Compute(key) == BinaryPrimitives.ReadUInt32LittleEndian(record[44..]) ? key.ToArray() : null;
    }

    /// <summary>Whose record the bytes are, where they are one record and no more, and either end of it reads back.</summary>
    public static KeyDigest? OwnerOf(ReadOnlySpan<byte> record, long offset, int shard)
    {
        if (SizeAt(record, offset, shard) == record.Length && KeyIn(record, offset, shard) is { } key)
            return KeyDigest.Of(key);
        if (record.Length < HeaderSize + EndSize)
            return null;
        var end = record[^EndSize..];
        return BinaryPrimitives.ReadInt32LittleEndian(end[16..]) == record.Length && BinaryPrimitives.ReadUInt32LittleEndian(end[20..]) == CrcAt(offset, shard, end[..20])
            ? KeyDigest.Read(end)
            : null;
    }

    /// <summary>Whether a part of a record that does not read back may never have come to the disk: such a part is zeros up to the end of a sector.</summary>
    public static bool MayBeCutOff(ReadOnlySpan<byte> record, long offset)
    {
        for (var end = Sector - (offset % Sector); end < record.Length; end += Sector)
            if (record[(int)end - 1] == 0)
                return true;
        return record[^1] == 0;
    }

    private static uint CrcAt(long offset, int shard, ReadOnlySpan<byte> bytes)
    {
        Span<byte> place = stackalloc byte[12];
        BinaryPrimitives.WriteInt64LittleEndian(place, offset);
        BinaryPrimitives.WriteInt32LittleEndian(place[8..], shard);
        return Crc32C.Append(Crc32C.Compute(place), bytes);
    }

    private static long SizeOf(long body) => (HeaderSize + body + EndSize + Unit - 1) / Unit * Unit;
}

internal enum DocumentRecordKind : ushort
{
    /// <summary>The first record of a file: versions begin above its version.</summary>
    Beginning = 1,
    Put = 2,
    Delete = 3,
}

/// <summary>Half of a key's SHA-256: no two keys have the same.</summary>
internal readonly record struct KeyDigest(ulong High, ulong Low)
{
    public static KeyDigest Of(ReadOnlySpan<byte> key)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(key, hash);
        return Read(hash);
    }

    public static KeyDigest Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{High:x16}{Low:x16}");

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes, High);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Low);
    }
}

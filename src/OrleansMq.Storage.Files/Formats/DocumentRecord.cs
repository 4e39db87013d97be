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
/// 40 CRC32C           u32   of key, content and the zeros behind them
/// 44 CRC32C           u32   of the key alone: of a damaged record this may still tell whose it was
/// 48 key before       16 B  the first half of SHA-256 of the key of the record before: where that is damaged, this tells whose it was; zeros of a beginning
/// 64 key (UTF-8), content, zeros up to the next multiple of 64
/// </code>
/// </summary>
internal readonly record struct DocumentRecord(DocumentRecordKind Kind, ulong Salt, ulong Sequence, long Version, KeyDigest Before, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Content)
{
    public const int Unit = 64;

    /// <summary>A write that is cut off leaves each sector as it was before, or filled from its beginning.</summary>
    public const int Sector = 512;

    private const uint Magic = 0x32444D4F;
    private const int HeaderSize = 64;
    private const int SeedSize = 12;

    public int Size => HeaderSize + Padded(Key.Length + Content.Length);

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
        Key.Span.CopyTo(h[HeaderSize..]);
        Content.Span.CopyTo(h[(HeaderSize + Key.Length)..]);
        BinaryPrimitives.WriteUInt32LittleEndian(h[40..], Crc32C.Compute(h[HeaderSize..]));
        BinaryPrimitives.WriteUInt32LittleEndian(h[44..], Crc32C.Compute(Key.Span));
        Before.Write(h[48..]);
        BinaryPrimitives.WriteUInt32LittleEndian(h[4..], HeaderCrc(h, offset, shard));
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
        if (h.Length < HeaderSize || BinaryPrimitives.ReadUInt32LittleEndian(h) != Magic || BinaryPrimitives.ReadUInt32LittleEndian(h[4..]) != HeaderCrc(h, offset, shard))
            return null;
        var content = BinaryPrimitives.ReadInt32LittleEndian(h[36..]);
        return content < 0 || BinaryPrimitives.ReadUInt16LittleEndian(h[32..]) is < (ushort)DocumentRecordKind.Beginning or > (ushort)DocumentRecordKind.Delete
            ? null
            : HeaderSize + Padded((long)BinaryPrimitives.ReadUInt16LittleEndian(h[34..]) + content);
    }

    /// <summary>Of a record whose header reads back and whose content does not: its key, if that reads back.</summary>
    public static byte[]? KeyIn(ReadOnlySpan<byte> record)
    {
        var key = record.Slice(HeaderSize, BinaryPrimitives.ReadUInt16LittleEndian(record[34..]));
        return Crc32C.Compute(key) == BinaryPrimitives.ReadUInt32LittleEndian(record[44..]) ? key.ToArray() : null;
    }

    /// <summary>
    /// Of a record whose header reads back and whose content does not: whether a part of it may never have come to the disk. Such a part is zeros up to the end of a sector.
    /// </summary>
    public static bool MayBeCutOff(ReadOnlySpan<byte> record, long offset)
    {
        var written = HeaderSize + BinaryPrimitives.ReadUInt16LittleEndian(record[34..]) + BinaryPrimitives.ReadInt32LittleEndian(record[36..]);
        for (var end = Math.Min(written, Sector - (offset % Sector)); ; end = Math.Min(written, end + Sector))
        {
            if (record[(int)end - 1] == 0)
                return true;
            if (end == written)
                return false;
        }
    }

    private static uint HeaderCrc(ReadOnlySpan<byte> header, long offset, int shard)
    {
        Span<byte> seed = stackalloc byte[SeedSize];
        BinaryPrimitives.WriteInt64LittleEndian(seed, offset);
        BinaryPrimitives.WriteInt32LittleEndian(seed[8..], shard);
        return Crc32C.Append(Crc32C.Compute(seed), header[8..HeaderSize]);
    }

    private static int Padded(int length) => checked((int)Padded((long)length));

    private static long Padded(long length) => (length + Unit - 1) / Unit * Unit;
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

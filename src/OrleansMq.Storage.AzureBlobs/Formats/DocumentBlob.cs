using System.Buffers.Binary;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;

namespace OrleansMq.Storage.AzureBlobs.Formats;

/// <summary>
/// A document, or what is left of a deleted one: its version, so that the next one of the same key begins above it.
/// <code>
///  0 magic "OMD2"    u32
///  4 CRC32C          u32   of bytes 8 to the end
///  8 layout version  u32   1
/// 12 key length      u32
/// 16 version         i64   of the document
/// 24 content length  u32
/// 28 flags           u32   1 deleted
/// 32 mark            16 B  drawn by who wrote it, so that he knows his own after an unknown outcome
/// 48 key (UTF-8), content
/// </code>
/// </summary>
internal sealed record DocumentBlob(long Version, bool Deleted, Guid Mark, ReadOnlyMemory<byte> Content)
{
    private const uint Magic = 0x32444D4F;
    private const uint LayoutVersion = 1;
    private const int HeaderSize = 48;
    private const uint DeletedFlag = 1;

    public byte[] Encode(ReadOnlySpan<byte> key)
    {
        var bytes = new byte[HeaderSize + key.Length + Content.Length];
        var b = bytes.AsSpan();
        BinaryPrimitives.WriteUInt32LittleEndian(b, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(b[8..], LayoutVersion);
        BinaryPrimitives.WriteInt32LittleEndian(b[12..], key.Length);
        BinaryPrimitives.WriteInt64LittleEndian(b[16..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(b[24..], Content.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(b[28..], Deleted ? DeletedFlag : 0);
        Mark.TryWriteBytes(b[32..]);
        key.CopyTo(b[HeaderSize..]);
        Content.Span.CopyTo(b[(HeaderSize + key.Length)..]);
        BinaryPrimitives.WriteUInt32LittleEndian(b[4..], Crc32C.Compute(b[8..]));
        return bytes;
    }

    /// <exception cref="LogDamagedException">It does not read back as written, or is another key's, or of a layout that is not known.</exception>
    public static DocumentBlob Decode(ReadOnlyMemory<byte> bytes, string blob, ReadOnlySpan<byte> key)
    {
        var b = bytes.Span;
        if (b.Length < HeaderSize || BinaryPrimitives.ReadUInt32LittleEndian(b) != Magic || BinaryPrimitives.ReadUInt32LittleEndian(b[4..]) != Crc32C.Compute(b[8..]))
            throw new LogDamagedException($"{blob}: the document does not read back as written. Restore the blob from a copy.");
        if (BinaryPrimitives.ReadUInt32LittleEndian(b[8..]) is var version and not LayoutVersion)
            throw new LogDamagedException($"{blob}: layout version {version} is not known to this program, which knows {LayoutVersion}.");
        var keyLength = BinaryPrimitives.ReadInt32LittleEndian(b[12..]);
        var contentLength = BinaryPrimitives.ReadInt32LittleEndian(b[24..]);
        if (keyLength < 0 || contentLength < 0 || (long)HeaderSize + keyLength + contentLength != b.Length || !b.Slice(HeaderSize, keyLength).SequenceEqual(key))
            throw new LogDamagedException($"{blob}: is the document of another key. Restore the blob from a copy.");
        return new DocumentBlob(
            BinaryPrimitives.ReadInt64LittleEndian(b[16..]),
            (BinaryPrimitives.ReadUInt32LittleEndian(b[28..]) & DeletedFlag) != 0,
            new Guid(b.Slice(32, 16)),
            bytes[(HeaderSize + keyLength)..]);
    }
}

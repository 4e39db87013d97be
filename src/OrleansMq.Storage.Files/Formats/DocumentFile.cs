using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;

namespace OrleansMq.Storage.Files.Formats;

/// <summary>
/// A document, replaced whole.
/// <code>
///  0 magic "OMD1"    u32
///  4 CRC32C          u32   of bytes 8 to the end
///  8 version         u32   1, of this layout
/// 12 key length      u32
/// 16 document version i64
/// 24 content length  u32
/// 28 reserved        u32   0
/// 32 key (UTF-8), then the content
/// </code>
/// The file is named <c>d-</c> and the key with everything but a-z, 0-9, '-' and '_' escaped, so that keys that differ in case alone
/// stay apart on every volume; a key too long for that is <c>h-</c> and its SHA-256. The key inside is checked.
/// </summary>
internal static class DocumentFile
{
    public const string Ending = ".doc";

    private const uint Magic = 0x31444D4F;
    private const uint Version = 1;
    private const int HeaderSize = 32;
    private const int LongestKey = 1024;
    private const int LongestName = 200;

    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    /// <exception cref="ArgumentException">The key is empty, too long, or no text.</exception>
    public static byte[] KeyBytes(string key)
    {
        if (key.Length is 0 or > LongestKey)
            throw new ArgumentException($"A document's key has 1 to {LongestKey} characters, not {key.Length}.", nameof(key));
        return Utf8.GetBytes(key);
    }

    public static string FileName(ReadOnlySpan<byte> key)
    {
        var name = new StringBuilder("d-", key.Length + 8);
        foreach (var b in key)
        {
            if (b is >= (byte)'a' and <= (byte)'z' or >= (byte)'0' and <= (byte)'9' or (byte)'-' or (byte)'_')
                name.Append((char)b);
            else
                name.Append('%').Append(b.ToString("x2", CultureInfo.InvariantCulture));
        }
        return name.Length <= LongestName ? name.Append(Ending).ToString() : "h-" + Convert.ToHexStringLower(SHA256.HashData(key)) + Ending;
    }

    public static byte[] EncodeHeader(ReadOnlySpan<byte> key, long version, ReadOnlySpan<byte> content)
    {
        var header = new byte[HeaderSize + key.Length];
        var h = header.AsSpan();
        BinaryPrimitives.WriteUInt32LittleEndian(h, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(h[8..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(h[12..], key.Length);
        BinaryPrimitives.WriteInt64LittleEndian(h[16..], version);
        BinaryPrimitives.WriteInt32LittleEndian(h[24..], content.Length);
        key.CopyTo(h[HeaderSize..]);
        BinaryPrimitives.WriteUInt32LittleEndian(h[4..], Crc32C.Append(Crc32C.Compute(h[8..]), content));
        return header;
    }

    /// <summary>The key and the document, or null if the bytes do not read back as written.</summary>
    public static (string Key, Document Document)? Decode(ReadOnlyMemory<byte> file)
    {
        var f = file.Span;
        if (f.Length < HeaderSize
            || BinaryPrimitives.ReadUInt32LittleEndian(f) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(f[4..]) != Crc32C.Compute(f[8..])
            || BinaryPrimitives.ReadUInt32LittleEndian(f[8..]) != Version)
            return null;
        var keyLength = BinaryPrimitives.ReadInt32LittleEndian(f[12..]);
        var contentLength = BinaryPrimitives.ReadInt32LittleEndian(f[24..]);
        if (keyLength < 0 || contentLength < 0 || (long)HeaderSize + keyLength + contentLength != f.Length)
            return null;
        var key = Encoding.UTF8.GetString(f.Slice(HeaderSize, keyLength));
        return (key, new Document(file[(HeaderSize + keyLength)..], BinaryPrimitives.ReadInt64LittleEndian(f[16..])));
    }
}

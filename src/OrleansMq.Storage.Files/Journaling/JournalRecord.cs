using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace OrleansMq.Storage.Files.Journaling;

/// <summary>What a record says of a path.</summary>
internal enum JournalKind
{
    /// <summary>Everything up to the record whose number stands in the offset is in the files themselves, durably.</summary>
    Settled = 1,

    /// <summary>There is a file. What it holds stays.</summary>
    Create = 2,

    MakeDirectory = 3,

    /// <summary>The content stands at the offset.</summary>
    Write = 4,

    /// <summary>The content is all that the file holds.</summary>
    Put = 5,

    /// <summary>The file is not there, or the directory with everything in it.</summary>
    Remove = 6,

    /// <summary>The file is no longer than the offset.</summary>
    Shorten = 7,
}

/// <summary>
/// One change of a file or of a name. To apply the records of a journal in their order to files in which any of them were applied before gives the same files.
/// <code>
///  0 kind            u32
///  4 path length     u32
///  8 offset          i64
/// 16 content length  u32
/// 20 reserved        u32   0
/// 24 path (UTF-8, from the data folder on, parts separated by '/'), then the content
/// </code>
/// </summary>
internal readonly record struct JournalRecord(JournalKind Kind, string Path, long Offset, ReadOnlyMemory<byte> Content)
{
    private const int FixedSize = 24;

    public static void Encode(IBufferWriter<byte> to, JournalKind kind, string path, long offset, params ReadOnlySpan<ReadOnlyMemory<byte>> content)
    {
        var length = 0;
        foreach (var piece in content)
            length += piece.Length;
        var pathLength = Encoding.UTF8.GetByteCount(path);
        var size = FixedSize + pathLength + length;
        var bytes = to.GetSpan(size);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)kind);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], pathLength);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], offset);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[16..], length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[20..], 0);
        Encoding.UTF8.GetBytes(path, bytes[FixedSize..]);
        var at = FixedSize + pathLength;
        foreach (var piece in content)
        {
            piece.Span.CopyTo(bytes[at..]);
            at += piece.Length;
        }
        to.Advance(size);
    }

    /// <summary>The records of a batch whose checksum was right.</summary>
    /// <exception cref="DataFolderException">They are of a newer program, or contradict themselves.</exception>
    public static IEnumerable<JournalRecord> Decode(ReadOnlyMemory<byte> payload, string file)
    {
        while (payload.Length > 0)
        {
            var record = One(payload.Span, payload, out var size) ?? throw new DataFolderException($"{file}: a record's lengths contradict each other, or its kind is not known to this program.");
            yield return record;
            payload = payload[size..];
        }
    }

    private static JournalRecord? One(ReadOnlySpan<byte> bytes, ReadOnlyMemory<byte> memory, out int size)
    {
        size = 0;
        if (bytes.Length < FixedSize)
            return null;
        var kind = (JournalKind)BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        var pathLength = BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]);
        var contentLength = BinaryPrimitives.ReadInt32LittleEndian(bytes[16..]);
        if (kind is < JournalKind.Settled or > JournalKind.Shorten || pathLength < 0 || contentLength < 0 || FixedSize + (long)pathLength + contentLength > bytes.Length)
            return null;
        size = FixedSize + pathLength + contentLength;
        return new JournalRecord(kind, Encoding.UTF8.GetString(bytes.Slice(FixedSize, pathLength)), BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]), memory.Slice(FixedSize + pathLength, contentLength));
    }
}

using System.Buffers.Binary;
using OrleansMq.Records;

namespace OrleansMq.Storage.Files.Journaling;

/// <summary>
/// What one flush of the journal made durable: a header, then records.
/// <code>
///  0 magic "OMJ1"      u32
///  4 CRC32C            u32   of bytes 8..63
///  8 version           u32   1
/// 12 payload length    u32
/// 16 batch number      i64   grows by one with each batch
/// 24 first record      i64   its number; each record has the next
/// 32 record count      u32
/// 36 CRC32C            u32   of the payload
/// 40 salt              u64   that in the file's name, which no client knows: what a client sent is never taken for a batch
/// 48 reserved          16 B  0
/// 64 records, then zeros up to a multiple of 64
/// </code>
/// </summary>
internal readonly record struct JournalBatch(long Number, long FirstRecord, int Count, ReadOnlyMemory<byte> Payload)
{
    public const int HeaderSize = 64;

    /// <summary>Batches begin at multiples of it, so that they can be looked for.</summary>
    public const int Alignment = 64;

    private const uint Magic = 0x314A4D4F;
    private const uint Version = 1;

    public long LastRecord => FirstRecord + Count - 1;

    public static int Aligned(int length) => (length + Alignment - 1) & -Alignment;

    /// <param name="batch">The header's place, and the payload after it.</param>
    public static void EncodeHeader(Span<byte> batch, ulong salt, long number, long firstRecord, int count)
    {
        var payload = batch[HeaderSize..];
        batch[..HeaderSize].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(batch, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(batch[8..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(batch[12..], payload.Length);
        BinaryPrimitives.WriteInt64LittleEndian(batch[16..], number);
        BinaryPrimitives.WriteInt64LittleEndian(batch[24..], firstRecord);
        BinaryPrimitives.WriteInt32LittleEndian(batch[32..], count);
        BinaryPrimitives.WriteUInt32LittleEndian(batch[36..], Crc32C.Compute(payload));
        BinaryPrimitives.WriteUInt64LittleEndian(batch[40..], salt);
        BinaryPrimitives.WriteUInt32LittleEndian(batch[4..], Crc32C.Compute(batch[8..HeaderSize]));
    }

    /// <summary>Every batch in a file that reads back, wherever it stands.</summary>
    /// <exception cref="DataFolderException">One is of a newer program.</exception>
    public static IEnumerable<JournalBatch> Find(ReadOnlyMemory<byte> file, ulong salt, string path)
    {
        for (var at = 0; at + HeaderSize <= file.Length;)
        {
            if (TryDecode(file[at..], salt, path) is { } batch)
            {
                yield return batch;
                at += Aligned(HeaderSize + batch.Payload.Length);
            }
            else
            {
                at += Alignment;
            }
        }
    }

    private static JournalBatch? TryDecode(ReadOnlyMemory<byte> file, ulong salt, string path)
    {
        var f = file.Span;
        if (BinaryPrimitives.ReadUInt32LittleEndian(f) != Magic || BinaryPrimitives.ReadUInt64LittleEndian(f[40..]) != salt
            || BinaryPrimitives.ReadUInt32LittleEndian(f[4..]) != Crc32C.Compute(f[8..HeaderSize]))
            return null;
        if (BinaryPrimitives.ReadUInt32LittleEndian(f[8..]) is var version and not Version)
            throw new DataFolderException($"{path}: a batch of version {version} is not known to this program. Use the newer program.");
        var length = BinaryPrimitives.ReadInt32LittleEndian(f[12..]);
        var count = BinaryPrimitives.ReadInt32LittleEndian(f[32..]);
        if (length < 0 || count < 1 || length > f.Length - HeaderSize || BinaryPrimitives.ReadUInt32LittleEndian(f[36..]) != Crc32C.Compute(f.Slice(HeaderSize, length)))
            return null;
        return new JournalBatch(BinaryPrimitives.ReadInt64LittleEndian(f[16..]), BinaryPrimitives.ReadInt64LittleEndian(f[24..]), count, file.Slice(HeaderSize, length));
    }
}

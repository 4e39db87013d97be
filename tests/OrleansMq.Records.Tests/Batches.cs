using System.Buffers.Binary;
using System.IO.Compression;

namespace OrleansMq.Records.Tests;

/// <summary>Batches for the tests, and ways to damage them.</summary>
internal static class Batches
{
    // Offsets of the header's fields, said again here so that a slip in the layout shows.
    public const int LengthAt = 8;
    public const int MagicAt = 16;
    public const int CrcAt = 17;
    public const int AttributesAt = 21;
    public const int LastOffsetDeltaAt = 23;
    public const int CountAt = 57;

    /// <summary>Three records with all that the format knows, worked out field by field from Kafka's description by another program.</summary>
    public static byte[] Golden() => Convert.FromHexString(
        "00000000000003E8" + "0000005F" + "00000007" + "02" + "5FCF7266" // base offset 1000, length 95, epoch 7, magic, crc
        + "0010" + "00000002" + "0000018BCFE56800" + "0000018BCFE5692C" // transactional, last delta 2, 1700000000000, 1700000000300
        + "000000000000002A" + "0003" + "0000000B" + "00000003" // producer 42, epoch 3, sequence 11, 3 records
        + "1E" + "00" + "00" + "00" + "026B" + "0A68656C6C6F" + "02" + "0268" + "01" // k: hello; h: null
        + "2A" + "00" + "09" + "02" + "01" + "01" + "04" + "106D712D746F6B656E" + "047431" + "0265" + "00" // 5 ms earlier, null: null; mq-token: t1, e: empty
        + "0E" + "00" + "D804" + "04" + "00" + "00" + "00"); // 300 ms later, empty: empty

    public static RecordBatchBuilder GoldenBuilder()
    {
        var builder = new RecordBatchBuilder(0) { IsTransactional = true };
        builder.Append(1_700_000_000_000, "k"u8, true, "hello"u8, true, [new RecordHeader("h"u8.ToArray(), default, IsNull: true)]);
        builder.Append(1_699_999_999_995, default, false, default, false, [RecordHeader.OfText("mq-token", "t1"), RecordHeader.OfText("e", "")]);
        builder.Append(1_700_000_000_300, default, true, default, true);
        return builder;
    }

    /// <summary>A batch of <paramref name="count"/> records of <paramref name="valueSize"/> bytes without keys.</summary>
    public static byte[] OfValues(int count, int valueSize, long baseOffset = 0)
    {
        var builder = new RecordBatchBuilder(256);
        for (int i = 0; i < count; i++)
            builder.Append(1_700_000_000_000 + i, default, false, new byte[valueSize], true);
        return builder.ToArray(baseOffset);
    }

    /// <summary>The header of <paramref name="batch"/> over other records, with the length and CRC that suit them.</summary>
    public static byte[] WithRecords(ReadOnlySpan<byte> batch, ReadOnlySpan<byte> records)
    {
        byte[] bytes = [.. batch[..RecordBatch.HeaderSize], .. records];
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(LengthAt), bytes.Length - 12);
        return Resealed(bytes);
    }

    public static byte[] WithCodec(byte[] batch, int codec, byte[] records)
    {
        byte[] bytes = WithRecords(batch, records);
        bytes[AttributesAt + 1] = (byte)((bytes[AttributesAt + 1] & ~7) | codec);
        return Resealed(bytes);
    }

    public static byte[] Gzipped(byte[] batch) => WithCodec(batch, 1, Gzip(batch.AsSpan(RecordBatch.HeaderSize)));

    public static byte[] Gzip(ReadOnlySpan<byte> bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal))
            gzip.Write(bytes);
        return packed.ToArray();
    }

    public static byte[] WithInt32(byte[] batch, int at, int value)
    {
        byte[] bytes = [.. batch];
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(at), value);
        return bytes;
    }

    /// <summary>Makes the CRC right, as one who means harm would.</summary>
    public static byte[] Resealed(byte[] batch)
    {
        BinaryPrimitives.WriteUInt32BigEndian(batch.AsSpan(CrcAt), Crc32C.Compute(batch.AsSpan(AttributesAt)));
        return batch;
    }

    /// <summary>Walks every record and header; true if nothing was damaged.</summary>
    public static bool CanBeWalked(RecordBatch batch)
    {
        try
        {
            foreach (RecordView record in batch.Records(1 << 20))
                foreach (RecordHeader header in record.Headers)
                    _ = header.KeyUtf8.Length + header.Value.Length;
            return true;
        }
        catch (MalformedBatchException)
        {
            return false;
        }
    }

    public static List<RecordView> ToList(this RecordEnumerator records)
    {
        var list = new List<RecordView>();
        foreach (RecordView record in records)
            list.Add(record);
        return list;
    }

    public static List<RecordHeader> ToList(this RecordHeaders headers)
    {
        var list = new List<RecordHeader>();
        foreach (RecordHeader header in headers)
            list.Add(header);
        return list;
    }
}

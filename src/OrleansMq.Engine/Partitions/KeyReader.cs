using System.Buffers.Binary;
using System.Security.Cryptography;
using OrleansMq.Records;

namespace OrleansMq.Engine.Partitions;

/// <summary>Reads the keys of messages ahead, as hashes, for groups that deliver by key.</summary>
internal static class KeyReader
{
    private const int ChunkBytes = 1 << 20;

    /// <summary>
    /// Hashes of the keys of up to <paramref name="count"/> offsets from <paramref name="from"/> on; 0 where there is no key or no message. Two keys with one
    /// hash wait for each other, nothing worse.
    /// </summary>
    public static async ValueTask<ulong[]> Read(PartitionEngine partition, long from, int count)
    {
        var keys = new ulong[(int)Math.Min(count, Math.Max(0, partition.End - from))];
        var next = from;
        while (next < from + keys.Length)
        {
            using var read = await partition.ReadBatches(Math.Max(next, partition.Start), ChunkBytes);
            if (read.Batches.IsEmpty)
                break;
            foreach (var batch in new RecordBatchReader(read.Batches))
                foreach (var record in batch.Records())
                    if (record.Offset >= from && record.Offset < from + keys.Length)
                        keys[record.Offset - from] = record.HasKey && !batch.IsControl ? Hash(record.Key.Span) : 0;
            next = read.NextOffset;
        }

        return keys;
    }

    private static ulong Hash(ReadOnlySpan<byte> key)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(key, digest);
        return Math.Max(1, BinaryPrimitives.ReadUInt64LittleEndian(digest));
    }
}

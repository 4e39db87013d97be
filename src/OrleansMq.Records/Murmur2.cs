using System.Buffers.Binary;

namespace OrleansMq.Records;

/// <summary>The hash by which Kafka's own clients give a key its partition, so that ours give it the same one.</summary>
public static class Murmur2
{
    private const uint Seed = 0x9747b28c;
    private const uint Multiplier = 0x5bd1e995;
    private const int Rotation = 24;

    /// <summary>Kafka's <c>Utils.murmur2</c>: 32 bits, little endian.</summary>
    public static int Hash(ReadOnlySpan<byte> bytes)
    {
        uint hash = Seed ^ (uint)bytes.Length;
        while (bytes.Length >= sizeof(uint))
        {
            uint word = BinaryPrimitives.ReadUInt32LittleEndian(bytes) * Multiplier;
            word ^= word >> Rotation;
            hash = (hash * Multiplier) ^ (word * Multiplier);
            bytes = bytes[sizeof(uint)..];
        }

        if (bytes.Length > 2)
            hash ^= (uint)bytes[2] << 16;
        if (bytes.Length > 1)
            hash ^= (uint)bytes[1] << 8;
        if (bytes.Length > 0)
            hash = (hash ^ bytes[0]) * Multiplier;

        hash = (hash ^ (hash >> 13)) * Multiplier;
        return (int)(hash ^ (hash >> 15));
    }

    /// <summary>Kafka's default partitioner for a record with a key: 0 to <paramref name="partitions"/> - 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no partition.</exception>
    public static int PartitionFor(ReadOnlySpan<byte> key, int partitions)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(partitions, 1);
        return (Hash(key) & int.MaxValue) % partitions;
    }
}

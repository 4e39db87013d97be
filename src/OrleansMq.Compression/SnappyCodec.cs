using System.Buffers.Binary;
using OrleansMq.Records;
using Snappier;

namespace OrleansMq.Compression;

/// <summary>
/// Snappy as Kafka's clients send it: Java's and most others in the framing of snappy-java, librdkafka as one raw block.
/// <code>
/// framing   82 "SNAPPY" 00 | version i32 = 1 | oldest reader i32 | blocks until the end, each: length i32, raw block     (big-endian)
/// raw block as https://github.com/google/snappy/blob/main/format_description.txt: begins with its inflated length as a varint
/// </code>
/// </summary>
internal sealed class SnappyCodec : IRecordCodec
{
    private const int FramingHeader = 16;

    private static ReadOnlySpan<byte> Magic => [0x82, (byte)'S', (byte)'N', (byte)'A', (byte)'P', (byte)'P', (byte)'Y', 0];

    public CompressionCodec Codec => CompressionCodec.Snappy;

    public BatchFault Inflate(ReadOnlyMemory<byte> packed, InflatedRecords into)
    {
        var left = packed.Span;
        if (!left.StartsWith(Magic))
            return InflateBlock(left, into);
        if (left.Length < FramingHeader)
            return BatchFault.Records;
        for (left = left[FramingHeader..]; !left.IsEmpty;)
        {
            if (left.Length < sizeof(int) || BinaryPrimitives.ReadInt32BigEndian(left) is var length && (length < 0 || length > left.Length - sizeof(int)))
                return BatchFault.Records;
            var fault = InflateBlock(left.Slice(sizeof(int), length), into);
            if (fault != BatchFault.None)
                return fault;
            left = left[(sizeof(int) + length)..];
        }

        return BatchFault.None;
    }

    private static BatchFault InflateBlock(ReadOnlySpan<byte> block, InflatedRecords into)
    {
        try
        {
            var length = Snappy.GetUncompressedLength(block);
            // Two bytes of snappy give 64 at most: what says more of itself is no block, and gets no memory.
            if (length < 0 || length > 64L * block.Length)
                return BatchFault.Records;
            if (!into.TryGrow(length))
                return BatchFault.TooLarge;
            if (Snappy.Decompress(block, into.Room) != length)
                return BatchFault.Records;
            into.Advance(length);
            return BatchFault.None;
        }
        catch (Exception e) when (e is InvalidDataException or ArgumentException)
        {
            return BatchFault.Records;
        }
    }
}

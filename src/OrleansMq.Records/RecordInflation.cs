using static System.Buffers.Binary.BinaryPrimitives;

namespace OrleansMq.Records;

/// <summary>Opens compressed records within a bound, however little a bomb weighs when it arrives.</summary>
internal static class RecordInflation
{
    /// <summary>The batch uncompressed (itself if it is). Takes memory in proportion to what really comes out, never beyond the bound.</summary>
    /// <returns>None, Codec, Attributes (no such codec), TooLarge, or Records where the codec finds its bytes damaged.</returns>
    public static BatchFault TryInflate(RecordBatch batch, int maxBytes, out RecordBatch plain)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxBytes);
        plain = batch;
        if (batch.Codec == CompressionCodec.None)
            return BatchFault.None;
        plain = default;
        if (batch.Codec > CompressionCodec.Zstd)
            return BatchFault.Attributes;
        if (RecordCodecs.Find(batch.Codec) is not { } codec)
            return BatchFault.Codec;

        ReadOnlyMemory<byte> packed = batch.Memory[RecordBatch.HeaderSize..];
        var inflated = new InflatedRecords(packed.Length, maxBytes);
        BatchFault fault = codec.Inflate(packed, inflated);
        if (fault == BatchFault.None)
            plain = Reheaded(batch, inflated.Batch);
        return fault;
    }

    private static RecordBatch Reheaded(RecordBatch packed, Memory<byte> plain)
    {
        Span<byte> bytes = plain.Span;
        packed.Memory.Span[..RecordBatch.HeaderSize].CopyTo(bytes);
        WriteInt32BigEndian(bytes[BatchLayout.BatchLength..], bytes.Length - BatchLayout.LengthFrom);
        WriteInt16BigEndian(bytes[BatchLayout.Attributes..], (short)(packed.Attributes & ~BatchLayout.CodecMask));
        RecordBatch.Seal(bytes);
        return RecordBatch.ReadExactly(plain);
    }
}

using System.IO.Compression;
using System.Runtime.InteropServices;
using static System.Buffers.Binary.BinaryPrimitives;

namespace OrleansMq.Records;

/// <summary>Opens gzipped records within a bound, however little a bomb weighs when it arrives.</summary>
internal static class GzipRecords
{
    // The first guess at how far records inflate; a wrong one costs a doubling.
    private const int ExpectedRatio = 4;

    /// <summary>The batch uncompressed (itself if it is). Takes memory in proportion to what really comes out, never beyond the bound.</summary>
    /// <returns>None, Codec, Attributes (no such codec), TooLarge, or Records where gzip finds its bytes damaged.</returns>
    public static BatchFault TryInflate(RecordBatch batch, int maxBytes, out RecordBatch plain)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxBytes);
        plain = batch;
        if (batch.Codec == CompressionCodec.None)
            return BatchFault.None;
        plain = default;
        if (batch.Codec > CompressionCodec.Zstd)
            return BatchFault.Attributes;
        if (batch.Codec != CompressionCodec.Gzip)
            return BatchFault.Codec;

        ReadOnlyMemory<byte> packed = batch.Memory[RecordBatch.HeaderSize..];
        int most = (int)Math.Min((long)RecordBatch.HeaderSize + maxBytes, Array.MaxLength);
        byte[] buffer = new byte[(int)Math.Min(most, RecordBatch.HeaderSize + (long)packed.Length * ExpectedRatio)];
        try
        {
            if (!TryFill(packed, most, ref buffer, out int length))
                return BatchFault.TooLarge;
            plain = Reheaded(batch, buffer.AsMemory(0, length));
            return BatchFault.None;
        }
        catch (InvalidDataException)
        {
            return BatchFault.Records;
        }
    }

    private static bool TryFill(ReadOnlyMemory<byte> packed, int most, ref byte[] buffer, out int length)
    {
        using var stream = new GZipStream(AsStream(packed), CompressionMode.Decompress);
        length = RecordBatch.HeaderSize;
        while (true)
        {
            if (length == buffer.Length)
            {
                if (length == most)
                    return stream.ReadByte() < 0;
                Array.Resize(ref buffer, (int)Math.Min(most, 2L * length));
            }

            int read = stream.Read(buffer, length, buffer.Length - length);
            if (read == 0)
                return true;
            length += read;
        }
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

    private static MemoryStream AsStream(ReadOnlyMemory<byte> bytes) => MemoryMarshal.TryGetArray(bytes, out ArraySegment<byte> array)
        ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
        : new MemoryStream(bytes.ToArray(), writable: false);
}

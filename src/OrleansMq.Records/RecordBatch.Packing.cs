using System.IO.Compression;
using static System.Buffers.Binary.BinaryPrimitives;

namespace OrleansMq.Records;

public readonly partial struct RecordBatch
{
    /// <summary>The same batch with its records under gzip, which every process has; length and CRC made anew.</summary>
    /// <exception cref="InvalidOperationException">It is compressed already.</exception>
    public RecordBatch Gzip()
    {
        if (Codec != CompressionCodec.None)
            throw new InvalidOperationException($"The batch at offset {BaseOffset} is compressed with {Codec} already.");
        using var packed = new MemoryStream(HeaderSize + _bytes.Length / 2);
        packed.Write(_bytes.Span[..HeaderSize]);
        using (var stream = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            stream.Write(_bytes.Span[HeaderSize..]);
        Memory<byte> bytes = packed.ToArray();
        WriteInt32BigEndian(bytes.Span[BatchLayout.BatchLength..], bytes.Length - BatchLayout.LengthFrom);
        WriteInt16BigEndian(bytes.Span[BatchLayout.Attributes..], (short)(Attributes | (int)CompressionCodec.Gzip));
        Seal(bytes.Span);
        return ReadExactly(bytes);
    }
}

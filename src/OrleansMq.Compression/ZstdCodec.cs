using OrleansMq.Records;
using ZstdSharp;

namespace OrleansMq.Compression;

/// <summary>
/// Whole zstd frames (RFC 8878). Opened at one go into a buffer that grows, never as a stream: a stream's window is up to 128 MiB on the word of a few bytes.
/// </summary>
internal sealed class ZstdCodec : IRecordCodec
{
    public CompressionCodec Codec => CompressionCodec.Zstd;

    public BatchFault Inflate(ReadOnlyMemory<byte> packed, InflatedRecords into)
    {
        try
        {
            using var decompressor = new Decompressor();
            while (true)
            {
                if (decompressor.TryUnwrap(packed.Span, into.Room, out var written))
                {
                    into.Advance(written);
                    return BatchFault.None;
                }

                if (!into.TryGrow(into.Room.Length + 1))
                    return BatchFault.TooLarge;
            }
        }
        catch (ZstdException)
        {
            return BatchFault.Records;
        }
    }
}

using System.Buffers.Binary;
using OrleansMq.Records;

namespace OrleansMq.Core.Log;

/// <summary>Whether a payload is the one that its header was written for.</summary>
public static class FrameCheck
{
    /// <summary>
    /// A batch repeats part of its header and protects the rest with its own CRC (record batch v2, big-endian):
    /// <code>
    ///  0 base offset   i64   = header's base offset
    ///  8 length        i32   = payload length - 12
    /// 12 leader epoch  i32   = header's epoch
    /// 16 magic         i8    = 2
    /// 17 CRC32C        u32   = header's payload CRC, of bytes 21 to the end
    /// </code>
    /// Entries are protected by the header's payload CRC alone.
    /// </summary>
    /// <param name="header">A header that was read with <see cref="FrameHeader.TryRead"/>.</param>
    /// <param name="payload">Exactly the payload, without padding.</param>
    public static bool Payload(in FrameHeader header, ReadOnlySpan<byte> payload) =>
        payload.Length == header.PayloadLength && header.Kind switch
        {
            FrameKind.Batch => Batch(header, payload),
            FrameKind.Entries => Crc32C.Compute(payload) == header.PayloadCrc,
            _ => false,
        };

    /// <summary>Padding is written as zeros; anything else was not written by us.</summary>
    public static bool Padding(ReadOnlySpan<byte> padding) => !padding.ContainsAnyExcept((byte)0);

    private const int BatchHeaderSize = 61;

    private static bool Batch(in FrameHeader header, ReadOnlySpan<byte> batch) =>
        batch.Length >= BatchHeaderSize
        && BinaryPrimitives.ReadInt64BigEndian(batch) == header.BaseOffset
        && BinaryPrimitives.ReadInt32BigEndian(batch[8..]) == header.PayloadLength - 12
        && BinaryPrimitives.ReadInt32BigEndian(batch[12..]) == header.Epoch
        && batch[16] == 2
        && BinaryPrimitives.ReadUInt32BigEndian(batch[17..]) == header.PayloadCrc
        && Crc32C.Compute(batch[21..]) == header.PayloadCrc;
}

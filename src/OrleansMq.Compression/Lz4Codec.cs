using System.Buffers.Binary;
using K4os.Compression.LZ4;
using OrleansMq.Records;

namespace OrleansMq.Compression;

/// <summary>
/// LZ4 frames (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md), one after another until the end.
/// <code>
/// magic 04 22 4D 18 | flags u8 | block descriptor u8 | content size u64 if flagged | dictionary id u32 if flagged | header checksum u8
/// blocks, each: size u32 (high bit: stored as it is), bytes, checksum u32 if flagged; a size of 0 ends them
/// content checksum u32 if flagged                                                                             (little-endian)
/// flags  7 6: version 01 | 5: blocks are independent | 4: block checksums | 3: content size | 2: content checksum | 0: dictionary
/// </code>
/// The checksums are passed over: the batch's CRC covers the same bytes.
/// </summary>
internal sealed class Lz4Codec : IRecordCodec
{
    private const uint Magic = 0x184D2204;
    private const uint Stored = 0x8000_0000;
    private const int HistoryBytes = 64 << 10;

    /// <summary>One byte of LZ4 gives 255 at most.</summary>
    private const int MaxRatio = 256;

    public CompressionCodec Codec => CompressionCodec.Lz4;

    public BatchFault Inflate(ReadOnlyMemory<byte> packed, InflatedRecords into)
    {
        var left = packed.Span;
        do
        {
            var fault = InflateFrame(ref left, into);
            if (fault != BatchFault.None)
                return fault;
        }
        while (!left.IsEmpty);
        return BatchFault.None;
    }

    private static BatchFault InflateFrame(ref ReadOnlySpan<byte> left, InflatedRecords into)
    {
        if (left.Length < 7 || BinaryPrimitives.ReadUInt32LittleEndian(left) != Magic)
            return BatchFault.Records;
        var (flags, maxBlock) = (left[4], MaxBlock(left[5]));
        var header = 7 + (Has(flags, 3) ? 8 : 0);
        if (flags >> 6 != 1 || Has(flags, 0) || maxBlock == 0 || left.Length < header)
            return BatchFault.Records;
        left = left[header..];
        var begin = into.Written.Length;
        while (true)
        {
            if (!TryTakeUInt32(ref left, out var size))
                return BatchFault.Records;
            if (size == 0)
                break;
            var length = size & ~Stored;
            if (length > maxBlock || length > left.Length)
                return BatchFault.Records;
            var fault = InflateBlock(left[..(int)length], (size & Stored) != 0, Has(flags, 5), begin, maxBlock, into);
            if (fault != BatchFault.None)
                return fault;
            left = left[(int)length..];
            if (Has(flags, 4) && !TryTakeUInt32(ref left, out _))
                return BatchFault.Records;
        }

        return !Has(flags, 2) || TryTakeUInt32(ref left, out _) ? BatchFault.None : BatchFault.Records;
    }

    private static BatchFault InflateBlock(ReadOnlySpan<byte> block, bool stored, bool independent, int begin, int maxBlock, InflatedRecords into)
    {
        if (stored)
        {
            if (!into.TryGrow(block.Length))
                return BatchFault.TooLarge;
            block.CopyTo(into.Room);
            into.Advance(block.Length);
            return BatchFault.None;
        }

        var most = (int)Math.Min(maxBlock, (long)block.Length * MaxRatio);
        var bounded = most > into.Left;
        into.TryGrow(Math.Min(most, into.Left));
        var target = into.Room[..Math.Min(most, into.Room.Length)];
        var history = independent ? [] : into.Written[Math.Max(begin, into.Written.Length - HistoryBytes)..];
        int written;
        try
        {
            written = history.IsEmpty ? LZ4Codec.Decode(block, target) : LZ4Codec.Decode(block, target, history);
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException)
        {
            return BatchFault.Records;
        }

        if (written < 0)
            // It does not say whether the bytes are bad or the room too small.
            return bounded ? BatchFault.TooLarge : BatchFault.Records;
        into.Advance(written);
        return BatchFault.None;
    }

    /// <summary>0 for a descriptor that is none.</summary>
    private static int MaxBlock(byte descriptor) => (descriptor >> 4) switch { 4 => 64 << 10, 5 => 256 << 10, 6 => 1 << 20, 7 => 4 << 20, _ => 0 };

    private static bool Has(byte flags, int bit) => (flags >> bit & 1) != 0;

    private static bool TryTakeUInt32(ref ReadOnlySpan<byte> left, out uint value)
    {
        value = 0;
        if (left.Length < sizeof(uint))
            return false;
        value = BinaryPrimitives.ReadUInt32LittleEndian(left);
        left = left[sizeof(uint)..];
        return true;
    }
}

using System.Buffers.Text;
using OrleansMq.Records;

namespace OrleansMq.Core.Partitions;

/// <summary>The header that a message carries in a lane: from where it was moved, as <c>lane:offset</c>. The codec hides it from applications.</summary>
public static class LaneHeaders
{
    public static ReadOnlySpan<byte> MovedFrom => "mq-moved-from"u8;

    internal static (int Lane, long Offset) MovedFromOf(in RecordView record)
    {
        if (!record.Headers.TryGetLast(MovedFrom, out var header))
            throw new PartitionBrokenException($"The message at {record.Offset} of a lane does not say where it came from.");
        var text = header.Value.Span;
        if (Utf8Parser.TryParse(text, out int lane, out var used) && used < text.Length && text[used] == (byte)':'
            && Utf8Parser.TryParse(text[(used + 1)..], out long offset, out var rest) && used + 1 + rest == text.Length)
            return (lane, offset);
        throw new PartitionBrokenException($"The message at {record.Offset} of a lane has a place of origin that can't be read.");
    }
}

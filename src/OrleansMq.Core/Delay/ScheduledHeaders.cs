using System.Buffers.Text;
using System.Globalization;
using System.Text;
using OrleansMq.Core.Partitions;
using OrleansMq.Records;

namespace OrleansMq.Core.Delay;

/// <summary>The header by which a message says when it is to be delivered: milliseconds since 1970, or as sent <c>+</c> and milliseconds from the append on.</summary>
public static class ScheduledHeaders
{
    /// <summary>A year and a day: as far ahead as a message may be scheduled.</summary>
    public const long MaxAheadMs = 366L * 24 * 3600 * 1000;

    /// <summary>
    /// What a record says as it was sent: 0 nothing, above 0 a time, below 0 a delay (negated).
    /// </summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>.</exception>
    public static long AsSent(in RecordView record)
    {
        if (!record.Headers.TryGetLast(ReservedHeaders.DeliverAtUtf8, out var header))
            return 0;
        var text = header.Value.Span;
        var isDelay = !text.IsEmpty && text[0] == (byte)'+';
        if (TryNumber(isDelay ? text[1..] : text, out var ms))
            return isDelay ? -ms : ms;
        throw new MqException(ErrorCodes.Malformed, $"The header {ReservedHeaders.DeliverAt} holds milliseconds since 1970, or + and milliseconds from now on.");
    }

    /// <summary>When a stored record is due; 0 where it says nothing: at once.</summary>
    public static long DueMs(in RecordView record)
    {
        if (!record.Headers.TryGetLast(ReservedHeaders.DeliverAtUtf8, out var header))
            return 0;
        return TryNumber(header.Value.Span, out var ms) ? ms : throw new PartitionBrokenException($"The delayed message {record.Offset} has a time that can't be read.");
    }

    internal static RecordHeader At(long dueMs) => RecordHeader.OfText(ReservedHeaders.DeliverAt, dueMs.ToString(CultureInfo.InvariantCulture));

    /// <summary>How a delayed message is named: by its token, else by its place.</summary>
    public static string IdOf(int partition, in RecordView record, long offset) =>
        record.Headers.TryGetLast(ReservedHeaders.TokenUtf8, out var token) && !token.Value.IsEmpty
            ? Encoding.UTF8.GetString(token.Value.Span)
            : ScheduledDesk.NameOf(partition, offset);

    private static bool TryNumber(ReadOnlySpan<byte> text, out long value) =>
        Utf8Parser.TryParse(text, out value, out var used) && used == text.Length && value >= 0 && text[0] is >= (byte)'0' and <= (byte)'9';
}

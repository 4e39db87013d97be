using System.Globalization;
using System.Text;
using OrleansMq.Records;

namespace OrleansMq;

/// <summary>A record's headers, sorted: the reserved ones by their meaning, the application's as they stand.</summary>
internal struct MessageHeaders
{
    private const string UnknownReason = "unknown";

    // The last of each name wins, as Kafka's clients choose.
    public string? Token;
    public string? ContentType;
    public string? CorrelationId;
    public string? ReplyTo;
    public string? RoutingKey;
    public DateTimeOffset? DeliverAt;
    public TimeSpan? TimeToLive;
    public int? Priority;
    public DeadLetterInfo? DeadLetter;

    /// <summary>In the order written. A null value is read as an empty one.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> OfApplication;

    public static MessageHeaders Read(RecordHeaders headers)
    {
        var read = new MessageHeaders { OfApplication = [] };
        if (headers.Count == 0)
            return read;

        List<KeyValuePair<string, string>>? application = null;
        DeadLetterFields dead = default;
        foreach (var header in headers)
        {
            var name = header.KeyUtf8.Span;
            if (!ReservedHeaders.IsReserved(name))
                (application ??= []).Add(new(MessageText.Read(name), MessageText.Read(header.Value.Span)));
            else if (!dead.TryTake(name, header.Value.Span))
                read.TakeReserved(name, header.Value.Span);
        }

        read.OfApplication = application ?? read.OfApplication;
        read.DeadLetter = dead.Info();
        return read;
    }

    /// <summary>Each value is text: the reason; <c>partition:offset</c>; a decimal number; Unix milliseconds; a decimal number, where it is not 0.</summary>
    public static RecordHeader[] Of(DeadLetterInfo dead) =>
    [
        RecordHeader.OfText(ReservedHeaders.DeadLetterReason, dead.Reason),
        RecordHeader.OfText(ReservedHeaders.DeadLetterOrigin, dead.Origin.ToString()),
        RecordHeader.OfText(ReservedHeaders.DeadLetterDeliveries, dead.Deliveries.ToString(CultureInfo.InvariantCulture)),
        RecordHeader.OfText(ReservedHeaders.DeadLetterAt, dead.At.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture)),
        .. dead.Redrives == 0 ? [] : new[] { RecordHeader.OfText(ReservedHeaders.DeadLetterRedrives, dead.Redrives.ToString(CultureInfo.InvariantCulture)) },
    ];

    /// <summary>Kafka's -1 (no timestamp), and whatever lies outside the calendar, is 1970.</summary>
    public static DateTimeOffset Time(long unixMs) =>
        unixMs is < 0 or > 253_402_300_799_999 ? DateTimeOffset.UnixEpoch : DateTimeOffset.FromUnixTimeMilliseconds(unixMs);

    private void TakeReserved(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (name.SequenceEqual(ReservedHeaders.TokenUtf8))
            Token = MessageText.Read(value);
        else if (name.SequenceEqual(ReservedHeaders.ContentTypeUtf8))
            ContentType = ContentTypeOf(value);
        else if (name.SequenceEqual(ReservedHeaders.CorrelationIdUtf8))
            CorrelationId = MessageText.Read(value);
        else if (name.SequenceEqual(ReservedHeaders.ReplyToUtf8))
            ReplyTo = MessageText.Read(value);
        else if (name.SequenceEqual(ReservedHeaders.RoutingKeyUtf8))
            RoutingKey = MessageText.Read(value);
        else if (name.SequenceEqual(ReservedHeaders.DeliverAtUtf8) && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var atMs))
            DeliverAt = Time(atMs);
        else if (name.SequenceEqual(ReservedHeaders.TimeToLiveUtf8) && TryTimeToLive(value, out var lifeMs))
            TimeToLive = TimeSpan.FromMilliseconds(lifeMs);
        else if (name.SequenceEqual(ReservedHeaders.PriorityUtf8) && TryPriority(value, out var priority))
            Priority = priority;
    }

    /// <summary>One digit. Anything else says nothing.</summary>
    internal static bool TryPriority(ReadOnlySpan<byte> value, out int priority)
    {
        priority = value.Length == 1 ? value[0] - '0' : -1;
        return priority is >= 0 and < Message.Priorities;
    }

    /// <summary>A value that is none says nothing: the message lives on.</summary>
    internal static bool TryTimeToLive(ReadOnlySpan<byte> value, out long ms) =>
        long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ms) && ms is > 0 and <= 3660L * 24 * 3600 * 1000;

    // Nearly every message has one of these two; they need no string of their own.
    private static string ContentTypeOf(ReadOnlySpan<byte> value) =>
        value.SequenceEqual("application/json"u8) ? "application/json" :
        value.SequenceEqual("text/plain"u8) ? "text/plain" : MessageText.Read(value);

    private struct DeadLetterFields
    {
        private bool _any;
        private string? _reason;
        private Position _origin;
        private int _deliveries;
        private long _atMs;
        private int _redrives;

        public bool TryTake(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
        {
            if (name.SequenceEqual(ReservedHeaders.DeadLetterReasonUtf8))
                _reason = Encoding.UTF8.GetString(value);
            else if (name.SequenceEqual(ReservedHeaders.DeadLetterOriginUtf8))
                _origin = PositionOf(value);
            else if (name.SequenceEqual(ReservedHeaders.DeadLetterDeliveriesUtf8))
                _ = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out _deliveries);
            else if (name.SequenceEqual(ReservedHeaders.DeadLetterAtUtf8))
                _ = long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out _atMs);
            else if (name.SequenceEqual(ReservedHeaders.DeadLetterRedrivesUtf8))
                _ = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out _redrives);
            else
                return false;
            _any = true;
            return true;
        }

        public readonly DeadLetterInfo? Info() => _any ? new(_reason ?? UnknownReason, _origin, _deliveries, Time(_atMs), _redrives) : null;

        private static Position PositionOf(ReadOnlySpan<byte> text)
        {
            var colon = text.IndexOf((byte)':');
            return colon > 0
                && int.TryParse(text[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out var partition)
                && long.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var offset)
                ? new Position(partition, offset) : new Position(-1, -1);
        }
    }
}

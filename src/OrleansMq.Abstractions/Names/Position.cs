using System.Globalization;

namespace OrleansMq;

/// <summary>Where a message stands: a partition of a topic and an offset in it. Offsets grow; compaction and transactions leave gaps.</summary>
public readonly record struct Position(int Partition, long Offset)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Partition}:{Offset}");
}

/// <summary>
/// Names one delivery: the partition, the lane it came from (0 = main; another for redriven dead letters), the epoch of its grant, the offset and the
/// delivery's number. It stays valid when the log is opened again. As text <c>partition.lane.epoch.offset.delivery</c>; clients treat it as opaque.
/// </summary>
public readonly record struct LeaseId(int Partition, int Lane, int Epoch, long Offset, int Delivery)
{
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Partition}.{Lane}.{Epoch}.{Offset}.{Delivery}");

    public static bool TryParse(ReadOnlySpan<char> text, out LeaseId lease)
    {
        lease = default;
        Span<long> fields = stackalloc long[5];
        var n = 0;
        foreach (var range in text.Split('.'))
        {
            if (n == fields.Length || !long.TryParse(text[range], NumberStyles.None, CultureInfo.InvariantCulture, out fields[n]))
                return false;
            n++;
        }
        if (n != fields.Length || fields[0] > int.MaxValue || fields[1] > int.MaxValue || fields[2] > int.MaxValue || fields[4] > int.MaxValue)
            return false;
        lease = new LeaseId((int)fields[0], (int)fields[1], (int)fields[2], fields[3], (int)fields[4]);
        return true;
    }
}

/// <summary>Where reading begins.</summary>
public readonly record struct StartAt
{
    private StartAt(StartKind kind, long value) => (Kind, Value) = (kind, value);

    public StartKind Kind { get; }

    /// <summary>The offset, or the time in milliseconds since 1970; 0 for the named places.</summary>
    public long Value { get; }

    /// <summary>The first message kept.</summary>
    public static StartAt Earliest => new(StartKind.Earliest, 0);

    /// <summary>Behind the last message there is now.</summary>
    public static StartAt Latest => new(StartKind.Latest, 0);

    /// <summary>The first message appended at or after this time (the broker's clock).</summary>
    public static StartAt Time(DateTimeOffset time) => new(StartKind.Time, time.ToUnixTimeMilliseconds());

    public static StartAt Offset(long offset) =>
        offset >= 0 ? new(StartKind.Offset, offset) : throw new MqException(ErrorCodes.Malformed, $"An offset is not negative; {offset} was given.");
}

public enum StartKind
{
    Earliest = 0,
    Latest = 1,
    Time = 2,
    Offset = 3,
}

namespace OrleansMq;

/// <summary>What happened to a message.</summary>
public enum TraceStage
{
    /// <summary>Its own timestamp: the producer's clock.</summary>
    Created = 0,

    /// <summary>It was written to its partition. From here on all times are the broker's clock.</summary>
    Appended = 1,

    /// <summary>It was known to be on disk by then; it may have been earlier.</summary>
    Durable = 2,

    /// <summary>A consumer of a group got it under a lease.</summary>
    Leased = 3,

    Extended = 4,

    /// <summary>It was refused, or is to be delivered again for another reason.</summary>
    Returned = 5,

    /// <summary>The group is done with it.</summary>
    Settled = 6,

    DeadLettered = 7,

    Redriven = 8,

    /// <summary>The dead letter was thrown away.</summary>
    Discarded = 9,

    /// <summary>A log-style group committed beyond it.</summary>
    Committed = 10,

    /// <summary>The group's cursor was set anew; what was before counts no more.</summary>
    Sought = 11,

    /// <summary>It does not match the group's filter: the group passed it over.</summary>
    Filtered = 12,
}

/// <summary>One thing that happened to a message.</summary>
/// <param name="Group">Null where it concerns no group. A group that is deleted by now is named by its number.</param>
/// <param name="Delivery">Leased: the how manieth.</param>
/// <param name="Consumer">Leased: who got it.</param>
/// <param name="Until">Leased, extended: until when. Returned: when it is due.</param>
public sealed record TraceEvent(TraceStage Stage, DateTimeOffset At, string? Group = null, int Delivery = 0, string? Consumer = null, DateTimeOffset? Until = null);

/// <summary>A message's way, from the times in the log itself.</summary>
/// <param name="Events">In the order of the log.</param>
/// <param name="IsWhole">False: the log was read as far as was allowed, and there is more of it.</param>
public sealed record MessageTrace(StoredMessage Message, IReadOnlyList<TraceEvent> Events, bool IsWhole);

/// <summary>Which message's way is asked: by its position, or by its token within the topic's window.</summary>
public sealed record TraceRequest
{
    /// <summary>How much of the log is read at most: 1 GiB.</summary>
    public const long MostBytes = 1L << 30;

    public Position? Position { get; init; }

    public string? Token { get; init; }

    /// <summary>How much of the log behind the message is read at most. 256 MiB.</summary>
    public long MaxBytes { get; init; } = 256L << 20;

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>.</exception>
    public void Validate()
    {
        if (Position is null == Token is null)
            throw new MqException(ErrorCodes.Malformed, "A trace is asked by a position or by a token: one of them.");
        if (MaxBytes is < 1 or > MostBytes)
            throw new MqException(ErrorCodes.Malformed, $"1 byte to {MostBytes} are read; {MaxBytes} was given.");
    }
}

/// <summary>How long messages took from stage to stage for one group: of those that were appended lately.</summary>
/// <param name="Messages">How many were looked at.</param>
/// <param name="Append">From the producer's timestamp to the append; two clocks.</param>
/// <param name="Wait">From the append to the first lease; log style: to the commit.</param>
/// <param name="Handle">From the last lease to its settling: the consumer's own time. Log style: nothing.</param>
/// <param name="Total">From the append to the settling, with all deliveries.</param>
/// <param name="Redeliveries">Leases beyond each message's first.</param>
/// <param name="DeadLettered">Messages that became dead letters.</param>
/// <param name="IsWhole">False: the log was read as far as is allowed, and there is more of it.</param>
public sealed record StageTimes(
    long Messages, StageHistogram Append, StageHistogram Wait, StageHistogram Handle, StageHistogram Total, long Redeliveries, long DeadLettered, bool IsWhole)
{
    public static StageTimes None { get; } = new(0, StageHistogram.Empty, StageHistogram.Empty, StageHistogram.Empty, StageHistogram.Empty, 0, 0, true);

    public StageTimes Plus(StageTimes other) => new(
        Messages + other.Messages, Append.Plus(other.Append), Wait.Plus(other.Wait), Handle.Plus(other.Handle), Total.Plus(other.Total),
        Redeliveries + other.Redeliveries, DeadLettered + other.DeadLettered, IsWhole && other.IsWhole);
}

/// <summary>A distribution of lengths of time.</summary>
/// <param name="Buckets">Those that hold any, ascending: how many took at most so long, and longer than the one before. A bound is at most 1/16 above what it stands for.</param>
public sealed record StageHistogram(long Count, long SumMs, long MaxMs, IReadOnlyList<StageBucket> Buckets)
{
    public static StageHistogram Empty { get; } = new(0, 0, 0, []);

    /// <summary>So many of a hundred took at most so long.</summary>
    public TimeSpan Percentile(double percent)
    {
        var (left, last) = ((long)Math.Ceiling(Count * percent / 100), 0L);
        foreach (var bucket in Buckets)
        {
            last = bucket.UpToMs;
            if ((left -= bucket.Count) <= 0)
                break;
        }

        return TimeSpan.FromMilliseconds(Math.Min(last, MaxMs));
    }

    public StageHistogram Plus(StageHistogram other)
    {
        var buckets = new SortedDictionary<long, long>();
        foreach (var bucket in Buckets.Concat(other.Buckets))
            buckets[bucket.UpToMs] = buckets.GetValueOrDefault(bucket.UpToMs) + bucket.Count;
        return new StageHistogram(Count + other.Count, SumMs + other.SumMs, Math.Max(MaxMs, other.MaxMs), [.. buckets.Select(bucket => new StageBucket(bucket.Key, bucket.Value))]);
    }
}

public readonly record struct StageBucket(long UpToMs, long Count);

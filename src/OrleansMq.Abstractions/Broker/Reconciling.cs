namespace OrleansMq;

/// <summary>Why a group has not settled a message.</summary>
public enum UnsettledCause
{
    /// <summary>Nobody has had it: queue style.</summary>
    NeverDelivered = 0,

    /// <summary>A consumer has it now.</summary>
    Leased = 1,

    /// <summary>It was refused, its lease lapsed, or it was redriven: it waits to be delivered again.</summary>
    Returned = 2,

    /// <summary>It is a dead letter.</summary>
    Dead = 3,

    /// <summary>The group has not committed beyond it: log style.</summary>
    Uncommitted = 4,

    /// <summary>The group set it aside: it is delivered again when it is asked for.</summary>
    Deferred = 5,
}

/// <summary>Which of a topic's messages a group has not settled.</summary>
public sealed record ReconcileRequest
{
    public const int MaxMessages = 1_000;

    /// <summary>Only what was appended at least so long ago, by the broker's clock.</summary>
    public TimeSpan OlderThan { get; init; }

    /// <summary>Messages of these causes are shown; counted are all. Null: all.</summary>
    public IReadOnlyList<UnsettledCause>? Causes { get; init; }

    /// <summary>How many messages are shown at most: 0 to 1,000. 0 counts alone.</summary>
    public int Max { get; init; } = 100;

    /// <summary>The last page's <see cref="Reconciliation.Next"/>.</summary>
    public string? After { get; init; }
}

/// <summary>How many messages a group has not settled, by cause.</summary>
public sealed record UnsettledCounts(long NeverDelivered, long Leased, long Returned, long Dead, long Uncommitted, long Deferred = 0)
{
    public long Total => NeverDelivered + Leased + Returned + Dead + Uncommitted + Deferred;

    public UnsettledCounts Plus(UnsettledCounts other) => new(
        NeverDelivered + other.NeverDelivered, Leased + other.Leased, Returned + other.Returned, Dead + other.Dead, Uncommitted + other.Uncommitted, Deferred + other.Deferred);
}

/// <summary>A message that a group has not settled.</summary>
/// <param name="Deliveries">So far.</param>
/// <param name="Expired">Its time to live is over: it will not be delivered any more. A dead letter does not expire.</param>
/// <param name="AppendedAt">When it was appended to the topic; null for a dead letter and for one that was redriven.</param>
/// <param name="Message">Its position is the one in the topic, for a dead letter too.</param>
public sealed record UnsettledMessage(UnsettledCause Cause, int Deliveries, bool Expired, DateTimeOffset? AppendedAt, StoredMessage Message);

/// <summary>What was published and is not settled.</summary>
/// <param name="Messages">Partition by partition: first those of the topic itself, then redriven ones, then dead letters, each by their offsets.</param>
/// <param name="Next">To be given as <see cref="ReconcileRequest.After"/> for more; null at the end.</param>
public sealed record Reconciliation(UnsettledCounts Counts, IReadOnlyList<UnsettledMessage> Messages, string? Next);

/// <summary>Which unsettled messages are delivered again at once.</summary>
public sealed record RedeliverRequest
{
    /// <summary>Dead and returned ones unless said. Leased ones only where they are named: whoever has them loses the lease. Deferred ones likewise: they go to whoever receives next, or to dead letters after their last delivery. Those never delivered, or uncommitted, need no second sending.</summary>
    public IReadOnlyList<UnsettledCause> Causes { get; init; } = [UnsettledCause.Dead, UnsettledCause.Returned];

    /// <summary>Only what was appended at least so long ago.</summary>
    public TimeSpan OlderThan { get; init; }

    /// <summary>Only these, by their positions in the topic. Null: all.</summary>
    public IReadOnlyList<Position>? Positions { get; init; }
}

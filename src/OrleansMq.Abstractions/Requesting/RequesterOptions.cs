namespace OrleansMq;

/// <summary>Where a <see cref="Requester"/>'s replies go, and how long it waits.</summary>
public sealed record RequesterOptions
{
    public const int DefaultReplyPartitions = 16;

    public static readonly TimeSpan MaxTimeout = TimeSpan.FromDays(1);

    /// <summary>
    /// The topic of the replies. Requesters of one application share it, each reading one partition of it from its end; who may read it reads all their replies.
    /// </summary>
    public TopicName ReplyTopic { get; init; } = "replies";

    /// <summary>The partition that this requester reads, for instances with numbers. Null: one by chance; several may share it.</summary>
    public int? ReplyPartition { get; init; }

    /// <summary>Makes the topic where it is not there, with <see cref="ReplyPartitions"/> and <see cref="ReplyRetention"/>. One that is there stays as it is.</summary>
    public bool CreateReplyTopic { get; init; } = true;

    public int ReplyPartitions { get; init; } = DefaultReplyPartitions;

    /// <summary>An hour: a reply is read at once, and after a failover as soon as it can be.</summary>
    public TimeSpan ReplyRetention { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Of a request that says no other, up to <see cref="MaxTimeout"/>. 30 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Gives each request its time-out as its time to live, so that queue-style groups don't deliver it when nobody waits for the reply any more.</summary>
    public bool ExpireRequests { get; init; } = true;

    /// <summary>Requests without a reply at once; the next ones wait for room, within their time-out.</summary>
    public int MaxInFlight { get; init; } = 10_000;

    /// <summary>Topics that requests go to, each with a producer.</summary>
    public int MaxTopics { get; init; } = 1_000;

    /// <summary>How long one read waits at the broker while there is nothing.</summary>
    public TimeSpan ReadWait { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Before a failed call to the broker is made again; it doubles from then on.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(10);

    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Of the jitter, for runs that must repeat exactly. Null: by chance.</summary>
    public int? RetrySeed { get; init; }

    /// <summary>Told of what the broker's calls threw; all of it is dealt with already. May be called from any thread; must not throw.</summary>
    public Action<Exception>? OnError { get; init; }

    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range, and is named.</exception>
    internal RequesterOptions Checked()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ReplyPartition ?? 0, 0, nameof(ReplyPartition));
        ArgumentOutOfRangeException.ThrowIfLessThan(ReplyPartitions, 1, nameof(ReplyPartitions));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ReplyPartitions, TopicSettings.MaxPartitions, nameof(ReplyPartitions));
        ArgumentOutOfRangeException.ThrowIfLessThan(Timeout, TimeSpan.FromMilliseconds(1), nameof(Timeout));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Timeout, MaxTimeout, nameof(Timeout));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxInFlight, 1, nameof(MaxInFlight));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxTopics, 1, nameof(MaxTopics));
        ArgumentOutOfRangeException.ThrowIfLessThan(ReadWait, TimeSpan.Zero, nameof(ReadWait));
        ArgumentOutOfRangeException.ThrowIfLessThan(RetryDelay, TimeSpan.FromMilliseconds(1), nameof(RetryDelay));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxRetryDelay, RetryDelay, nameof(MaxRetryDelay));
        return this;
    }
}

/// <summary>What a <see cref="Requester"/> has done so far.</summary>
/// <param name="InFlight">Requests that wait for their reply now.</param>
/// <param name="Replied">Requests that had their reply, refusals included.</param>
/// <param name="TimedOut">Requests that had none in time.</param>
/// <param name="Late">Replies to requests of this requester that nobody waits for: they timed out, were cancelled, or had their reply before.</param>
/// <param name="Foreign">Replies to others that share the partition, and what has no correlation id.</param>
/// <param name="Errors">Calls to the broker that failed and were repeated.</param>
public readonly record struct RequesterStatistics(int InFlight, long Replied, long TimedOut, long Late, long Foreign, long Errors);

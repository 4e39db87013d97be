namespace OrleansMq;

/// <summary>How a <see cref="RedisInbox"/> remembers.</summary>
public sealed record RedisInboxOptions
{
    /// <summary>
    /// What the names of its keys begin with: <c>{prefix}:{consumer}:{token}</c>. In a Redis Cluster a mark and the keys of its effect have to be in one slot: give the prefix a hash tag that those keys
    /// have too, such as <c>{orders}:mq-inbox</c>.
    /// </summary>
    public string Prefix { get; init; } = "mq-inbox";

    /// <summary>
    /// How long a token is remembered; Redis forgets it by itself. Longer than the same message may come again, by a redelivery, a dead letter that is redriven, a group that reads anew, a ledger that sends again. 30 days.
    /// </summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromDays(30);

    /// <summary>
    /// How long one effect may take, its commit included: for so long a claim keeps others away from the token, and where the process dies they wait as long. 30 s, a group's lease.
    /// </summary>
    public TimeSpan ClaimFor { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a second delivery looks whether the first is done, at first; it doubles up to half a second. 10 ms.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <exception cref="ArgumentException">Says which, and its range.</exception>
    internal RedisInboxOptions Checked()
    {
        if (Prefix.Length == 0)
            throw new ArgumentException($"{nameof(Prefix)} is empty.");
        var millisecond = TimeSpan.FromMilliseconds(1); // Redis counts in these
        return Retention >= millisecond && ClaimFor >= millisecond && LookEvery >= millisecond
            ? this
            : throw new ArgumentException($"{nameof(Retention)}, {nameof(ClaimFor)} and {nameof(LookEvery)} are a millisecond at least; {Retention}, {ClaimFor} and {LookEvery} were given.");
    }
}

namespace OrleansMq;

/// <summary>How a <see cref="QueueConsumer"/> receives and settles.</summary>
public record QueueConsumerOptions
{
    /// <summary>Who receives, for one-active groups, key order and lists. Empty: a name by chance.</summary>
    public string Consumer { get; init; } = "";

    /// <summary>Handlers at once.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>
    /// Leases held at once, being handled or waiting for a worker. Null: two for each worker, and more where handlers are so quick that they
    /// wait for messages, up to what is handled in a quarter of a second: slow handlers leave messages to other consumers.
    /// </summary>
    public int? Prefetch { get; init; }

    /// <summary>Null: the group's.</summary>
    public TimeSpan? Lease { get; init; }

    /// <summary>Extend leases at half their time as long as they are held.</summary>
    public bool AutoExtend { get; init; } = true;

    /// <summary>How long one receive waits at the broker while there is nothing.</summary>
    public TimeSpan ReceiveWait { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long stopping waits for handlers before it cancels their token, and then once more for them and for the last acknowledgements.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Before a failed call to the broker is made again; it doubles from then on.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(10);

    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Of the jitter, for runs that must repeat exactly. Null: by chance.</summary>
    public int? RetrySeed { get; init; }

    /// <summary>Told of what handlers and the broker's calls threw; all of it is dealt with already. May be called from any thread; must not throw.</summary>
    public Action<Exception>? OnError { get; init; }

    internal virtual int StandardPrefetch => 2 * Workers;

    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range, and is named.</exception>
    internal virtual void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Workers, 1, nameof(Workers));
        ArgumentOutOfRangeException.ThrowIfLessThan(Prefetch ?? 1, 1, nameof(Prefetch));
        ArgumentOutOfRangeException.ThrowIfLessThan(Lease ?? TimeSpan.MaxValue, TimeSpan.FromMilliseconds(1), nameof(Lease));
        ArgumentOutOfRangeException.ThrowIfLessThan(ReceiveWait, TimeSpan.Zero, nameof(ReceiveWait));
        ArgumentOutOfRangeException.ThrowIfLessThan(RetryDelay, TimeSpan.FromMilliseconds(1), nameof(RetryDelay));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxRetryDelay, RetryDelay, nameof(MaxRetryDelay));
    }
}

/// <summary>How a <see cref="BatchConsumer"/> gathers.</summary>
public sealed record BatchConsumerOptions : QueueConsumerOptions
{
    /// <summary>A batch is handed over when it has so many.</summary>
    public int MaxMessages { get; init; } = 100;

    /// <summary>Or when its first message has waited so long.</summary>
    public TimeSpan MaxWait { get; init; } = TimeSpan.FromMilliseconds(100);

    internal override int StandardPrefetch => (int)Math.Min(10_000, 2L * Workers * MaxMessages);

    internal override void Check()
    {
        base.Check();
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxMessages, 1, nameof(MaxMessages));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxWait, TimeSpan.Zero, nameof(MaxWait));
    }
}

/// <summary>What a consumer has done so far.</summary>
/// <param name="Received">Leases granted to it.</param>
/// <param name="Acknowledged">Settled as done.</param>
/// <param name="Refused">Given back, for a later delivery.</param>
/// <param name="DeadLettered">Sent to dead letters by the handler's word.</param>
/// <param name="Lapsed">Leases that had ended when they were to be settled or extended; those messages are delivered again.</param>
/// <param name="Errors">Calls to the broker that failed and were repeated.</param>
public readonly record struct ConsumerStatistics(long Received, long Acknowledged, long Refused, long DeadLettered, long Lapsed, long Errors);

namespace OrleansMq;

/// <summary>How a <see cref="LogConsumer"/> reads and commits.</summary>
public sealed record LogConsumerOptions
{
    /// <summary>Its name in the group; two with one name are one member. Empty: a name by chance.</summary>
    public string Member { get; init; } = "";

    /// <summary>Without a sign of life for so long the member's partitions go to others. 10 s.</summary>
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long one read waits at the broker while there is nothing.</summary>
    public TimeSpan ReadWait { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Bytes of one read, over all partitions.</summary>
    public int MaxBytes { get; init; } = 4 << 20;

    /// <summary>Zero: commits after each read is handled. Else at most so often; what was handled since is read again after a failure.</summary>
    public TimeSpan CommitInterval { get; init; }

    /// <summary>Partitions are handled side by side; each stays in order.</summary>
    public bool Parallel { get; init; }

    /// <summary>How often the handler may fail on a message (or batch) before it is skipped, and counted. Null: it is tried without end, and its partition waits.</summary>
    public int? MaxAttempts { get; init; }

    /// <summary>How long stopping waits for the handler before it cancels its token.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Before a failed call or handler is tried again; it doubles from then on.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(10);

    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Of the jitter, for runs that must repeat exactly. Null: by chance.</summary>
    public int? RetrySeed { get; init; }

    /// <summary>Told of what handlers and the broker's calls threw; all of it is dealt with already. May be called from any thread; must not throw.</summary>
    public Action<Exception>? OnError { get; init; }

    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range, and is named.</exception>
    internal LogConsumerOptions Checked()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(SessionTimeout, TimeSpan.FromMilliseconds(100), nameof(SessionTimeout));
        ArgumentOutOfRangeException.ThrowIfLessThan(ReadWait, TimeSpan.Zero, nameof(ReadWait));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBytes, 1, nameof(MaxBytes));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxAttempts ?? 1, 1, nameof(MaxAttempts));
        ArgumentOutOfRangeException.ThrowIfLessThan(RetryDelay, TimeSpan.FromMilliseconds(1), nameof(RetryDelay));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxRetryDelay, RetryDelay, nameof(MaxRetryDelay));
        return this;
    }
}

/// <summary>What a <see cref="LogConsumer"/> has done so far.</summary>
/// <param name="Handled">Messages.</param>
/// <param name="Skipped">Messages given up after <see cref="LogConsumerOptions.MaxAttempts"/>.</param>
/// <param name="Missed">Offsets that were removed before they were read.</param>
/// <param name="Generation">Of its latest assignment.</param>
/// <param name="Errors">Calls to the broker that failed.</param>
public readonly record struct LogConsumerStatistics(long Handled, long Skipped, long Missed, int Generation, long Errors);

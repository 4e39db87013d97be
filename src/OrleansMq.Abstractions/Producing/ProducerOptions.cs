namespace OrleansMq;

/// <summary>How a <see cref="Producer"/> gathers, sends and repeats.</summary>
public sealed record ProducerOptions
{
    /// <summary>
    /// A named producer keeps its id and order when it is opened again, and fences whoever had the name before: that one ends with
    /// <see cref="ErrorCodes.ProducerFenced"/>. Null: an id of its own.
    /// </summary>
    public string? Name { get; init; }

    /// <summary>Null: what the topic or the broker says.</summary>
    public Acks? Acks { get; init; }

    /// <summary>Who sends, for the producer's rate and for logs.</summary>
    public string Client { get; init; } = "";

    /// <summary>A batch that would be larger is sent first. 256 KiB: one flush carries enough of them to be busy with bytes, not with calls.</summary>
    public int BatchBytes { get; init; } = 256 << 10;

    /// <summary>The same in messages.</summary>
    public int BatchMessages { get; init; } = 10_000;

    /// <summary>
    /// How long a message may wait for others. Zero: a batch goes as soon as nothing is in flight for its partition, and what comes meanwhile is the next
    /// batch, so that batches grow with the load by themselves.
    /// </summary>
    public TimeSpan Linger { get; init; }

    /// <summary>Batches on their way to one partition at once, 1 to 5: the broker remembers the last 5 of each producer (as Kafka's does).</summary>
    public int MaxInFlight { get; init; } = 5;

    /// <summary>Bytes that wait or are on their way; beyond, <see cref="Producer.Send"/> waits. 32 MiB, as Kafka's buffer.memory.</summary>
    public long MaxBufferedBytes { get; init; } = 32 << 20;

    /// <summary>How long a batch is repeated after its first failure, before its messages fail. Infinite: without end.</summary>
    public TimeSpan RetryFor { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Before the first repetition; it doubles from then on. The broker's own hint is honoured where it is longer.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(10);

    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Of the jitter (half to whole of each delay), for runs that must repeat exactly. Null: by chance.</summary>
    public int? RetrySeed { get; init; }

    /// <summary>How long a full topic that waits may hold one append.</summary>
    public TimeSpan Wait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long closing waits for what was accepted; what is left then fails with <see cref="ErrorCodes.OutcomeUnknown"/>.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Told of each message of <see cref="Producer.Enqueue"/> that was refused for good. May be called from any thread; must not throw.</summary>
    public Action<Message, MqException>? OnRefused { get; init; }

    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range, and is named.</exception>
    internal ProducerOptions Checked()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchBytes, 1, nameof(BatchBytes));
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchMessages, 1, nameof(BatchMessages));
        ArgumentOutOfRangeException.ThrowIfLessThan(Linger, TimeSpan.Zero, nameof(Linger));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxInFlight, 1, nameof(MaxInFlight));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxInFlight, 5, nameof(MaxInFlight));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBufferedBytes, 1, nameof(MaxBufferedBytes));
        ArgumentOutOfRangeException.ThrowIfLessThan(RetryDelay, TimeSpan.FromMilliseconds(1), nameof(RetryDelay));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxRetryDelay, RetryDelay, nameof(MaxRetryDelay));
        return this;
    }
}

/// <summary>What a <see cref="Producer"/> has done so far.</summary>
/// <param name="Stored">Messages acknowledged, duplicates included.</param>
/// <param name="Duplicates">Of those, the ones that were stored before.</param>
/// <param name="Refused">Messages refused for good.</param>
/// <param name="Batches">Batches acknowledged.</param>
/// <param name="Retries">Batches that failed and were to be sent again.</param>
/// <param name="BufferedBytes">Waiting or on their way now.</param>
public readonly record struct ProducerStatistics(long Stored, long Duplicates, long Refused, long Batches, long Retries, long BufferedBytes);

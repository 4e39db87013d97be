namespace OrleansMq;

/// <summary>What keeps its order between the application's transactions and the broker.</summary>
public enum OutboxOrder
{
    /// <summary>Messages of one topic with equal keys, and those of one topic that have no key. Different keys are relayed side by side.</summary>
    Key = 0,

    /// <summary>All messages of a topic: for topics of one partition, whose messages are relayed one batch after the other then.</summary>
    Topic = 1,
}

/// <summary>How an <see cref="Outbox"/> writes. The same in all processes that write to its tables.</summary>
public sealed record OutboxOptions
{
    public MqTables Tables { get; init; } = new();

    public OutboxOrder Order { get; init; } = OutboxOrder.Key;

    /// <summary>Takes a copy of each message in the same transaction. Null: none.</summary>
    public Ledger? Ledger { get; init; }
}

/// <summary>How an <see cref="OutboxRelay"/> works.</summary>
public sealed record OutboxRelayOptions
{
    /// <summary>Lanes that are relayed at once by this process, each over a connection of its own to the database. 4: the broker flushes for several together.</summary>
    public int Workers { get; init; } = 4;

    /// <summary>Messages of one batch: what is read, sent and removed in one transaction. 1,000; up to 10,000, as in one call to the broker.</summary>
    public int BatchMessages { get; init; } = 1_000;

    /// <summary>
    /// Bytes of one call to the broker, at least one message. 1 MiB: below <see cref="TopicSettings.MaxBatchBytes"/> of every topic that has the default, so that a call is never cut. A batch ends with
    /// the message that reaches them, as JSON in the table: it is a call or two.
    /// </summary>
    public int BatchBytes { get; init; } = 1 << 20;

    /// <summary>How often it looks for new messages where nobody calls <see cref="OutboxRelay.Wake"/>, and how long it rests after a lane whose rows can't be read or removed. 200 ms.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>How long the broker may take to answer a call; the batch's lock in the database is held meanwhile. 30 s.</summary>
    public TimeSpan AnswerWithin { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a topic rests whose messages were not taken, and the relay where the database gives it no lane. It doubles with each failure; what fails at once in several workers is one.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(100);

    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Who sends, for the producer's rate and for logs.</summary>
    public string Client { get; init; } = "outbox";

    /// <summary>Told of each failure that is tried again: the broker's, and the database's. May be called from any thread; must not throw.</summary>
    public Action<Exception> OnFailure { get; init; } = static _ => { };

    /// <summary>Told of each message that the broker will never take; it stays in the table (<see cref="Outbox.ReadRefused"/>). May be called from any thread; must not throw.</summary>
    public Action<RefusedMessage> OnRefused { get; init; } = static _ => { };

    /// <exception cref="ArgumentException">Says which, and its range.</exception>
    internal OutboxRelayOptions Checked()
    {
        if (Workers is < 1 or > OutboxLanes.Count)
            throw new ArgumentException($"{nameof(Workers)} is 1 to {OutboxLanes.Count}, the number of lanes; {Workers} was given.");
        if (BatchMessages is < 1 or > 10_000 || BatchBytes < 1)
            throw new ArgumentException($"{nameof(BatchMessages)} is 1 to 10,000, {nameof(BatchBytes)} positive; {BatchMessages} and {BatchBytes} were given.");
        if (LookEvery <= TimeSpan.Zero || AnswerWithin <= TimeSpan.Zero)
            throw new ArgumentException($"{nameof(LookEvery)} and {nameof(AnswerWithin)} are positive; {LookEvery} and {AnswerWithin} were given.");
        if (RetryDelay <= TimeSpan.Zero || MaxRetryDelay < RetryDelay)
            throw new ArgumentException($"{nameof(RetryDelay)} is positive and at most {nameof(MaxRetryDelay)}; {RetryDelay} and {MaxRetryDelay} were given.");
        return this;
    }
}

/// <summary>An outbox as it stands.</summary>
/// <param name="Waiting">Messages that are committed and not yet with the broker.</param>
/// <param name="Oldest">When the oldest of them was added; null where none waits.</param>
/// <param name="Refused">Messages that the broker will never take as they are.</param>
public sealed record OutboxFigures(long Waiting, DateTimeOffset? Oldest, long Refused);

/// <summary>What an <see cref="OutboxRelay"/> has done so far.</summary>
/// <param name="Sent">Messages that the broker has and the table has no more, duplicates included.</param>
/// <param name="Duplicates">Of those, the ones that the broker had before.</param>
/// <param name="Refused">Messages put aside.</param>
/// <param name="Failures">Failures that were tried again.</param>
public readonly record struct OutboxStatistics(long Sent, long Duplicates, long Refused, long Failures);

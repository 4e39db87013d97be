namespace OrleansMq;

/// <summary>How a <see cref="SpoolingProducer"/> spools and sends.</summary>
public sealed record SpoolOptions
{
    /// <summary>Where the spool lies. Its own: one producer at a time has it, and what is in it is sent by whoever opens it next.</summary>
    public required string Folder { get; init; }

    /// <summary>Messages that the spool takes; beyond, they are refused with <see cref="ErrorCodes.BacklogFull"/>. 1,000,000.</summary>
    public long MaxSpooledMessages { get; init; } = 1_000_000;

    /// <summary>
    /// The same in bytes as stored. 1 GiB. The disk holds up to a segment more, until what was sent is given back. What was sent and is not trimmed yet counts as soon as something lies there again:
    /// about a quarter of a limit below 128 MiB, some 32 MiB of a larger one.
    /// </summary>
    public long MaxSpooledBytes { get; init; } = 1L << 30;

    /// <summary>Messages that are neither sent nor spooled yet; beyond, <see cref="SpoolingProducer.Send"/> waits. 10,000.</summary>
    public int MaxWaiting { get; init; } = 10_000;

    /// <summary>How long the broker may take to answer a call before its messages are spooled. 5 s.</summary>
    public TimeSpan AnswerWithin { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Messages of one call, 1 to 10,000.</summary>
    public int BatchMessages { get; init; } = 1_000;

    /// <summary>Bytes of one call, at least one message; a batch out of the spool ends with the message that reaches them. 1 MiB: below <see cref="TopicSettings.MaxBatchBytes"/> of every topic that has the default.</summary>
    public int BatchBytes { get; init; } = 1 << 20;

    /// <summary>Before the spool is tried again; it doubles with each failure.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(100);

    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Who sends, for the producer's rate and for logs.</summary>
    public string Client { get; init; } = "spool";

    /// <summary>Told of each failure that is tried again. Any thread; must not throw.</summary>
    public Action<Exception> OnFailure { get; init; } = static _ => { };

    /// <summary>Told of each spooled message that the broker will never take; it is kept (<see cref="SpoolingProducer.ReadRefused"/>). Any thread; must not throw.</summary>
    public Action<RefusedMessage> OnRefused { get; init; } = static _ => { };

    /// <exception cref="ArgumentException">Says which, and its range.</exception>
    internal SpoolOptions Checked()
    {
        ArgumentException.ThrowIfNullOrEmpty(Folder);
        if (MaxSpooledMessages < 1 || MaxSpooledBytes < 1 || MaxWaiting < 1)
            throw new ArgumentException($"{nameof(MaxSpooledMessages)}, {nameof(MaxSpooledBytes)} and {nameof(MaxWaiting)} are positive; {MaxSpooledMessages}, {MaxSpooledBytes} and {MaxWaiting} were given.");
        if (BatchMessages is < 1 or > 10_000 || BatchBytes < 1 || AnswerWithin <= TimeSpan.Zero)
            throw new ArgumentException($"{nameof(BatchMessages)} is 1 to 10,000, {nameof(BatchBytes)} and {nameof(AnswerWithin)} positive; {BatchMessages}, {BatchBytes} and {AnswerWithin} were given.");
        if (RetryDelay <= TimeSpan.Zero || MaxRetryDelay < RetryDelay)
            throw new ArgumentException($"{nameof(RetryDelay)} is positive and at most {nameof(MaxRetryDelay)}; {RetryDelay} and {MaxRetryDelay} were given.");
        return this;
    }
}

/// <summary>What became of a message.</summary>
/// <param name="Stored">What the broker said; null where the message lies in the spool, flushed, and is sent when the broker answers again.</param>
public readonly record struct SpoolResult(PublishResult? Stored)
{
    public bool IsSpooled => Stored is null;
}

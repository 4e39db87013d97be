namespace OrleansMq;

/// <summary>
/// An independent copy of what was sent, in another store than the broker's: each message stays unreconciled until the business says that what it was sent for has happened.
/// So even the loss of the broker's data is found, and made good.
/// </summary>
/// <remarks><see cref="Ledger"/> is the one in a database. Any thread.</remarks>
public interface ILedger
{
    /// <summary>Takes copies, durably, before the messages are sent. A token that is there already stays as it is, settled or not.</summary>
    /// <exception cref="ArgumentException">A message has no token: it could neither be settled nor sent again once.</exception>
    Task Copy(TopicName topic, IReadOnlyList<Message> messages, CancellationToken cancel = default);

    /// <summary>The business says that the message has had its effect. Again: nothing changes.</summary>
    /// <returns>Whether a copy was there, settled before or now.</returns>
    Task<bool> Settle(TopicName topic, string token, CancellationToken cancel = default);

    /// <summary>Looks at what is unreconciled, in the order it was copied.</summary>
    Task<LedgerPage> ReadUnreconciled(LedgerSelection selection, CancellationToken cancel = default);

    /// <summary>
    /// Takes unreconciled messages to send them again: they count as sent at <paramref name="now"/>, so that nobody else takes them before they are as old again. In the order they were copied.
    /// What can't be read is taken as well: it is said once in that time, and is not the first each time.
    /// </summary>
    Task<LedgerPage> TakeUnreconciled(LedgerSelection selection, DateTimeOffset now, CancellationToken cancel = default);

    /// <summary>Removes what was settled before a time.</summary>
    /// <returns>How many.</returns>
    Task<long> Forget(DateTimeOffset settledBefore, CancellationToken cancel = default);
}

/// <summary>Which unreconciled messages.</summary>
public sealed record LedgerSelection
{
    /// <summary>Null: all.</summary>
    public TopicName? Topic { get; init; }

    /// <summary>Only those that were sent last before this time. Null: all.</summary>
    public DateTimeOffset? SentBefore { get; init; }

    /// <summary>Only those copied after this entry (<see cref="LedgerEntry.Id"/>).</summary>
    public long After { get; init; }

    /// <summary>1 to 10,000.</summary>
    public int Max { get; init; } = 1_000;

    /// <exception cref="ArgumentException">Out of range.</exception>
    internal LedgerSelection Checked() => Max is >= 1 and <= 10_000 ? this : throw new ArgumentException($"{nameof(Max)} is 1 to 10,000; {Max} was given.");
}

/// <summary>Some of the unreconciled messages. One that can't be read keeps none beside it from being sent.</summary>
/// <param name="Entries">In the order they were copied.</param>
/// <param name="Unreadable">Those that hold no message as it was written there.</param>
/// <param name="Last">The id of the last of both, behind which the next page begins; 0 where there is none.</param>
public sealed record LedgerPage(IReadOnlyList<LedgerEntry> Entries, IReadOnlyList<UnreadableEntry> Unreadable, long Last)
{
    /// <summary>Of both. Fewer than were asked for: there are no more.</summary>
    public int Count => Entries.Count + Unreadable.Count;
}

/// <summary>A copy that somebody else has written to. It stays unreconciled until it is mended or settled.</summary>
/// <param name="Reason">Says where it lies and what is wrong with it.</param>
public sealed record UnreadableEntry(long Id, Exception Reason);

/// <summary>A copy that the business has not settled.</summary>
/// <param name="Id">Its place in the ledger.</param>
/// <param name="CopiedAt">When it was copied.</param>
/// <param name="SentAt">When it was sent last, as far as the ledger knows.</param>
/// <param name="Sends">How often it was sent, the first time included.</param>
public sealed record LedgerEntry(long Id, TopicName Topic, Message Message, DateTimeOffset CopiedAt, DateTimeOffset SentAt, int Sends);

namespace OrleansMq;

/// <summary>How a <see cref="LedgerReconciler"/> works.</summary>
public sealed record LedgerReconcilerOptions
{
    /// <summary>
    /// What was sent so long ago and is unreconciled is sent again. 5 minutes: longer than the business takes, or everything is sent twice; and shorter than the topic remembers tokens
    /// (<see cref="TopicSettings.TokenAge"/>, 10 minutes), so that what only waits in the queue is not stored there a second time.
    /// </summary>
    public TimeSpan Age { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often it looks. 1 minute.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long settled copies are kept: a copy that is taken again meanwhile stays settled. 30 days.</summary>
    public TimeSpan KeepSettled { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Messages of one batch, 1 to 10,000.</summary>
    public int BatchMessages { get; init; } = 1_000;

    /// <summary>Bytes of one call to the broker, at least one message. 1 MiB, as for <see cref="OutboxRelayOptions.BatchBytes"/>.</summary>
    public int BatchBytes { get; init; } = 1 << 20;

    /// <summary>How long the broker may take to answer a call. 30 s.</summary>
    public TimeSpan AnswerWithin { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Before a call that failed is made again; it doubles with each failure.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(100);

    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Told of each message that was sent again: something took too long, or was lost. Any thread; must not throw.</summary>
    public Action<LedgerEntry> OnSentAgain { get; init; } = static _ => { };

    /// <summary>Told of each message that the broker will never take. It stays unreconciled and is tried again after <see cref="Age"/>: settle it, if it is settled. Must not throw.</summary>
    public Action<RefusedMessage> OnRefused { get; init; } = static _ => { };

    /// <summary>Told of each failure that is tried again, and of each copy that can't be read, each time it is due. Must not throw.</summary>
    public Action<Exception> OnFailure { get; init; } = static _ => { };

    /// <exception cref="ArgumentException">Says which, and its range.</exception>
    internal LedgerReconcilerOptions Checked()
    {
        if (Age <= TimeSpan.Zero || LookEvery <= TimeSpan.Zero || KeepSettled <= TimeSpan.Zero || AnswerWithin <= TimeSpan.Zero)
            throw new ArgumentException($"{nameof(Age)}, {nameof(LookEvery)}, {nameof(KeepSettled)} and {nameof(AnswerWithin)} are positive; {Age}, {LookEvery}, {KeepSettled} and {AnswerWithin} were given.");
        if (BatchMessages is < 1 or > 10_000 || BatchBytes < 1)
            throw new ArgumentException($"{nameof(BatchMessages)} is 1 to 10,000, {nameof(BatchBytes)} positive; {BatchMessages} and {BatchBytes} were given.");
        if (RetryDelay <= TimeSpan.Zero || MaxRetryDelay < RetryDelay)
            throw new ArgumentException($"{nameof(RetryDelay)} is positive and at most {nameof(MaxRetryDelay)}; {RetryDelay} and {MaxRetryDelay} were given.");
        return this;
    }

    internal SendLimits Limits => new(BatchBytes, AnswerWithin, "ledger");
}

/// <summary>
/// The job that sends again what stays unreconciled, with the token it had: in the background from its making to its disposal. Any number may run; each message is taken by one of them.
/// </summary>
/// <remarks>Idempotent: the broker stores a token once as long as it remembers it, the consumer's <see cref="IInbox{TScope}"/> makes it once in effect beyond.</remarks>
public sealed class LedgerReconciler : IAsyncDisposable
{
    private readonly ILedger _ledger;
    private readonly BoundedSender _sender;
    private readonly LedgerReconcilerOptions _options;
    private readonly TimeProvider _time;
    private readonly Rounds _rounds;

    /// <param name="broker">Not owned.</param>
    /// <exception cref="ArgumentException">An option is out of its range, and is named.</exception>
    public LedgerReconciler(ILedger ledger, IBroker broker, LedgerReconcilerOptions? options = null, TimeProvider? time = null)
    {
        (_ledger, _options, _time) = (ledger, (options ?? new()).Checked(), time ?? TimeProvider.System);
        _sender = new BoundedSender(broker, _options.Limits, _time);
        _rounds = new Rounds(Round, _options.LookEvery, _options.RetryDelay, _options.MaxRetryDelay, _options.OnFailure, _time);
    }

    /// <summary>Looks at once.</summary>
    public void Wake() => _rounds.Wake();

    public ValueTask DisposeAsync() => _rounds.DisposeAsync();

    private async Task<bool> Round(CancellationToken cancel)
    {
        var now = _time.GetUtcNow();
        var taken = await _ledger.TakeUnreconciled(new() { SentBefore = now - _options.Age, Max = _options.BatchMessages }, now, cancel);
        foreach (var unreadable in taken.Unreadable)
            _options.OnFailure(unreadable.Reason);
        foreach (var entries in taken.Entries.GroupBy(entry => entry.Topic))
        {
            var outcome = await _sender.Send(entries.Key, [.. entries.Select(entry => new StoredRow(entry.Id, entry.Topic, entry.Message))], cancel);
            var sent = outcome.Sent.Select(row => row.Id).ToHashSet();
            foreach (var entry in entries.Where(entry => sent.Contains(entry.Id)))
                _options.OnSentAgain(entry);
            outcome.Refused.ForEach(row => _options.OnRefused(row.Kept));
            // What was not taken counts as sent now, and is due again after its age: no topic holds up another.
            if (outcome.Failure is { } failure)
                _options.OnFailure(failure);
        }

        if (taken.Count == _options.BatchMessages)
            return true;
        await _ledger.Forget(now - _options.KeepSettled, cancel);
        return false;
    }
}

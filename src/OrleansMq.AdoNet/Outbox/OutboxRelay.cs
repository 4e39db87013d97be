namespace OrleansMq;

/// <summary>
/// Carries an <see cref="Outbox"/>'s messages to the broker, in the background from its making to its disposal. Any number may run in any number of processes: each lane of messages that keep
/// their order has one relay at a time, and whose relay dies is another's at once.
/// </summary>
/// <remarks>
/// At least once, with the message's token: who dies between the broker's answer and its own commit sends again, and the broker stores it once as long as it remembers the token
/// (<see cref="TopicSettings.TokenAge"/>, 10 minutes by default: set it to more than a relay may be away). Beyond that the consumer's <see cref="IInbox{TScope}"/> makes it once in effect.
/// A message that can't ever be taken (too large, say) is put aside and said; everything else is tried again without end, each topic for itself.
/// </remarks>
public sealed class OutboxRelay : IAsyncDisposable
{
    private readonly Outbox _outbox;
    private readonly BoundedSender _sender;
    private readonly OutboxRelayOptions _options;
    private readonly RestingTopics _resting;
    private readonly Rounds[] _workers;
    private readonly Lock _sync = new();

    // Guarded by _sync.
    private OutboxStatistics _statistics;

    /// <param name="broker">Not owned.</param>
    /// <exception cref="ArgumentException">An option is out of its range, and is named.</exception>
    public OutboxRelay(Outbox outbox, IBroker broker, OutboxRelayOptions? options = null, TimeProvider? time = null)
    {
        time ??= TimeProvider.System;
        _options = (options ?? new()).Checked();
        (_outbox, _sender) = (outbox, new BoundedSender(broker, new(_options.BatchBytes, _options.AnswerWithin, _options.Client), time));
        _resting = new RestingTopics(new Backoff(_options.RetryDelay, _options.MaxRetryDelay), time);
        // They begin at lanes of their own and go round, so that a full lane has no more than its turn.
        _workers = [.. Enumerable.Range(0, _options.Workers).Select(worker => Begin(worker * OutboxLanes.Count / _options.Workers - 1, time))];
    }

    public OutboxStatistics Statistics
    {
        get
        {
            lock (_sync)
                return _statistics;
        }
    }

    /// <summary>Looks at once: to be called after a commit, where the next look is too late.</summary>
    public void Wake()
    {
        foreach (var worker in _workers)
            worker.Wake();
    }

    /// <summary>Ends what is on its way without waiting for the broker; whoever relays next sends it again.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var worker in _workers)
            await worker.DisposeAsync();
    }

    private Rounds Begin(int lane, TimeProvider time) => new(
        async cancel =>
        {
            var resting = _resting.Now;
            await using var batch = await OutboxBatch.Take(_outbox.Database, _outbox.Options.Tables, lane, resting, cancel);
            if (batch is null)
                return false;
            // Before anything of the lane can fail: what can't be read or removed there holds up no other lane.
            lane = batch.Lane;
            try
            {
                await Relay(batch, resting, cancel);
                return true;
            }
            catch (Exception failure) when (!cancel.IsCancellationRequested)
            {
                // The lane's, so there is no ever longer pause: the others' turn comes at the next look, or when somebody wakes this.
                Failed(failure);
                return false;
            }
        },
        _options.LookEvery, _options.RetryDelay, _options.MaxRetryDelay, Failed, time);

    private async Task Relay(OutboxBatch batch, IReadOnlyCollection<string> resting, CancellationToken cancel)
    {
        var rows = await batch.Read(_options.BatchMessages, _options.BatchBytes, resting, cancel);
        var outcomes = await Task.WhenAll(rows.GroupBy(row => row.Topic).Select(ofTopic => _sender.Send(ofTopic.Key, [.. ofTopic], cancel)));
        var refused = outcomes.SelectMany(outcome => outcome.Refused).Select(row => row.Kept).ToList();
        await batch.Commit([.. outcomes.SelectMany(outcome => outcome.Sent).Select(row => row.Id)], refused, cancel);

        lock (_sync)
            _statistics = _statistics with
            {
                Sent = _statistics.Sent + outcomes.Sum(outcome => outcome.Sent.Count),
                Duplicates = _statistics.Duplicates + outcomes.Sum(outcome => outcome.Duplicates),
                Refused = _statistics.Refused + refused.Count,
            };
        refused.ForEach(_options.OnRefused);
        foreach (var outcome in outcomes)
            Note(outcome);
    }

    private void Note(SendOutcome outcome)
    {
        if (outcome.Failure is not { } failure)
        {
            _resting.Answered(outcome.Topic);
            return;
        }

        _resting.Failed(outcome.Topic, (failure as MqException)?.RetryAfter);
        Failed(failure);
    }

    private void Failed(Exception failure)
    {
        lock (_sync)
            _statistics = _statistics with { Failures = _statistics.Failures + 1 };
        _options.OnFailure(failure);
    }
}

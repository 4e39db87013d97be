namespace OrleansMq;

/// <summary>How a <see cref="TransactionalProducer"/> works.</summary>
public sealed record TransactionalProducerOptions
{
    /// <summary>How its half messages are checked back. Null: <see cref="HalfTerms"/>' defaults.</summary>
    public HalfTerms? Terms { get; init; }

    /// <summary>How long a call that may succeed later is tried again.</summary>
    public TimeSpan RetryFor { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan RetryEvery { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>How long one question for checks waits at the broker.</summary>
    public TimeSpan CheckWait { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Told when a check-back could not be asked for or answered; it is tried again.</summary>
    public Action<Exception> OnFailure { get; init; } = static _ => { };
}

/// <summary>
/// Sends messages together with a transaction of the application's own, all or nothing: the message is stored first, as a half message that nobody sees; then the
/// local transaction runs; its outcome commits or rolls back the message. Where the outcome did not reach the broker, the broker asks any live producer of the group.
/// </summary>
/// <remarks>Any thread. Dispose it to stop answering checks.</remarks>
public sealed class TransactionalProducer : IAsyncDisposable
{
    private readonly IBroker _broker;
    private readonly TopicName _topic;
    private readonly HalfTerms _terms;
    private readonly Func<HalfMessage, CancellationToken, Task<bool?>> _checkBack;
    private readonly TransactionalProducerOptions _options;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _answering;

    /// <param name="group">Producers of one group answer for each other: after a crash another one knows from the same database.</param>
    /// <param name="checkBack">Was the local transaction of this message committed? Null: not known yet, ask again later. It is asked more than once.</param>
    public TransactionalProducer(
        IBroker broker, TopicName topic, string group, Func<HalfMessage, CancellationToken, Task<bool?>> checkBack,
        TransactionalProducerOptions? options = null, TimeProvider? time = null)
    {
        (_broker, _topic, _checkBack, _options, _time) = (broker, topic, checkBack, options ?? new(), time ?? TimeProvider.System);
        _terms = (_options.Terms ?? new HalfTerms(group)) with { Group = group };
        _answering = AnswerChecks();
    }

    /// <summary>Stores the message, runs the local transaction, and commits or rolls back by what it says.</summary>
    /// <param name="localTransaction">True: committed; false: nothing was done. It gets the half message's name.</param>
    /// <returns>Where the message is; null where it was rolled back.</returns>
    /// <exception cref="MqException">
    /// The message was refused and the local transaction did not run; or, under <see cref="ErrorCodes.OutcomeUnknown"/>, it ran and the broker could not be told: the check-back will decide.
    /// An exception of the local transaction is thrown on; what it did is not known here, so the check-back decides then as well.
    /// </exception>
    public async Task<Position?> InTransaction(Message message, Func<string, CancellationToken, Task<bool>> localTransaction, CancellationToken cancel = default)
    {
        // With a token, so that a lost answer does not leave a second half message behind.
        var half = message with { Half = _terms, Token = message.Token ?? Guid.NewGuid().ToString("N") };
        var stored = await Retry(() => Begin(half, cancel), cancel);
        if (stored.Half is not { } id)
            return stored.Position;
        var committed = await localTransaction(id, cancel);
        try
        {
            var ended = await Retry(() => _broker.EndHalf(_topic, id, committed ? HalfState.Committed : HalfState.RolledBack, cancel: CancellationToken.None), CancellationToken.None);
            return ended.Position;
        }
        catch (MqException refused) when (refused.IsRetriable)
        {
            throw new MqException(ErrorCodes.OutcomeUnknown, $"The local transaction was {(committed ? "committed" : "rolled back")}, and the broker could not be told; it will check back: {refused.Message}", inner: refused);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _answering;
        _stop.Dispose();
    }

    private async ValueTask<PublishResult> Begin(Message half, CancellationToken cancel)
    {
        var stored = (await _broker.Publish(_topic, [half], cancel: cancel))[0];
        return stored.Error is null ? stored : throw new MqException(stored.Error);
    }

    private async Task<T> Retry<T>(Func<ValueTask<T>> call, CancellationToken cancel)
    {
        var began = _time.GetTimestamp();
        while (true)
        {
            try
            {
                return await call();
            }
            catch (MqException refused) when (refused.IsRetriable && _time.GetElapsedTime(began) < _options.RetryFor && !cancel.IsCancellationRequested)
            {
                await Task.Delay(refused.RetryAfter is { } after && after < _options.RetryEvery ? after : _options.RetryEvery, _time, cancel);
            }
        }
    }

    /// <summary>Asks for checks and answers them, one after another, until it is disposed.</summary>
    private async Task AnswerChecks()
    {
        await Task.Yield();
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                foreach (var half in await _broker.CheckHalf(_topic, _terms.Group, 100, _options.CheckWait, _stop.Token))
                    await Answer(half);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                _options.OnFailure(failure);
                await Rest();
            }
        }
    }

    private async Task Answer(HalfMessage half)
    {
        try
        {
            if (await _checkBack(half, _stop.Token) is { } committed)
                await _broker.EndHalf(_topic, half.Id, committed ? HalfState.Committed : HalfState.RolledBack, cancel: _stop.Token);
        }
        catch (Exception failure) when (failure is not OperationCanceledException || !_stop.IsCancellationRequested)
        {
            // It stays undecided, and is checked back again.
            _options.OnFailure(failure);
        }
    }

    private async Task Rest()
    {
        try
        {
            await Task.Delay(_options.RetryEvery, _time, _stop.Token);
        }
        catch (OperationCanceledException)
        {
            // Disposed: the loop ends.
        }
    }
}

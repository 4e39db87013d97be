using Orleans.Streams;

namespace OrleansMq;

/// <summary>
/// Lets a grain take each event once in effect, though it is delivered at least once: the change and the mark of the event are one write of the grain's own
/// state. One for each grain, made in its constructor.
/// </summary>
/// <remarks>
/// What the change does outside the grain's state is not covered: give the event's token on. After a write that failed, the state is read again before
/// anything else, because the write may have arrived. Calls run one after the other, in a reentrant grain too.
/// </remarks>
/// <param name="state">The grain's state.</param>
/// <param name="marks">Where the marks stand in it.</param>
/// <param name="maxTokens">Idempotency tokens remembered. 1,000: a producer's resend comes soon, and a redelivery is known by its position.</param>
public sealed class IdempotencyGuard<TState>(IPersistentState<TState> state, Func<TState, IdempotencyMarks> marks, int maxTokens = IdempotencyMarks.DefaultTokens) : IInbox<TState>
{
    private readonly SemaphoreSlim _turn = new(1);

    // The state in memory may hold a change that is not stored.
    private bool _isInDoubt;

    /// <summary>Makes the change and stores it with the event's mark, unless the event was taken before.</summary>
    /// <returns>False where it was.</returns>
    /// <exception cref="Exception">What the change threw, or the write: nothing is taken then, and the event is to be delivered again.</exception>
    public Task<bool> Once(StreamId stream, StreamSequenceToken token, Action<TState> change) =>
        Once(stream, token, current =>
        {
            change(current);
            return Task.CompletedTask;
        });

    /// <inheritdoc cref="Once(StreamId, StreamSequenceToken, Action{TState})"/>
    public Task<bool> Once(StreamId stream, StreamSequenceToken token, Func<TState, Task> change)
    {
        ArgumentNullException.ThrowIfNull(token);
        return Take(known => known.Contains(stream, token), known => known.Add(stream, token, maxTokens: maxTokens), change);
    }

    /// <summary>The same for events of a batch: one write for all that are new.</summary>
    /// <returns>How many were new.</returns>
    public async Task<int> Once<T>(StreamId stream, IList<SequentialItem<T>> items, Action<TState, T> change)
    {
        var taken = 0;
        await Take(known => items.All(item => known.Contains(stream, item.Token)), static _ => { }, current =>
        {
            var known = marks(current);
            foreach (var item in items)
            {
                if (known.Contains(stream, item.Token))
                    continue;
                change(current, item.Item);
                known.Add(stream, item.Token, maxTokens: maxTokens);
                taken++;
            }

            return Task.CompletedTask;
        });
        return taken;
    }

    /// <summary>The same for a call that carries an idempotency token and no position.</summary>
    public Task<bool> Once(string token, Action<TState> change)
    {
        ArgumentException.ThrowIfNullOrEmpty(token);
        return Take(known => known.Contains(token), known => known.Add(token, maxTokens), current =>
        {
            change(current);
            return Task.CompletedTask;
        });
    }

    /// <summary>The same as a port that databases and memory have too: for consumers of a queue that keep what they do in a grain.</summary>
    /// <param name="cancel">Given to the effect; a write that has begun is not cancelled.</param>
    public Task<bool> Once(string? token, Func<TState, CancellationToken, Task> effect, CancellationToken cancel = default)
    {
        var given = InboxToken.Checked(token);
        return Take(known => known.Contains(given), known => known.Add(given, maxTokens), current => effect(current, cancel));
    }

    private async Task<bool> Take(Func<IdempotencyMarks, bool> isTaken, Action<IdempotencyMarks> mark, Func<TState, Task> change)
    {
        await _turn.WaitAsync();
        try
        {
            if (_isInDoubt)
                await ReadAgain();
            if (isTaken(marks(state.State)))
                return false;
            _isInDoubt = true;
            try
            {
                await change(state.State);
                mark(marks(state.State));
                await state.WriteStateAsync();
            }
            catch
            {
                await Forget();
                throw;
            }

            _isInDoubt = false;
            return true;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>At once, so that a write of the grain's own does not store half a change.</summary>
    private async Task Forget()
    {
        try
        {
            await ReadAgain();
        }
        catch (Exception)
        {
            // What failed first is said; it stays in doubt, and is read before anything else is taken.
        }
    }

    private async Task ReadAgain()
    {
        await state.ReadStateAsync();
        _isInDoubt = false;
    }
}

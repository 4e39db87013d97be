namespace OrleansMq;

/// <summary>Work that is done again and again: at once while there is more, after a pause where there is none, after ever longer ones while it fails.</summary>
internal sealed class Rounds : IAsyncDisposable
{
    private readonly Func<CancellationToken, Task<bool>> _round;
    private readonly TimeSpan _pause;
    private readonly Backoff _backoff;
    private readonly Action<Exception> _onFailure;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _going;

    // Completed when somebody knows of new work; replaced by who waits.
    private volatile TaskCompletionSource _woken = Fresh();

    /// <param name="round">Does one piece of work and says whether there may be more at once.</param>
    /// <param name="onFailure">Told of each round that failed; it is done again.</param>
    public Rounds(Func<CancellationToken, Task<bool>> round, TimeSpan pause, TimeSpan firstRetry, TimeSpan maxRetry, Action<Exception> onFailure, TimeProvider time)
    {
        (_round, _pause, _backoff, _onFailure, _time) = (round, pause, new Backoff(firstRetry, maxRetry), onFailure, time);
        _going = Go();
    }

    /// <summary>Ends the pause.</summary>
    public void Wake() => _woken.TrySetResult();

    /// <summary>Ends the round that is going on and begins no other.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _going;
    }

    private async Task Go()
    {
        await Task.Yield();
        var failures = 0;
        while (!_stop.IsCancellationRequested)
        {
            var woken = _woken = Fresh();
            try
            {
                var more = await _round(_stop.Token);
                failures = 0;
                if (!more)
                    await Rest(_pause, woken.Task);
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                // Stopped in the middle: what was not committed is as it was.
            }
            catch (Exception failure)
            {
                _onFailure(failure);
                await Rest(_backoff.Delay(++failures), null);
            }
        }
    }

    private async Task Rest(TimeSpan pause, Task? woken)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var over = Task.Delay(pause, _time, enough.Token);
        await (woken is null ? Task.WhenAny(over) : Task.WhenAny(over, woken));
        await enough.CancelAsync();
    }

    private static TaskCompletionSource Fresh() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

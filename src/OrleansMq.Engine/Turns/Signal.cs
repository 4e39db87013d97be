namespace OrleansMq.Engine.Turns;

/// <summary>
/// Something that one waits for, at most for a time. Awaited where the waiter runs: <c>Task.WaitAsync</c> would go through the thread pool, and an order
/// that a scheduler chose would be lost there.
/// </summary>
public sealed class Signal
{
    private readonly TaskCompletionSource<bool> _given = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool IsOver => _given.Task.IsCompleted;

    /// <returns>False when the waiter has gone: the signal belongs to the next one in line.</returns>
    public bool Give() => _given.TrySetResult(true);

    /// <summary>To be called once.</summary>
    /// <returns>False when the time was over first.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled first.</exception>
    public async Task<bool> Wait(TimeSpan atMost, TimeProvider time, CancellationToken cancel)
    {
        using var timer = time.CreateTimer(static given => ((TaskCompletionSource<bool>)given!).TrySetResult(false), _given, atMost, Timeout.InfiniteTimeSpan);
        using var cancelled = cancel.UnsafeRegister(static (given, token) => ((TaskCompletionSource<bool>)given!).TrySetCanceled(token), _given);
        return await _given.Task;
    }
}

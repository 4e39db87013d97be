namespace OrleansMq.Trials.Strangers;

/// <summary>Looks again and again at how much memory the program has, and keeps the most.</summary>
internal sealed class MemoryWatch : IAsyncDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(100);

    private readonly CancellationTokenSource _stop = new();
    private readonly GuardedProgram _program;
    private readonly Task _looking;
    private long _most;

    public MemoryWatch(GuardedProgram program)
    {
        _program = program;
        _looking = Task.Run(Look);
    }

    /// <returns>The most since the last time, in bytes.</returns>
    public long Take()
    {
        // A look that failed is no memory of nothing.
        if (_looking.IsFaulted)
            throw _looking.Exception;
        var now = _program.Resident;
        return Math.Max(now, Interlocked.Exchange(ref _most, now));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _looking.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        _stop.Dispose();
    }

    private async Task Look()
    {
        while (!_stop.IsCancellationRequested)
        {
            var now = _program.Resident;
            for (var most = Interlocked.Read(ref _most); now > most && Interlocked.CompareExchange(ref _most, now, most) is var seen && seen != most;)
                most = seen;
            await Task.Delay(Every);
        }
    }
}

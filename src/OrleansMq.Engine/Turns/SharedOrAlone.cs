namespace OrleansMq.Engine.Turns;

/// <summary>What many may do at once, and what is done only while none of them does. Who waits to be alone lets nobody new in.</summary>
/// <remarks>Nobody who shares may wait to share again, or to be alone.</remarks>
internal sealed class SharedOrAlone
{
    private readonly SemaphoreSlim _alone = new(1, 1);
    private readonly Lock _gate = new();
    private int _sharing;

    // Not null while somebody is alone or waits to be.
    private TaskCompletionSource? _open;

    // Of who waits to be alone, until the last who shares has left.
    private TaskCompletionSource? _empty;

    public ValueTask<Share> Shared() => TryShare(out _) ? new(new Share(this)) : SharedLater();

    /// <summary>Done when nobody shares any more; one after the other.</summary>
    public async Task Alone(Func<Task> act)
    {
        await _alone.WaitAsync();
        Task empty;
        lock (_gate)
        {
            _open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _empty = _sharing == 0 ? null : new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            empty = _empty?.Task ?? Task.CompletedTask;
        }

        await empty;
        try
        {
            await act();
        }
        finally
        {
            TaskCompletionSource open;
            lock (_gate)
            {
                open = _open!;
                _open = _empty = null;
            }

            open.SetResult();
            _alone.Release();
        }
    }

    private bool TryShare(out Task open)
    {
        lock (_gate)
        {
            open = _open?.Task ?? Task.CompletedTask;
            if (_open is null)
                _sharing++;
            return _open is null;
        }
    }

    private async ValueTask<Share> SharedLater()
    {
        while (!TryShare(out var open))
            await open;
        return new Share(this);
    }

    private void Leave()
    {
        TaskCompletionSource? empty = null;
        lock (_gate)
        {
            if (--_sharing == 0)
                empty = _empty;
        }

        empty?.TrySetResult();
    }

    /// <summary>Ends with its disposal.</summary>
    public readonly struct Share(SharedOrAlone of) : IDisposable
    {
        public void Dispose() => of.Leave();
    }
}

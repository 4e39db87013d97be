namespace OrleansMq.Engine.Groups;

/// <summary>What many may do at once, and what is done only while none of them does. Who waits to be alone lets nobody new in.</summary>
internal sealed class SharedOrAlone
{
    private readonly SemaphoreSlim _alone = new(1, 1);
    private readonly Lock _gate = new();
    private readonly Stay _shared;
    private readonly Stay _beingAlone;
    private int _sharing;

    // Not null while somebody is alone or waits to be.
    private TaskCompletionSource? _open;

    // Of who waits to be alone, until the last who shares has left.
    private TaskCompletionSource? _empty;

    public SharedOrAlone() => (_shared, _beingAlone) = (new Stay(LeaveShared), new Stay(LeaveAlone));

    public async ValueTask<Stay> Shared()
    {
        while (true)
        {
            Task open;
            lock (_gate)
            {
                if (_open is null)
                {
                    _sharing++;
                    return _shared;
                }

                open = _open.Task;
            }

            await open;
        }
    }

    public async ValueTask<Stay> Alone()
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
        return _beingAlone;
    }

    private void LeaveShared()
    {
        lock (_gate)
            if (--_sharing == 0)
                _empty?.TrySetResult();
    }

    private void LeaveAlone()
    {
        lock (_gate)
        {
            _open!.SetResult();
            _open = null;
        }

        _alone.Release();
    }

    /// <summary>Ends with its disposal.</summary>
    public readonly struct Stay(Action leave) : IDisposable
    {
        public void Dispose() => leave();
    }
}

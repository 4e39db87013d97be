namespace OrleansMq.Engine.Partitions;

/// <summary>
/// Positions of frames hold still while somebody reads by them: a compaction puts rewritten segments in their place between reads. Who reads for long does not hold, but
/// looks at <see cref="Moves"/> before and after.
/// </summary>
internal sealed class PositionGate
{
    private readonly Lock _gate = new();
    private int _holds;

    /// <summary>Where there is one, nobody else begins to read.</summary>
    private TaskCompletionSource? _moving;
    private TaskCompletionSource? _unheld;
    private long _moves;

    /// <summary>Another number after each move, and while one goes on.</summary>
    public long Moves => Interlocked.Read(ref _moves);

    /// <summary>Holds are short and never taken by somebody who has one.</summary>
    public ValueTask<Held> Hold()
    {
        lock (_gate)
        {
            if (_moving is null)
            {
                _holds++;
                return new ValueTask<Held>(new Held(this));
            }
        }

        return HoldLater();
    }

    /// <summary>Lets positions move once nobody reads by them; one at a time.</summary>
    public async Task Move(Func<Task> move)
    {
        Task unheld;
        lock (_gate)
        {
            _moving = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _unheld = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_holds == 0)
                _unheld.SetResult();
            unheld = _unheld.Task;
        }

        await unheld;
        Interlocked.Increment(ref _moves);
        try
        {
            await move();
        }
        finally
        {
            TaskCompletionSource moved;
            lock (_gate)
            {
                Interlocked.Increment(ref _moves);
                moved = _moving!;
                _moving = _unheld = null;
            }

            moved.SetResult();
        }
    }

    private async ValueTask<Held> HoldLater()
    {
        while (true)
        {
            Task moved;
            lock (_gate)
            {
                if (_moving is null)
                {
                    _holds++;
                    return new Held(this);
                }

                moved = _moving.Task;
            }

            await moved;
        }
    }

    private void Release()
    {
        TaskCompletionSource? unheld = null;
        lock (_gate)
        {
            if (--_holds == 0)
                unheld = _unheld;
        }

        unheld?.TrySetResult();
    }

    public readonly struct Held(PositionGate gate) : IDisposable
    {
        public void Dispose() => gate.Release();
    }
}

namespace OrleansMq.Conformance;

/// <summary>A clock that stands still until it is moved; then timers fire in the order of their due times, those of one time in the order they were set.</summary>
public sealed class ManualTime : TimeProvider
{
    // Real time after which a story that waits has failed.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Lock _sync = new();
    private readonly SortedSet<ManualTimer> _armed = new(Comparer<ManualTimer>.Create(
        (a, b) => (a.Due, a.Turn).CompareTo((b.Due, b.Turn))));

    private readonly DateTimeOffset _start;
    private TimeSpan _elapsed;
    private long _turn;

    public ManualTime() : this(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)) { }

    public ManualTime(DateTimeOffset start) => _start = start;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <summary>Timers that wait for their time.</summary>
    public int ArmedTimers
    {
        get
        {
            lock (_sync)
                return _armed.Count;
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_sync)
            return _start + _elapsed;
    }

    public override long GetTimestamp()
    {
        lock (_sync)
            return _elapsed.Ticks;
    }

    /// <summary>Moves the clock; each timer that comes due fires at its own time, on this thread.</summary>
    public void Advance(TimeSpan by)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        TimeSpan target;
        lock (_sync)
            target = _elapsed + by;
        while (TakeDue(target) is { } timer)
            timer.Fire();
    }

    /// <summary>Moves the clock to the next timer, if one is armed.</summary>
    public bool AdvanceToNextTimer()
    {
        TimeSpan by;
        lock (_sync)
        {
            if (_armed.Min is not { } next)
                return false;
            by = next.Due - _elapsed;
        }

        Advance(by);
        return true;
    }

    /// <summary>Awaits the task, and moves the clock from timer to timer as long as nothing else is going on.</summary>
    public async Task<T> Until<T>(Task<T> task)
    {
        await Until((Task)task);
        return await task;
    }

    /// <inheritdoc cref="Until{T}"/>
    public async Task Until(Task task)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!task.IsCompleted)
        {
            patience.Token.ThrowIfCancellationRequested();
            // Whoever is at work gets the processor first: a short real pause, after which it would have armed its timer.
            await Task.WhenAny(task, Task.Delay(1, CancellationToken.None));
            if (!task.IsCompleted)
                AdvanceToNextTimer();
        }

        await task;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private ManualTimer? TakeDue(TimeSpan target)
    {
        lock (_sync)
        {
            if (_armed.Min is not { } next || next.Due > target)
            {
                _elapsed = target > _elapsed ? target : _elapsed;
                return null;
            }

            _elapsed = next.Due > _elapsed ? next.Due : _elapsed;
            _armed.Remove(next);
            if (next.Period > TimeSpan.Zero)
                Arm(next, next.Period);
            return next;
        }
    }

    private void Arm(ManualTimer timer, TimeSpan due)
    {
        timer.Due = _elapsed + due;
        timer.Turn = _turn++;
        _armed.Add(timer);
    }

    private sealed class ManualTimer(ManualTime time, TimerCallback callback, object? state) : ITimer
    {
        private bool _disposed;

        public TimeSpan Due { get; set; }
        public long Turn { get; set; }
        public TimeSpan Period { get; private set; }

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._sync)
            {
                if (_disposed)
                    return false;
                time._armed.Remove(this);
                Period = period;
                if (dueTime != Timeout.InfiniteTimeSpan)
                    time.Arm(this, dueTime < TimeSpan.Zero ? TimeSpan.Zero : dueTime);
                return true;
            }
        }

        public void Dispose()
        {
            lock (time._sync)
            {
                _disposed = true;
                time._armed.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}

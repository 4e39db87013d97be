namespace OrleansMq.Conformance;

/// <summary>A clock that stands still until it is moved; then timers fire in the order of their due times, those of one time in the order they were set.</summary>
public sealed class ManualTime : TimeProvider
{
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

    /// <summary>How long until the next timer; null where none is armed.</summary>
    private TimeSpan? NextTimer
    {
        get
        {
            lock (_sync)
                return _armed.Min is { } next ? next.Due > _elapsed ? next.Due - _elapsed : TimeSpan.Zero : null;
        }
    }

    /// <summary>Moves the clock to the next timer, if one is armed.</summary>
    public bool AdvanceToNextTimer()
    {
        if (NextTimer is not { } by)
            return false;
        Advance(by);
        return true;
    }

    /// <summary>Awaits the task, and moves the clock from timer to timer whenever nothing else is going on. To be called in a <see cref="StoryThread"/>.</summary>
    public async Task<T> Until<T>(Task<T> task)
    {
        await Until((Task)task);
        return await task;
    }

    /// <inheritdoc cref="Until{T}"/>
    public async Task Until(Task task)
    {
        var thread = SynchronizationContext.Current as StoryThread
            ?? throw new InvalidOperationException("Only on its own thread does a story know when nothing else is going on.");
        while (!task.IsCompleted)
        {
            await Task.WhenAny(task, thread.Quiet());
            // Without a timer it is not the clock that the task waits for.
            if (!task.IsCompleted && !AdvanceToNextTimer())
                break;
        }

        await task;
    }

    /// <summary>Moves the clock, with a halt at each timer for what it sets off; ends when that is done.</summary>
    public async Task Pass(TimeSpan time)
    {
        var thread = SynchronizationContext.Current as StoryThread
            ?? throw new InvalidOperationException("Only on its own thread does a story know when nothing else is going on.");
        var end = GetUtcNow() + time;
        await thread.Quiet();
        while (NextTimer is { } next && GetUtcNow() + next <= end)
        {
            Advance(next);
            await thread.Quiet();
        }

        Advance(end - GetUtcNow());
        await thread.Quiet();
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

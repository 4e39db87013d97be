namespace OrleansMq.Simulation.Worlds;

/// <summary>A process's clocks: the monotonic one is the world's, the wall clock may be off by any jump.</summary>
internal sealed class SimTime(World world, SimProcess owner) : TimeProvider
{
    private static readonly DateTimeOffset Beginning = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override DateTimeOffset GetUtcNow()
    {
        world.Looked();
        return Beginning + world.Elapsed + world.WallOffset;
    }

    public override long GetTimestamp()
    {
        world.Looked();
        return world.Ticks;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new SimTimer(world, owner, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }
}

/// <summary>A timer of a process. It fires as work of its process, so that other work may come between.</summary>
internal sealed class SimTimer(World world, SimProcess owner, TimerCallback callback, object? state) : ITimer
{
    private TimeSpan _period;
    private int _version;
    private bool _disposed;

    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        if (_disposed)
            return false;
        _version++;
        _period = period;
        if (dueTime != Timeout.InfiniteTimeSpan)
            world.Arm(new Turn(this, _version, world.Ticks + dueTime.Ticks));
        return true;
    }

    public void Dispose()
    {
        _disposed = true;
        _version++;
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return default;
    }

    /// <summary>One firing as it was armed; a later change makes it void.</summary>
    internal sealed class Turn(SimTimer timer, int version, long due)
    {
        public long Due => due;

        public bool IsWanted => timer._version == version && timer.Owner.IsAlive;

        public void Fire()
        {
            timer.Owner.Run(() => timer.Callback());
            if (timer._period > TimeSpan.Zero)
                timer.World.Arm(new Turn(timer, version, due + timer._period.Ticks));
        }
    }

    private SimProcess Owner => owner;

    private World World => world;

    private void Callback() => callback(state);
}

namespace OrleansMq.Access;

/// <summary>A rate's bucket of one second's worth, and the times that are told to who finds it empty. Thread-safe.</summary>
internal sealed class QuotaMeter
{
    /// <summary>Those who are refused are told times over so many seconds, and then from the first one on again: nobody waits for a crowd that may have gone.</summary>
    internal const double SpreadSeconds = 10;

    // As of _at; negative: a debt. The first use fills it.
    private double _level = double.NaN;
    private double _at;
    private long _limit;

    // What was taken last: so much, it is thought, each of those who wait will take.
    private long _last = 1;

    // The time that was told last.
    private double _told = double.NegativeInfinity;

    /// <summary>Zero: so much is there, or as much as there can be.</summary>
    public TimeSpan WaitFor(long limit, long amount, double now)
    {
        lock (this)
        {
            Fill(limit, now);
            var missing = Math.Min(Math.Max(amount, double.Epsilon), limit) - _level;
            return missing > 1e-6 ? TimeSpan.FromSeconds(Math.Max(missing / limit, 0.001)) : TimeSpan.Zero;
        }
    }

    /// <summary>A time of its own for who has to wait: behind the one before it by what that one will take, so that they do not come as one.</summary>
    /// <param name="first">How long the first of them waits.</param>
    /// <remarks>Nothing is kept for it, so nothing is lost if it does not come.</remarks>
    public TimeSpan Turn(long limit, TimeSpan first, double now)
    {
        lock (this)
        {
            var earliest = now + first.TotalSeconds;
            _told = Math.Max(earliest, _told + (double)_last / limit);
            if (_told > earliest + SpreadSeconds)
                _told = earliest;
            return TimeSpan.FromTicks((long)Math.Ceiling((_told - now) * TimeSpan.TicksPerSecond));
        }
    }

    /// <summary>Takes it, on debt where it is not there.</summary>
    /// <returns>Until the debt is paid.</returns>
    public TimeSpan Charge(long limit, long amount, double now)
    {
        lock (this)
        {
            Fill(limit, now);
            _level -= amount;
            _last = amount;
            return _level >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-_level / limit);
        }
    }

    /// <summary>What was taken was not used.</summary>
    public void GiveBack(long limit, long amount, double now)
    {
        lock (this)
        {
            Fill(limit, now);
            _level = Math.Min(limit, _level + amount);
        }
    }

    public bool IsIdle(double now)
    {
        lock (this)
            return now - _at > 60 && _level + (now - _at) * _limit >= 0;
    }

    private void Fill(long limit, double now)
    {
        _level = double.IsNaN(_level) ? limit : Math.Min(limit, _level + (now - _at) * limit);
        (_at, _limit) = (now, limit);
    }
}

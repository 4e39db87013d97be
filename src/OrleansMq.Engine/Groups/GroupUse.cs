namespace OrleansMq.Engine.Groups;

/// <summary>Who uses a group, and when somebody last did: what decides whether an ephemeral one is deleted. By the monotonic clock; of the time before it was loaded nothing is known here.</summary>
/// <remarks>Thread-safe. Invariant: once <see cref="TryEnd"/> said yes nobody enters.</remarks>
public sealed class GroupUse(TimeProvider time)
{
    /// <summary>So long at most a group that was loaded (after a start, or on another silo) waits for those who used it before to come back.</summary>
    public static readonly TimeSpan Reconnect = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly long _loadedAt = time.GetTimestamp();

    /// <summary>Null: not since it was loaded.</summary>
    private long? _usedAt;
    private long? _keptAt;
    private int _users;
    private bool _ended;

    /// <summary>How long the first partition is told to keep a group that is used now; it is told again after a quarter of the idle time.</summary>
    public static TimeSpan Kept(TimeSpan idle) => idle + idle / 4;

    /// <returns>False: it is deleted, or about to be.</returns>
    public bool TryEnter()
    {
        lock (_gate)
        {
            if (_ended)
                return false;
            _users++;
            _usedAt = time.GetTimestamp();
            return true;
        }
    }

    public void Leave()
    {
        lock (_gate)
        {
            _users--;
            _usedAt = time.GetTimestamp();
        }
    }

    /// <summary>Whether the partition that keeps it is to be told; it is, then.</summary>
    public bool TakeKeep(TimeSpan idle)
    {
        lock (_gate)
        {
            if (_keptAt is { } last && time.GetElapsedTime(last) < idle / 4)
                return false;
            _keptAt = time.GetTimestamp();
            return true;
        }
    }

    /// <summary>The partition was not told, or what it was told counts no more.</summary>
    public void KeepAgain()
    {
        lock (_gate)
            _keptAt = null;
    }

    public bool HasEnded
    {
        get
        {
            lock (_gate)
                return _ended;
        }
    }

    /// <summary>How long it is to live yet if nobody uses it.</summary>
    public TimeSpan Left(TimeSpan idle)
    {
        lock (_gate)
        {
            var (since, patience) = _usedAt is { } used ? (used, idle) : (_loadedAt, idle < Reconnect ? idle : Reconnect);
            return _users > 0 ? idle : patience - time.GetElapsedTime(since);
        }
    }

    /// <summary>Ends it where nobody used it for so long.</summary>
    /// <param name="left">Else how long to wait before it is asked again.</param>
    public bool TryEnd(TimeSpan idle, out TimeSpan left)
    {
        lock (_gate)
        {
            left = Left(idle);
            return _ended = left <= TimeSpan.Zero;
        }
    }

    /// <summary>It could not be deleted, and lives.</summary>
    public void Revive()
    {
        lock (_gate)
            _ended = false;
    }
}

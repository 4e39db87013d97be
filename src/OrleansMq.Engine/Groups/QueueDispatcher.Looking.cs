namespace OrleansMq.Engine.Groups;

/// <summary>
/// Where a partition's signal comes by a call it may be lost: while somebody waits, all partitions are asked again now and then. While nobody does, no timer ticks; a silo may have a
/// hundred thousand groups in memory that nobody reads any more.
/// </summary>
public sealed partial class QueueDispatcher
{
    /// <summary>Partitions that are asked again in one <see cref="LookAgainEvery"/>; of more, not all are asked so often.</summary>
    private const int AskedAtOnce = 64;

    private ITimer? _looking;

    /// <summary>The timer ticks. Under the lock.</summary>
    private bool _isLooking;

    /// <summary>How often partitions are asked again while somebody waits. Null: no signal is lost.</summary>
    public TimeSpan? LookAgainEvery { get; set; }

    /// <summary>Somebody waits from now on. Under the lock.</summary>
    private void BeginLooking()
    {
        if (_isLooking || LookAgainEvery is not { } every)
            return;
        _isLooking = true;
        every *= Math.Max(1, _mayHave.Length / AskedAtOnce);
        _looking ??= _time.CreateTimer(_ => LookAgain(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _looking.Change(every, every);
    }

    private void LookAgain()
    {
        lock (_gate)
        {
            if (_waiting.Count == 0)
            {
                _isLooking = false;
                _looking!.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                return;
            }

            FlagAll();
            WakeWhoMayTake();
        }
    }
}

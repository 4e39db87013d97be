namespace OrleansMq.Engine.Partitions;

/// <summary>What comes due by itself, and one timer for all of it.</summary>
public sealed partial class PartitionEngine
{
    private long _deadlineMs = long.MaxValue;

    private void SetDeadline()
    {
        var next = long.MaxValue;
        foreach (var group in _state.Groups)
        {
            next = Math.Min(next, UnusedMs(group));
            if (!group.IsLog)
                next = Math.Min(next, Math.Min(group.Main!.NextDeadline ?? long.MaxValue, group.Redriven!.NextDeadline ?? long.MaxValue));
        }

        if (_parked.First is { Value.AwaitsAnswer: false } parked)
            next = Math.Min(next, parked.Value.PatientUntilMs);
        next = Math.Min(next, Math.Min(Math.Min(NextScheduledMs, NextTransactionMs), Math.Max(NextHalfMs, _fullUntilMs)));
        if (_fullUntilMs > _clock.NowMs)
            next = Math.Min(next, _fullUntilMs);
        if (next == _deadlineMs)
            return;
        _deadlineMs = next;
        _topic.NoteDeadline(this, next == long.MaxValue ? null : next);
        var due = next == long.MaxValue ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(Math.Clamp(next - _clock.NowMs, 1, 24L * 3600 * 1000));
        _deadlineTimer.Change(due, Timeout.InfiniteTimeSpan);
    }

    private void OnDeadline()
    {
        _deadlineMs = long.MaxValue;
        if (_stopped is not null || _replaying)
            return;
        var now = _clock.NowMs;
        foreach (var group in _state.Groups)
        {
            if (group.IsLog)
                continue;
            Lapse(group, now);
            MoveExhausted(group, now);
            CursorMoved(group);
        }

        RetryParked();
        StartScheduled();
        TimeOutHalf();
        AskAboutTransactions();
        AskAboutUnused(now);
    }
}

using System.Numerics;

namespace OrleansMq.Core.Stages;

/// <summary>Counts lengths of time in buckets: exact below 16 ms, beyond in sixteenths of each power of two.</summary>
public sealed class StageTally
{
    private const int Exact = 16;

    private readonly Dictionary<long, long> _buckets = [];
    private long _count, _sumMs, _maxMs;

    /// <summary>Below 0 counts as 0: two clocks may say so.</summary>
    public void Add(long ms)
    {
        ms = Math.Max(0, ms);
        var bound = BoundOf(ms);
        _buckets[bound] = _buckets.GetValueOrDefault(bound) + 1;
        (_count, _sumMs, _maxMs) = (_count + 1, _sumMs + ms, Math.Max(_maxMs, ms));
    }

    public StageHistogram ToHistogram() =>
        new(_count, _sumMs, _maxMs, [.. _buckets.OrderBy(bucket => bucket.Key).Select(bucket => new StageBucket(bucket.Key, bucket.Value))]);

    /// <summary>The greatest length in the same bucket.</summary>
    internal static long BoundOf(long ms)
    {
        if (ms < Exact)
            return ms;
        var shift = BitOperations.Log2((ulong)ms) - 4;
        return (((ms >> shift) + 1) << shift) - 1;
    }
}

/// <summary>Adds up what a <see cref="LifeScan"/> tells, for one group.</summary>
public sealed class StageCount(int group, bool isLog)
{
    private readonly Dictionary<long, Life> _lives = [];
    private readonly StageTally _append = new(), _wait = new(), _handle = new(), _total = new();
    private long _messages, _redeliveries, _deadLettered;

    public void Take(LifeEvent told)
    {
        if (told.Group != 0 && told.Group != group)
            return;
        // After a cursor was set back, lives are told again that are over, or began before what is looked at.
        if (!_lives.TryGetValue(told.Offset, out var life) && told.Stage is not (TraceStage.Created or TraceStage.Appended))
            return;
        switch (told.Stage)
        {
            case TraceStage.Created:
                life.CreatedMs = told.AtMs;
                break;
            case TraceStage.Appended:
                _messages++;
                life.AppendedMs = told.AtMs;
                if (life.CreatedMs > 0)
                    _append.Add(told.AtMs - life.CreatedMs);
                break;
            case TraceStage.Leased:
                if (life.LeasedMs == 0)
                    _wait.Add(told.AtMs - life.AppendedMs);
                else
                    _redeliveries++;
                life.LeasedMs = told.AtMs;
                break;
            case TraceStage.DeadLettered:
                _deadLettered++;
                break;
            case TraceStage.Settled when life.LeasedMs > 0:
                _handle.Add(told.AtMs - life.LeasedMs);
                _total.Add(told.AtMs - life.AppendedMs);
                _lives.Remove(told.Offset);
                return;
            case TraceStage.Filtered:
                _lives.Remove(told.Offset);
                return;
            case TraceStage.Committed when isLog:
                _wait.Add(told.AtMs - life.AppendedMs);
                _total.Add(told.AtMs - life.AppendedMs);
                _lives.Remove(told.Offset);
                return;
            default:
                return;
        }

        _lives[told.Offset] = life;
    }

    public StageTimes ToTimes(bool isWhole) =>
        new(_messages, _append.ToHistogram(), _wait.ToHistogram(), _handle.ToHistogram(), _total.ToHistogram(), _redeliveries, _deadLettered, isWhole);

    private struct Life
    {
        public long CreatedMs, AppendedMs, LeasedMs;
    }
}

namespace OrleansMq.Records;

/// <summary>Whether a batch still has all the records it was produced with.</summary>
public enum BatchShape
{
    /// <summary>As produced: offset deltas 0, 1, ... count-1.</summary>
    Dense = 0,

    /// <summary>After compaction: deltas rise, none beyond the last offset delta, and there may be no record left.</summary>
    Sparse = 1,
}

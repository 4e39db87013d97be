namespace OrleansMq.Core.Cursors;

/// <summary>The messages of a window by their priorities: about a bit for each.</summary>
internal sealed class PriorityLevels
{
    private readonly OffsetSet[] levels = ReadyMessages.Sets();

    public int Count { get; private set; }

    public void Add(long offset, int priority) => Count += levels[priority].Add(offset) ? 1 : 0;

    /// <returns>Its priority; -1 when it is not there.</returns>
    public int Of(long offset)
    {
        for (var priority = levels.Length - 1; priority >= 0; priority--)
            if (levels[priority].Contains(offset))
                return priority;
        return -1;
    }

    public void Remove(long offset)
    {
        if (Of(offset) is var priority and >= 0 && levels[priority].Remove(offset))
            Count--;
    }

    /// <summary>The lowest message at or above an offset, or -1.</summary>
    public long Next(long from)
    {
        var lowest = -1L;
        foreach (var level in levels)
            if (level.NextSet(from) is var at and >= 0 && (lowest < 0 || at < lowest))
                lowest = at;
        return lowest;
    }

    public void Clear()
    {
        foreach (var level in levels)
            level.Clear();
        Count = 0;
    }
}

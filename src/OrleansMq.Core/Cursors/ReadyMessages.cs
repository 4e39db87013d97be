namespace OrleansMq.Core.Cursors;

/// <summary>
/// The messages of a window that may be granted, and which of them goes first: the lowest offset; by priority the highest, and of equal ones the lowest offset; fairly, the next share's
/// lowest offset. With priorities and fair shares both, the shares of the highest priority take turns.
/// </summary>
/// <remarks>
/// So that no priority starves, every <see cref="OldestEvery"/>th choice by priority is the oldest message of all. One with k unsettled before it is therefore chosen
/// after at most 10 (k + 1) choices, whatever else comes, and a flood of higher priorities leaves a tenth to the others.
/// </remarks>
internal sealed class ReadyMessages
{
    public const int OldestEvery = 10;

    private readonly OffsetSet all = new();
    private readonly OffsetSet[]? levels;

    /// <summary>One for each priority, or one where those don't count.</summary>
    private readonly FairShares[]? shares;

    private readonly bool byPriority;

    /// <summary>Choices since one was made by age. Not saved: a restart begins to count anew.</summary>
    private int sinceOldest;

    public ReadyMessages(DeliveryOrder order)
    {
        byPriority = order.ByPriority;
        if (order.FairBy is not null)
            shares = [.. Enumerable.Range(0, byPriority ? Message.Priorities : 1).Select(_ => new FairShares())];
        else if (byPriority)
            levels = Sets();
    }

    public static OffsetSet[] Sets() => [.. Enumerable.Range(0, Message.Priorities).Select(_ => new OffsetSet())];

    public void Add(long offset, in MessageTraits traits)
    {
        if (!all.Add(offset))
            return;
        levels?[traits.Priority].Add(offset);
        shares?[byPriority ? traits.Priority : 0].Add(offset, traits);
    }

    public void Remove(long offset, in MessageTraits traits)
    {
        if (!all.Remove(offset))
            return;
        levels?[traits.Priority].Remove(offset);
        shares?[byPriority ? traits.Priority : 0].Remove(offset, traits);
    }

    /// <summary>The lowest at or above an offset, or -1.</summary>
    public long Next(long from) => all.NextSet(from);

    /// <summary>The one that goes first, -1 when there is none. It counts as chosen: who does not remove it is told another next time.</summary>
    public long Choose(long floor)
    {
        if (all.Count == 0)
            return -1;
        if (byPriority && ++sinceOldest == OldestEvery)
            sinceOldest = 0;
        else if (shares is not null)
            return Array.FindLast(shares, level => !level.IsEmpty)!.Choose();
        else if (levels is not null)
            return Array.FindLast(levels, level => level.Count > 0)!.NextSet(floor);
        return all.NextSet(floor);
    }

    public void Clear()
    {
        all.Clear();
        foreach (var level in levels ?? [])
            level.Clear();
        foreach (var level in shares ?? [])
            level.Clear();
    }
}

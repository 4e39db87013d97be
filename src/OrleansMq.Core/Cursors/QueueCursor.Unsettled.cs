namespace OrleansMq.Core.Cursors;

/// <summary>A message that is not settled.</summary>
/// <param name="Attempts">Deliveries so far; 0: it was never granted.</param>
/// <param name="NotBeforeMs">Of one that came back: when it is due.</param>
public readonly record struct UnsettledOffset(long Offset, int Attempts, bool IsLeased, long NotBeforeMs)
{
    public UnsettledCause Cause => Attempts == 0 ? UnsettledCause.NeverDelivered
        : IsLeased ? UnsettledCause.Leased
        : NotBeforeMs >= QueueCursor.DeferredMs ? UnsettledCause.Deferred
        : UnsettledCause.Returned;
}

/// <summary>What is not settled, for whoever reconciles. Call <see cref="Lapse"/> before.</summary>
public partial class QueueCursor
{
    /// <summary>How many messages below an end were never granted, are under a lease, came back, were set aside.</summary>
    public (long Fresh, long Leased, long Returned, long Deferred) CountUnsettled(long end)
    {
        if (end <= Floor)
            return (0, 0, 0, 0);
        var (leased, returned, aside) = (0L, 0L, 0L);
        for (var slot = 0; slot < live.Capacity; slot++)
            if (live[slot] is { Attempts: not 0 } message && message.Offset < end)
            {
                if (message.IsLeased)
                    leased++;
                else if (deferred.Contains(message.Offset))
                    aside++;
                else
                    returned++;
            }
        var beyond = 0L;
        for (var at = settled.NextSet(end); at >= 0; at = settled.NextSet(at))
        {
            var clear = settled.NextClear(at);
            (beyond, at) = (beyond + clear - at, clear);
        }

        return (end - Floor - (settled.Count - beyond) - leased - returned - aside, leased, returned, aside);
    }

    /// <summary>Everything below an end is settled or set aside.</summary>
    public bool IsDoneBelow(long end) => Floor >= end || NextUndecided(Floor) >= end;

    /// <summary>Unsettled messages from an offset on, ascending.</summary>
    /// <param name="fresh">Also those that were never granted.</param>
    public void SelectUnsettled(long from, long end, bool fresh, int max, List<UnsettledOffset> into)
    {
        if (!fresh)
        {
            foreach (var at in LiveBelow(Math.Min(end, high)))
                if (at >= from && into.Count < max)
                    into.Add(StandOf(at));
            return;
        }

        for (var at = settled.NextClear(Math.Max(from, Floor)); at < end && into.Count < max; at = settled.NextClear(at + 1))
            into.Add(StandOf(at));
    }

    private UnsettledOffset StandOf(long offset)
    {
        var slot = offset < high ? live.Find(offset) : -1;
        return slot < 0 ? new UnsettledOffset(offset, 0, false, 0) : new UnsettledOffset(offset, live[slot].Attempts, live[slot].IsLeased, live[slot].NotBeforeMs);
    }
}

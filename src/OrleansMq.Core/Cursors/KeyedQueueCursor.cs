namespace OrleansMq.Core.Cursors;

/// <summary>
/// A queue cursor that keeps the order of keys: at most one message of a key is out at a time, and it is the lowest that is not
/// settled. A message that came back and waits holds its key; one that was moved to dead letters is settled and lets it go on.
/// </summary>
/// <remarks>
/// It does not know keys: the engine reads ahead and offers their hashes, in the order of the lane. What is known is not saved;
/// after loading or a seek everything from the floor is offered again, and leases that replay brought hold their keys when they are offered.
/// </remarks>
public sealed class KeyedQueueCursor(long start, Redelivery rules) : QueueCursor(start, rules)
{
    /// <summary>Unsettled messages looked at beyond the floor. A key with a longer backlog than this holds up the others until it shrinks.</summary>
    public const int Window = 16_384;

    private readonly KeyOrder order = new();

    /// <summary>First messages of keys of which nobody has a message, and whose time has come.</summary>
    private readonly OffsetSet ready = new();

    /// <summary>The first offset that was not offered yet.</summary>
    public long Scanned { get; private set; } = start;

    public override bool WantsKeys(long laneEnd, out long from, out int count)
    {
        from = Scanned = Math.Max(Scanned, Floor);
        count = (int)Math.Clamp(laneEnd - from, 0, Window - order.Count);
        return count > 0;
    }

    /// <param name="from">At most <see cref="Scanned"/>; what was offered before is passed over.</param>
    /// <param name="keyHashes">One for each offset; 0 is no key: free of order. A gap in the lane is offered as 0 and settled by the engine.</param>
    public override void Offer(long from, ReadOnlySpan<ulong> keyHashes)
    {
        Scanned = Math.Max(Scanned, Floor);
        if (from > Scanned)
            throw new InvalidOperationException($"Keys from offset {from} were offered, those from {Scanned} are missing.");
        for (var i = (int)Math.Min(Scanned - from, keyHashes.Length); i < keyHashes.Length; i++, Scanned++)
        {
            if (IsSettled(Scanned))
                continue;
            order.Add(Scanned, keyHashes[i]);
            Changed(Scanned);
        }
    }

    public override int Select(long nowMs, int max, long laneEnd, List<GrantRange> into)
    {
        WakeDue(nowMs);
        var first = into.Count;
        var taken = 0;
        for (var at = ready.NextSet(Floor); at >= 0 && at < laneEnd && taken < max; at = ready.NextSet(at + 1), taken++)
            Append(into, first, new GrantRange(at, 1, Attempts(at, out _, out _) + 1));
        return taken;
    }

    private protected override void Changed(long offset)
    {
        if (!order.Contains(offset))
            return;
        if (IsSettled(offset))
        {
            Forget(offset);
            return;
        }
        Attempts(offset, out var leased, out _);
        order.Hold(offset, leased);
        Refresh(offset);
    }

    private protected override void Restarted()
    {
        order.Clear();
        ready.Clear();
        Scanned = Floor;
    }

    private protected override void Cut(long from)
    {
        if (Floor - from < order.Count)
            for (var offset = from; offset < Floor; offset++)
                Forget(offset);
        else
            foreach (var offset in order.Offsets.Where(IsSettled).ToList())
                Forget(offset);
    }

    private void Forget(long offset)
    {
        ready.Remove(offset);
        if (order.Remove(offset, out var sameKey) && sameKey >= 0)
            Refresh(sameKey);
    }

    /// <summary>Looks again at the first message of this one's key.</summary>
    private void Refresh(long offset)
    {
        var first = order.First(offset, out var idle);
        Attempts(first, out _, out var free);
        if (idle && free)
            ready.Add(first);
        else
            ready.Remove(first);
    }
}

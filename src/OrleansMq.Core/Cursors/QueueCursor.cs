namespace OrleansMq.Core.Cursors;

/// <summary>
/// A queue-style group's cursor on one lane of a partition: which messages are settled, which are under a lease, which came back.
/// </summary>
/// <remarks>
/// Every offset is in exactly one state: below <see cref="Floor"/> or in <see cref="settled"/>: settled. In <see cref="live"/>: under a
/// lease, or returned. Else it was never granted.
/// <para><c>Select…</c> and <see cref="Check"/> decide and leave every message's state as it is; <see cref="Select"/> in an order of its own also moves whose turn it is (the shares', the
/// tenth by age), which is neither logged nor saved: what is chosen and not granted has cost a turn. <c>Apply…</c> is called live and at recovery, in
/// the order of the log. <see cref="Lapse"/> follows from the clock and is not logged: an Apply must therefore accept a message that
/// is still leased here although its lease had lapsed when the entry was written.</para>
/// <para>An acknowledgement costs one probe of a table; nothing is allocated for a message.</para>
/// </remarks>
public sealed partial class QueueCursor
{
    /// <summary>When a message comes again that was set aside: it is asked for, or never. The last millisecond that a <see cref="DateTimeOffset"/> can say.</summary>
    public const long DeferredMs = 253_402_300_799_999;

    /// <summary>With so many returned messages no fresh ones are granted until some are settled: a consumer that refuses everything must not fill memory with a lane's backlog.</summary>
    public const int MaxReturned = 1_000_000;

    /// <summary>Settled offsets above the floor.</summary>
    private OffsetSet settled = new();

    /// <summary>Leased or returned messages. None is settled or below the floor.</summary>
    private readonly LiveTable live = new();

    /// <summary>Who has the leased ones, and until when.</summary>
    private readonly GrantTable grants = new();

    /// <summary>Returned messages that wait for their time; entries may be out of date.</summary>
    private readonly Deadlines waits = new();

    /// <summary>Returned messages whose time has come.</summary>
    private readonly OffsetSet due = new();

    /// <summary>Returned messages that had all their deliveries; neither waiting nor due.</summary>
    private readonly OffsetSet exhausted = new();

    /// <summary>Returned messages that come again only when they are asked for; neither waiting nor due nor exhausted.</summary>
    private readonly OffsetSet deferred = new();

    private readonly Func<long, long, bool> waitHolds;

    private Redelivery rules;

    /// <summary>Behind the highest live message: above it no probe of the table is needed.</summary>
    private long high;

    private HeldKeys? held;
    private DeliveryOrder order = DeliveryOrder.OfLane;

    /// <summary>What may be granted next where that is not simply the lowest offset; null where it is.</summary>
    private DeliveryWindow? window;

    /// <param name="start">The first offset of the group: everything below counts as settled.</param>
    /// <param name="byKey">At most one message of a key is out at a time, and it is the lowest that is not settled.</param>
    public QueueCursor(long start, Redelivery rules, bool byKey = false)
    {
        (Floor, Next, high, this.rules, ByKey) = (start, start, start, rules, byKey);
        window = byKey ? new DeliveryWindow(this, byKey, order) : null;
        waitHolds = (atMs, offset) => live.Find(offset) is var slot and >= 0 && Waits(live[slot], atMs);
    }

    public bool ByKey { get; }

    /// <summary>Everything below is settled; this one is not.</summary>
    public long Floor { get; private set; }

    /// <summary>The first offset that was never granted nor settled.</summary>
    public long Next { get; private set; }

    /// <summary>Messages under a lease, with those that ended since the last <see cref="Lapse"/>.</summary>
    public int InFlight { get; private set; }

    /// <summary>Messages that came back: waiting, due or exhausted.</summary>
    public int Returned => live.Count - InFlight;

    /// <summary>Returned messages that had all their deliveries and wait for <see cref="SelectExhausted"/>.</summary>
    public int Exhausted => (int)exhausted.Count;

    /// <summary>Of the returned ones those that were set aside.</summary>
    public int Deferred => (int)deferred.Count;

    /// <summary>Messages that were removed before this group settled them.</summary>
    public long Dropped { get; private set; }

    /// <summary>Settings of the group; not part of the saved state.</summary>
    public Redelivery Rules
    {
        get => rules;
        set
        {
            rules = value;
            SortReturned();
        }
    }

    /// <summary>Which of those that may be granted goes first. Settings of the group; not part of the saved state, and a change begins to read ahead at the floor again.</summary>
    public DeliveryOrder Order
    {
        get => order;
        set
        {
            if (value == order)
                return;
            order = value;
            window = ByKey || !value.IsOfLane ? new DeliveryWindow(this, ByKey, value) : null;
        }
    }

    /// <summary>By key: keys of which nothing is granted. Null: there are none. As <see cref="Order"/> it is not saved.</summary>
    public HeldKeys? HeldKeys
    {
        get => held;
        set
        {
            held = value;
            if (held is not null)
                held.Changed = key => window?.KeyChanged(key);
            window?.Restart();
        }
    }

    /// <summary>The earliest time at which a lease ends, a waiting message becomes due, or a key that somebody asked for is free; null when there is neither. Messages that are due already are not in it.</summary>
    public long? NextDeadline
    {
        get
        {
            var earliest = grants.TryEarliest(out _, out var untilMs) ? untilMs : long.MaxValue;
            while (waits.TryPeek(out var atMs, out var offset))
            {
                if (waitHolds(atMs, offset))
                {
                    earliest = Math.Min(earliest, atMs);
                    break;
                }
                waits.Pop();
            }
            earliest = Math.Min(earliest, holders?.FreeMs ?? long.MaxValue);
            return earliest == long.MaxValue ? null : earliest;
        }
    }

    /// <summary>The lag: messages below <paramref name="laneEnd"/> that are not settled, in flight or not.</summary>
    public long Unsettled(long laneEnd) => Math.Max(0, laneEnd - Floor - settled.Count);

    /// <summary>It came back to wait until it is asked for.</summary>
    public bool IsDeferred(long offset) => deferred.Contains(offset);

    public bool IsSettled(long offset) => offset < Floor || settled.Contains(offset);

    /// <summary>Whether the consumer has a lease that has not ended.</summary>
    public bool Holds(string consumer, long nowMs)
    {
        foreach (ref readonly var grant in grants.Rows)
            if (grant.Live > 0 && grant.UntilMs > nowMs && LeaseHolder.ConsumerOf(grant.Consumer) == consumer)
                return true;
        return false;
    }

    /// <summary>Who has the lease that ends last; null when there is none. After a restart this is the active consumer of a one-active group.</summary>
    public string? LastHolder(long nowMs)
    {
        var (holder, lastMs) = ((string?)null, nowMs);
        foreach (ref readonly var grant in grants.Rows)
            if (grant.Live > 0 && grant.UntilMs > lastMs)
                (holder, lastMs) = (grant.Consumer, grant.UntilMs);
        return holder is null ? null : LeaseHolder.ConsumerOf(holder);
    }

    /// <summary>The leases that have not ended, of those who are looked for; lowest offset first.</summary>
    public List<LiveLease> Held(Func<string, bool> holders, long nowMs)
    {
        var held = new List<LiveLease>();
        foreach (var at in LiveBelow(high))
        {
            ref readonly var message = ref live[live.Find(at)];
            if (!message.IsLeased)
                continue;
            ref readonly var grant = ref grants[message.Grant];
            if (grant.UntilMs > nowMs && holders(grant.Consumer))
                held.Add(new LiveLease(grant.Consumer, at, grant.Epoch, message.Attempts, grant.UntilMs));
        }
        return held;
    }

    /// <summary>
    /// What to grant now: due messages first (lowest offset first), then fresh ones; or in the order that <see cref="DeliveryWindow"/> keeps. Call <see cref="Lapse"/> before, or what lapsed since is left out.
    /// </summary>
    /// <param name="into">Ranges are added; contiguous offsets with the same delivery number are one.</param>
    /// <param name="consumer">Who asks: keys that another one has are left out. Empty: somebody.</param>
    /// <returns>How many messages were selected.</returns>
    public int Select(long nowMs, int max, long laneEnd, List<GrantRange> into, string consumer = "")
    {
        WakeDue(nowMs);
        if (window is not null)
            return window.Select(max, laneEnd, into, consumer, nowMs);
        var first = into.Count;
        var taken = 0;
        for (var at = due.NextSet(Floor); at >= 0 && taken < max; at = due.NextSet(at + 1), taken++)
            Append(into, first, new GrantRange(at, 1, live[live.Find(at)].Attempts + 1));
        if (Returned >= MaxReturned)
            return taken;
        laneEnd = KnownEnd(laneEnd);
        for (var at = Next; taken < max && (at = NextFresh(at)) < laneEnd;)
        {
            var count = (int)Math.Min(FreshEnd(at, laneEnd) - at, max - taken);
            Append(into, first, new GrantRange(at, count, 1));
            taken += count;
            at += count;
        }
        return taken;
    }

    /// <summary>The messages under a lease up to and with <paramref name="offset"/>: for an acknowledgement of everything up to there. Call <see cref="Lapse"/> before.</summary>
    /// <returns>How many messages.</returns>
    public int SelectUpTo(long offset, List<OffsetRange> into)
    {
        var count = 0;
        var first = into.Count;
        foreach (var at in LiveBelow(Math.Min(offset, high - 1) + 1))
        {
            if (!live[live.Find(at)].IsLeased)
                continue;
            count++;
            if (into.Count > first && into[^1].End == at)
                into[^1] = into[^1] with { Count = into[^1].Count + 1 };
            else
                into.Add(new OffsetRange(at, 1));
        }
        return count;
    }

    /// <summary>Messages that had all their deliveries, lowest first: to be moved to dead letters and settled. They don't wait for a back-off.</summary>
    public int SelectExhausted(int max, List<long> into)
    {
        var taken = 0;
        for (var at = exhausted.NextSet(Floor); at >= 0 && taken < max; at = exhausted.NextSet(at + 1), taken++)
            into.Add(at);
        return taken;
    }

    /// <summary>Of these messages those that were set aside, each a range of its own.</summary>
    public void SelectDeferred(IEnumerable<long> offsets, int max, List<GrantRange> into) =>
        into.AddRange(offsets.Where(deferred.Contains).Take(max).Select(offset => new GrantRange(offset, 1, live[live.Find(offset)].Attempts + 1)));

    /// <summary>The log was read to its end: what it brought since the snapshot counts for what is chosen next.</summary>
    public void ReplayEnded() => LookAnew();

    /// <summary>How a lease stands. Its time counts, whether or not <see cref="Lapse"/> was called since.</summary>
    public LeaseState Check(LeaseId lease, long nowMs)
    {
        var slot = lease.Offset < high ? live.Find(lease.Offset) : -1;
        if (slot < 0)
            return LeaseState.Unknown;
        ref readonly var message = ref live[slot];
        if (!message.IsLeased)
            return LeaseState.Lapsed;
        ref readonly var grant = ref grants[message.Grant];
        return grant.Epoch == lease.Epoch && message.Attempts == lease.Delivery && nowMs < grant.UntilMs ? LeaseState.Held : LeaseState.Lapsed;
    }

    /// <summary>Deliveries so far; 0 for a message that was never granted. <paramref name="free"/>: nobody has it and it may be delivered now.</summary>
    internal int Attempts(long offset, out bool leased, out bool free)
    {
        var slot = offset < high ? live.Find(offset) : -1;
        leased = slot >= 0 && live[slot].IsLeased;
        free = slot < 0 || due.Contains(offset);
        return slot < 0 ? 0 : live[slot].Attempts;
    }

    /// <summary>The first message from an offset on that is neither settled nor set aside.</summary>
    internal long NextUndecided(long from)
    {
        from = settled.NextClear(from);
        while (deferred.Contains(from))
            from = settled.NextClear(from + 1);
        return from;
    }

    /// <summary>Behind the highest message under a lease; 0 when there is none.</summary>
    internal long LeasedEnd
    {
        get
        {
            var end = 0L;
            for (var slot = 0; InFlight > 0 && slot < live.Capacity; slot++)
                if (live[slot] is { Attempts: not 0, IsLeased: true } message)
                    end = Math.Max(end, message.Offset + 1);
            return end;
        }
    }

    internal static void Append(List<GrantRange> into, int first, GrantRange range)
    {
        if (into.Count > first && into[^1].End == range.From && into[^1].Delivery == range.Delivery)
            into[^1] = into[^1] with { Count = into[^1].Count + range.Count };
        else
            into.Add(range);
    }

    private long NextFresh(long from)
    {
        for (; ; from++)
        {
            from = settled.NextClear(from);
            if (from >= high || live.Find(from) < 0)
                return from;
        }
    }

    private long FreshEnd(long from, long laneEnd)
    {
        if (from < high)
            return from + 1;
        var next = settled.NextSet(from);
        return next < 0 ? laneEnd : Math.Min(next, laneEnd);
    }

    /// <summary>Live offsets below <paramref name="end"/>, ascending; by the shorter way.</summary>
    private List<long> LiveBelow(long end)
    {
        var offsets = new List<long>();
        if (end - Floor <= live.Capacity)
        {
            for (var at = Floor; at < end; at++)
                if (live.Find(at) >= 0)
                    offsets.Add(at);
            return offsets;
        }
        for (var slot = 0; slot < live.Capacity; slot++)
            if (live[slot].Attempts != 0 && live[slot].Offset < end)
                offsets.Add(live[slot].Offset);
        offsets.Sort();
        return offsets;
    }
}

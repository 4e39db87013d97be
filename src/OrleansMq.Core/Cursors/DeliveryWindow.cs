namespace OrleansMq.Core.Cursors;

/// <summary>
/// The unsettled messages that a queue cursor looks at beyond its floor, where the next to be granted is not simply the lowest: the order of keys, priorities, fair shares.
/// By key at most one message of a key is out at a time, and it is the lowest that is not settled; a message that came back and waits holds its key, one that was moved to
/// dead letters is settled and lets it go on, and so does one that was set aside.
/// </summary>
/// <remarks>
/// It does not know messages: the engine reads ahead and offers their traits, in the order of the lane. What is known is not saved; after loading or a seek everything from
/// the floor is offered again, and leases that replay brought count when their messages are offered. So what was passed over is only what is neither settled nor leased,
/// which the cursor saves.
/// </remarks>
internal sealed class DeliveryWindow
{
    /// <summary>Unsettled messages looked at where keys or shares count; about 100 bytes each. A key or share with a longer backlog than this holds up the others until it shrinks.</summary>
    public const int MaxWithKeys = 16_384;

    /// <summary>
    /// The same where only priorities count, for what is kept of a message is a few bits in pages of 1,024 offsets: 4 MB where they lie close together, 40 MB where nine of ten between them
    /// are settled (if more were, the tenth by age would take the rest); where a consumer settled those and returned one of a hundred, 280 MB, of a thousand 580.
    /// </summary>
    public const int MaxByPriority = 1_000_000;

    /// <summary>How many are offered at once.</summary>
    public const int MaxOffered = 16_384;

    private readonly QueueCursor cursor;
    private readonly bool byKey;
    private readonly bool inLaneOrder;

    /// <summary>What is known of each message, where keys or shares count.</summary>
    private readonly KeyOrder? order;

    /// <summary>Which messages there are of each priority, where nothing else counts.</summary>
    private readonly PriorityLevels? levels;

    /// <summary>Messages whose time has come; by key only the first of keys of which nobody has one.</summary>
    private readonly ReadyMessages ready;

    private readonly List<long> chosen = [];

    /// <summary>By key nothing is chosen before this: of a message that came back after it had been set aside a later one of its key may be out.</summary>
    private long leasedEnd;

    public DeliveryWindow(QueueCursor cursor, bool byKey, DeliveryOrder wanted)
    {
        (this.cursor, this.byKey) = (cursor, byKey);
        if (byKey || wanted.FairBy is not null)
            order = new KeyOrder(keepsTraits: !wanted.IsOfLane);
        else
            levels = new PriorityLevels();
        ready = new ReadyMessages(wanted);
        inLaneOrder = wanted.IsOfLane;
        Begin();
    }

    /// <summary>The first offset that was not offered yet.</summary>
    public long Scanned { get; private set; }

    private int Room => order is null ? MaxByPriority - levels!.Count : MaxWithKeys - order.Count;

    public bool Wants(long laneEnd, out long from, out int count)
    {
        from = Scanned = cursor.NextUndecided(Math.Max(Scanned, cursor.Floor));
        count = (int)Math.Clamp(laneEnd - from, 0, Math.Min(Room, MaxOffered));
        return count > 0;
    }

    /// <param name="from">At most <see cref="Scanned"/>; what was offered before is passed over.</param>
    /// <param name="traits">One for each offset; for which there is no room is passed over, and wanted again. A gap in the lane is offered without a key, and settled by the engine.</param>
    public void Offer(long from, ReadOnlySpan<MessageTraits> traits)
    {
        Scanned = Math.Max(Scanned, cursor.Floor);
        if (from > Scanned)
            throw new InvalidOperationException($"Messages from offset {from} were offered, those from {Scanned} are missing.");
        for (var i = (int)Math.Min(Scanned - from, traits.Length); i < traits.Length && Room > 0; i++, Scanned++)
        {
            if (cursor.IsSettled(Scanned) || cursor.IsDeferred(Scanned))
                continue;
            order?.Add(Scanned, byKey ? traits[i].Key : 0, traits[i]);
            levels?.Add(Scanned, traits[i].Priority);
            Changed(Scanned);
        }
    }

    public int Select(int max, long laneEnd, List<GrantRange> into, string consumer, long nowMs)
    {
        var first = into.Count;
        var taken = 0;
        // What was settled since need not be read to be known.
        if (Scanned < leasedEnd)
            Scanned = cursor.NextUndecided(Math.Max(Scanned, cursor.Floor));
        // With no room to read up to there, until the lease has ended.
        if (Scanned < leasedEnd && (Room > 0 || Scanned < cursor.LeasedEnd))
            return 0;
        if (inLaneOrder)
        {
            for (var at = ready.Next(cursor.Floor); at >= 0 && at < laneEnd && taken < max; at = ready.Next(at + 1))
                if (!cursor.IsAnothers(KeyOf(at), consumer, nowMs))
                    taken += Take(at, first, into);
            return taken;
        }

        chosen.Clear();
        while (taken < max && ready.Choose(cursor.Floor) is var at and >= 0)
        {
            chosen.Add(at);
            ready.Remove(at, TraitsOf(at));
            if (at >= laneEnd || cursor.IsAnothers(KeyOf(at), consumer, nowMs))
                continue;
            taken += Take(at, first, into);
        }

        // What is chosen here is taken when it is granted.
        foreach (var at in chosen)
            ready.Add(at, TraitsOf(at));
        return taken;
    }

    private int Take(long at, int first, List<GrantRange> into)
    {
        var attempts = cursor.Attempts(at, out _, out _);
        if (attempts == 0 && cursor.Returned >= QueueCursor.MaxReturned)
            return 0;
        QueueCursor.Append(into, first, new GrantRange(at, 1, attempts + 1));
        return 1;
    }

    /// <summary>A message's state has changed.</summary>
    public void Changed(long offset)
    {
        if (!Contains(offset))
            return;
        if (cursor.IsSettled(offset) || cursor.IsDeferred(offset))
        {
            Forget(offset);
            return;
        }

        cursor.Attempts(offset, out var leased, out _);
        order?.Hold(offset, leased);
        Refresh(offset);
    }

    /// <summary>A message came back. One that had been set aside was forgotten here: everything is offered again, so that it has its place among the others.</summary>
    public void Returned(long offset)
    {
        if (offset < Scanned && !Contains(offset) && !cursor.IsDeferred(offset))
            Restart();
        else
            Changed(offset);
    }

    /// <summary>Nothing remains of what was known about messages.</summary>
    public void Restart()
    {
        order?.Clear();
        levels?.Clear();
        ready.Clear();
        Begin();
    }

    private void Begin() => (Scanned, leasedEnd) = (cursor.Floor, byKey ? cursor.LeasedEnd : 0);

    /// <summary>Everything from <paramref name="from"/> to the floor is settled at once.</summary>
    public void Cut(long from)
    {
        if (order is null)
            for (var at = levels!.Next(from); at >= 0 && at < cursor.Floor; at = levels.Next(at))
                Forget(at);
        else if (cursor.Floor - from < order.Count)
            for (var offset = from; offset < cursor.Floor; offset++)
                Forget(offset);
        else
            foreach (var offset in order.Offsets.Where(cursor.IsSettled).ToList())
                Forget(offset);
    }

    /// <summary>A key is held from now on, or no longer.</summary>
    public void KeyChanged(ulong key)
    {
        if (order is not null && order.TryFirst(key, out var first))
            Refresh(first);
    }

    /// <summary>0: it has none, or none that counts, or is not known.</summary>
    public ulong KeyOf(long offset) => byKey && order!.Contains(offset) ? order.KeyOf(offset) : 0;

    private bool Contains(long offset) => order?.Contains(offset) ?? levels!.Of(offset) >= 0;

    private MessageTraits TraitsOf(long offset) => order?.TraitsOf(offset) ?? new MessageTraits(0, 0, 1, levels!.Of(offset));

    private void Forget(long offset)
    {
        if (!Contains(offset))
            return;
        ready.Remove(offset, TraitsOf(offset));
        levels?.Remove(offset);
        if (order is not null && order.Remove(offset, out var sameKey) && sameKey >= 0)
            Refresh(sameKey);
    }

    private bool IsHeld(long offset) => cursor.HeldKeys is { } held && order is not null && held.Holds(order.KeyOf(offset));

    /// <summary>Looks again at the first message of this one's key.</summary>
    private void Refresh(long offset)
    {
        var (first, idle) = (offset, true);
        if (order is not null)
            first = order.First(offset, out idle);
        var traits = TraitsOf(first);
        cursor.Attempts(first, out _, out var free);
        if (idle && free && !IsHeld(first))
            ready.Add(first, traits);
        else
            ready.Remove(first, traits);
    }
}

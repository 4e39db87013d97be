namespace OrleansMq.Core.Cursors;

public partial class QueueCursor
{
    /// <summary>The range of the last extension by one message, so that a batch of extensions becomes one grant.</summary>
    private (int Row, int Version) lastExtended = (-1, 0);

    /// <summary>Messages are leased until <paramref name="untilMs"/>. Whatever lease they had before has ended; settled ones stay settled.</summary>
    public void ApplyGranted(GrantRange range, long untilMs, int epoch, string consumer)
    {
        var from = Math.Max(range.From, Floor);
        if (from >= range.End)
            return;
        high = Math.Max(high, range.End);
        var row = grants.Add(from, (int)(range.End - from), range.Delivery, untilMs, epoch, consumer);
        for (var at = from; at < range.End; at++)
        {
            if (settled.Contains(at))
                continue;
            var slot = live.GetOrAdd(at);
            ref var message = ref live[slot];
            if (message.Attempts != 0)
                Detach(message);
            message.Attempts = range.Delivery;
            message.Grant = row;
            grants[row].Live++;
            InFlight++;
            window?.Changed(at);
        }
        if (grants[row].Live == 0)
            grants.Release(row);
        if (from <= Next && Next < range.End)
            Next = range.End;
        Next = NextFresh(Next);
    }

    /// <summary>Messages are done with: acknowledged, moved to dead letters, expired, passed over by a filter, or never there (a gap in the log).</summary>
    public void ApplySettled(long from, int count)
    {
        var end = from + count;
        from = Math.Max(from, Floor);
        if (from >= end)
            return;
        for (var (at, last) = (from, Math.Min(end, high)); at < last; at++)
            if (live.Find(at) is var slot and >= 0)
                Remove(slot);
        if (from == Floor)
            RaiseFloor(end);
        else
            settled.AddRange(from, end);
        Next = NextFresh(Math.Max(Next, Floor));
        if (window is not null)
            for (var (at, last) = (from, Math.Min(end, window.Scanned)); at < last; at++)
                window.Changed(at);
    }

    /// <summary>
    /// A leased message comes back, or one that came back waits no longer: it may be delivered again at <paramref name="notBeforeMs"/>, from <see cref="DeferredMs"/> on only when it is asked for.
    /// </summary>
    public void ApplyReturned(long offset, long notBeforeMs)
    {
        if (live.Find(offset) is var slot and >= 0)
            Return(slot, notBeforeMs);
    }

    /// <summary>A lease ends at another time.</summary>
    public void ApplyExtended(long offset, long untilMs)
    {
        var slot = live.Find(offset);
        if (slot < 0 || !live[slot].IsLeased)
            return;
        var row = live[slot].Grant;
        var grant = grants[row];
        if (grant.UntilMs == untilMs)
            return;
        if (JoinsLastExtended(offset, untilMs, grant))
            grants[lastExtended.Row].Count++;
        else if (grant.Live == 1)
        {
            grants[row].From = offset;
            grants[row].Count = 1;
            grants.Retime(row, untilMs);
            lastExtended = (row, grants[row].Version);
            return;
        }
        else
        {
            var added = grants.Add(offset, 1, grant.Delivery, untilMs, grant.Epoch, grant.Consumer);
            lastExtended = (added, grants[added].Version);
        }
        live[slot].Grant = lastExtended.Row;
        grants[lastExtended.Row].Live++;
        grants.Leave(row);
    }

    /// <summary>The group begins anew at <paramref name="offset"/>: leases end, attempts and what was settled beyond are forgotten.</summary>
    public void ApplySought(long offset)
    {
        settled.Clear();
        due.Clear();
        exhausted.Clear();
        deferred.Clear();
        live.Clear();
        grants.Clear();
        waits.Clear();
        holders?.Clear();
        InFlight = 0;
        Floor = Next = high = offset;
        LookAnew();
    }

    /// <summary>The messages below are gone, settled or not.</summary>
    public void ApplyDropped(long newStart)
    {
        if (newStart <= Floor)
            return;
        foreach (var at in LiveBelow(Math.Min(newStart, high)))
            Remove(live.Find(at));
        var oldFloor = Floor;
        Dropped += newStart - oldFloor - settled.RemoveRange(oldFloor, newStart);
        RaiseFloor(newStart);
        Next = NextFresh(Math.Max(Next, Floor));
        window?.Cut(oldFloor);
    }

    /// <summary>After an unclean end the log is shorter than what was granted and settled: nothing is known of what comes at those offsets now.</summary>
    public void ClampTo(long laneEnd)
    {
        foreach (var at in LiveBelow(high))
            if (at >= laneEnd)
                Remove(live.Find(at));
        settled.RemoveRange(laneEnd, long.MaxValue);
        Floor = Math.Min(Floor, laneEnd);
        high = Math.Min(high, laneEnd);
        Next = NextFresh(Math.Min(Next, laneEnd));
        LookAnew();
    }

    /// <summary>Leases that ended come back, each due at its end plus the back-off: the same whenever it is called.</summary>
    /// <returns>How many leases ended.</returns>
    public int Lapse(long nowMs)
    {
        var lapsed = 0;
        while (grants.TryEarliest(out var row, out var untilMs) && untilMs <= nowMs)
        {
            var (at, end, version) = (grants[row].From, grants[row].End, grants[row].Version);
            for (; at < end && grants[row].Version == version; at++)
                if (live.Find(at) is var slot and >= 0 && live[slot].Grant == row)
                {
                    lapsed++;
                    Return(slot, untilMs + rules.DelayMs(live[slot].Attempts));
                }
            if (grants[row].Version == version)
                throw new InvalidOperationException($"{grants[row].Live} messages are leased under a grant whose range [{grants[row].From}, {end}) doesn't have them.");
        }
        WakeDue(nowMs);
        holders?.Free(nowMs);
        return lapsed;
    }

    /// <summary>Waiting messages whose time has come are due. Follows from the clock, as <see cref="Lapse"/> does.</summary>
    private void WakeDue(long nowMs)
    {
        while (waits.TryPeek(out var atMs, out var offset) && atMs <= nowMs)
        {
            waits.Pop();
            if (!waitHolds(atMs, offset))
                continue;
            due.Add(offset);
            window?.Changed(offset);
        }
        // Messages that were dropped or settled while they waited leave entries behind.
        if (waits.Count > 64 && waits.Count > 2 * Returned)
            waits.Keep(waitHolds);
    }

    private bool JoinsLastExtended(long offset, long untilMs, in Grant from)
    {
        if (lastExtended.Row < 0)
            return false;
        ref readonly var last = ref grants[lastExtended.Row];
        return last.Version == lastExtended.Version && last.Live > 0 && last.End == offset && last.UntilMs == untilMs
            && last.Delivery == from.Delivery && last.Epoch == from.Epoch && last.Consumer == from.Consumer;
    }

    private bool Waits(in LiveMessage message, long atMs) =>
        !message.IsLeased && message.NotBeforeMs == atMs && message.Attempts < rules.MaxDeliveries && !due.Contains(message.Offset);

    private void Return(int slot, long notBeforeMs)
    {
        ref var message = ref live[slot];
        Detach(message);
        message.Grant = LiveMessage.Returned;
        message.NotBeforeMs = notBeforeMs;
        Sort(message);
        window?.Returned(message.Offset);
    }

    private void Sort(in LiveMessage returned)
    {
        if (returned.NotBeforeMs >= DeferredMs)
            deferred.Add(returned.Offset);
        else if (returned.Attempts >= rules.MaxDeliveries)
            exhausted.Add(returned.Offset);
        else
            waits.Push(returned.NotBeforeMs, returned.Offset);
    }

    private void SortReturned()
    {
        due.Clear();
        exhausted.Clear();
        deferred.Clear();
        waits.Clear();
        for (var slot = 0; slot < live.Capacity; slot++)
            if (live[slot].Attempts != 0 && !live[slot].IsLeased)
            {
                Sort(live[slot]);
                window?.Changed(live[slot].Offset);
            }
    }

    private void Remove(int slot)
    {
        Detach(live[slot]);
        live.RemoveAt(slot);
    }

    /// <summary>Takes the message out of what it was in as leased or returned.</summary>
    private void Detach(in LiveMessage message)
    {
        if (message.IsLeased)
        {
            InFlight--;
            grants.Leave(message.Grant);
            return;
        }
        due.Remove(message.Offset);
        exhausted.Remove(message.Offset);
        deferred.Remove(message.Offset);
    }

    private void RaiseFloor(long floor)
    {
        if (settled.Count == 0)
        {
            Floor = floor;
            return;
        }
        settled.RemoveRange(Floor, floor);
        Floor = settled.NextClear(floor);
        settled.RemoveRange(floor, Floor);
    }
}

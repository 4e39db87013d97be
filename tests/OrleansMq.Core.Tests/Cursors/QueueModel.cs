using OrleansMq.Core.Cursors;

namespace OrleansMq.Core.Tests.Cursors;

/// <summary>What a queue cursor should do, said as plainly as possible: one entry for each message that was touched.</summary>
internal sealed class QueueModel(long start, Redelivery rules)
{
    private sealed record Touched(bool Settled, bool Leased, long AtMs, int Attempts, int Epoch, string Consumer);

    private readonly SortedDictionary<long, Touched> touched = [];

    public long Start { get; private set; } = start;
    public long Dropped { get; private set; }
    public Redelivery Rules { get; set; } = rules;

    public long Floor
    {
        get
        {
            while (touched.GetValueOrDefault(Start) is { Settled: true })
                touched.Remove(Start++);
            return Start;
        }
    }

    public bool IsSettled(long at) => at < Start || touched.GetValueOrDefault(at) is { Settled: true };

    public bool IsFresh(long at) => at >= Start && !touched.ContainsKey(at);

    public bool IsLeased(long at) => touched.GetValueOrDefault(at) is { Leased: true };

    public bool IsDue(long at, long nowMs) => touched.GetValueOrDefault(at) is { Settled: false, Leased: false } m && m.AtMs <= nowMs && m.Attempts < Rules.MaxDeliveries;

    public bool IsExhausted(long at) => touched.GetValueOrDefault(at) is { Settled: false, Leased: false } m && m.Attempts >= Rules.MaxDeliveries && !IsDeferred(at);

    public bool IsDeferred(long at) => touched.GetValueOrDefault(at) is { Settled: false, Leased: false, AtMs: QueueCursor.DeferredMs };

    public int Attempts(long at) => touched.GetValueOrDefault(at)?.Attempts ?? 0;

    public int InFlight => touched.Values.Count(m => m.Leased);

    public long Unsettled(long end) => Math.Max(0, end - Start) - touched.Count(m => m.Value.Settled && m.Key >= Start && m.Key < end);

    public IEnumerable<long> Deferred => touched.Keys.Where(IsDeferred);

    public IEnumerable<long> Exhausted => touched.Keys.Where(IsExhausted);

    public IEnumerable<(long Offset, int Delivery)> Select(long nowMs, int max, long end) =>
        touched.Keys.Where(at => IsDue(at, nowMs)).Select(at => (at, Attempts(at) + 1))
            .Concat(Enumerable.Range((int)Start, (int)Math.Max(0, end - Start)).Select(at => (long)at).Where(IsFresh).Select(at => (at, 1))).Take(max);

    public long? NextDeadline(long nowMs)
    {
        var times = touched.Values.Where(m => m.Leased || (!m.Settled && m.Attempts < Rules.MaxDeliveries && m.AtMs > nowMs && m.AtMs != QueueCursor.DeferredMs)).Select(m => m.AtMs).ToList();
        return times.Count == 0 ? null : times.Min();
    }

    public LeaseState Check(LeaseId lease, long nowMs) => touched.GetValueOrDefault(lease.Offset) switch
    {
        null or { Settled: true } => LeaseState.Unknown,
        { Leased: true } m when m.Epoch == lease.Epoch && m.Attempts == lease.Delivery && nowMs < m.AtMs => LeaseState.Held,
        _ => LeaseState.Lapsed,
    };

    public void Granted(GrantRange range, long untilMs, int epoch, string consumer)
    {
        for (var at = range.From; at < range.End; at++)
            if (!IsSettled(at))
                touched[at] = new Touched(false, true, untilMs, range.Delivery, epoch, consumer);
    }

    public void Settled(long from, int count)
    {
        for (var at = Math.Max(from, Start); at < from + count; at++)
            touched[at] = new Touched(true, false, 0, 0, 0, "");
    }

    public void Returned(long at, long notBeforeMs)
    {
        if (IsLeased(at))
            touched[at] = touched[at] with { Leased = false, AtMs = notBeforeMs };
    }

    public void Extended(long at, long untilMs)
    {
        if (IsLeased(at))
            touched[at] = touched[at] with { AtMs = untilMs };
    }

    public void Sought(long at)
    {
        touched.Clear();
        Start = at;
    }

    public void DroppedBelow(long newStart)
    {
        if (newStart <= Floor)
            return;
        Dropped += Unsettled(newStart);
        foreach (var at in touched.Keys.Where(at => at < newStart).ToList())
            touched.Remove(at);
        Start = newStart;
    }

    public void Clamped(long end)
    {
        foreach (var at in touched.Keys.Where(at => at >= end).ToList())
            touched.Remove(at);
        Start = Math.Min(Start, end);
    }

    public int Lapse(long nowMs)
    {
        var ended = touched.Where(m => m.Value.Leased && m.Value.AtMs <= nowMs).ToList();
        foreach (var (at, m) in ended)
            Returned(at, m.AtMs + Rules.DelayMs(m.Attempts));
        return ended.Count;
    }
}

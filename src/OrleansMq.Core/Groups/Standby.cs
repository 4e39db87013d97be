namespace OrleansMq.Core.Groups;

/// <summary>
/// Which consumer of a one-active queue group may receive. The active one stays so while it polls or holds leases; when it is gone the
/// next that polls takes over. Not stored: after a restart whoever holds leases is active, else the first that polls.
/// </summary>
public sealed class Standby
{
    /// <summary>How long after its last poll ended a consumer without leases counts as there. 10 s: a worker that thinks between polls keeps its place, and a dead one is replaced soon.</summary>
    public const long IdleMs = 10_000;

    /// <summary>Consumers remembered for the list of members; beyond it the one seen longest ago is forgotten.</summary>
    public const int MaxSeen = 1_000;

    /// <summary>Consumer to when it counts as gone.</summary>
    private readonly Dictionary<string, long> presentUntilMs = new(StringComparer.Ordinal);

    /// <summary>Null until the first receives.</summary>
    public string? Active { get; private set; }

    /// <summary>Decides, and changes nothing: follow it with <see cref="Polled"/>.</summary>
    /// <param name="holder">Who holds leases now (<see cref="Cursors.QueueCursor.LastHolder"/>), null when nobody does.</param>
    public bool MayReceive(string consumer, long nowMs, string? holder)
    {
        if (holder is not null)
            return holder == consumer;
        return Active is null || Active == consumer || presentUntilMs.GetValueOrDefault(Active) <= nowMs;
    }

    /// <summary>The consumer asks for messages and waits for up to <paramref name="waitMs"/>; say it again with 0 when the wait ends sooner.</summary>
    /// <param name="admitted">What <see cref="MayReceive"/> said.</param>
    public void Polled(string consumer, long nowMs, long waitMs, bool admitted)
    {
        presentUntilMs[consumer] = nowMs + waitMs + IdleMs;
        if (admitted)
            Active = consumer;
        if (presentUntilMs.Count > MaxSeen)
            presentUntilMs.Remove(presentUntilMs.Where(p => p.Key != Active).MinBy(p => p.Value).Key);
    }

    /// <summary>The consumer is gone (its connection closed): its place is free at once, unless it holds leases.</summary>
    public void Left(string consumer)
    {
        presentUntilMs.Remove(consumer);
        if (Active == consumer)
            Active = null;
    }

    /// <summary>The consumers that are there, in the order of their names, and whether each is the active one.</summary>
    public IReadOnlyList<(string Consumer, bool Active)> Present(long nowMs) =>
        [.. presentUntilMs.Where(p => p.Value > nowMs).Select(p => (p.Key, p.Key == Active)).OrderBy(p => p.Key, StringComparer.Ordinal)];
}

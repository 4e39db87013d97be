namespace OrleansMq.Core.Cursors;

public partial class QueueCursor
{
    private SessionHolders? holders;

    /// <summary>By key: how long a key stays with a consumer that has settled its message; null: not at all. Settings of the group; not part of the saved state.</summary>
    public long? SessionIdleMs
    {
        get => holders?.IdleMs;
        set
        {
            if (value != holders?.IdleMs)
                holders = ByKey && value is { } idle ? new SessionHolders(idle) : null;
        }
    }

    /// <summary>Messages were leased as they came; those that were asked for by name make no session.</summary>
    public void NoteGranted(in GrantRange range, string holder, long untilMs, long nowMs)
    {
        if (holders is null)
            return;
        for (var at = range.From; at < range.End; at++)
            holders.Hold(window!.KeyOf(at), LeaseHolder.ConsumerOf(holder), untilMs, nowMs);
    }

    /// <summary>To be called before the message is settled or given back: its key stays for a while.</summary>
    public void NoteDone(long offset, long nowMs) => holders?.Keep(window!.KeyOf(offset), nowMs + holders.IdleMs);

    public void NoteExtended(long offset, long untilMs) => holders?.Keep(window!.KeyOf(offset), untilMs);

    internal bool IsAnothers(ulong key, string consumer, long nowMs) => holders is not null && holders.IsAnothers(key, consumer, nowMs);
}

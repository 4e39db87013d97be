namespace OrleansMq.Core.Cursors;

/// <summary>
/// Which consumer has a key, so that its later messages go there too: from a lease on until that lapses, or until <paramref name="idleMs"/> after it was settled. It decides about turns and nothing
/// else, and is neither logged nor saved: after a restart keys go to whoever asks.
/// </summary>
public sealed class SessionHolders(long idleMs)
{
    /// <summary>Keys of a group and partition; about 100 bytes each. Beyond it a key's next message goes to anyone.</summary>
    public const int MaxKeys = 100_000;

    private readonly Dictionary<ulong, Holder> holders = [];

    /// <summary>Those whose time was over are looked for again when there are so many.</summary>
    private int sweepAt = 1_024;

    public long IdleMs => idleMs;

    /// <summary>When the first of the keys that others asked for in vain is free.</summary>
    public long FreeMs { get; private set; } = long.MaxValue;

    /// <param name="key">0, no key, belongs to nobody.</param>
    public bool IsAnothers(ulong key, string consumer, long nowMs)
    {
        if (key == 0 || !holders.TryGetValue(key, out var holder) || holder.Consumer == consumer)
            return false;
        if (holder.UntilMs <= nowMs)
        {
            holders.Remove(key);
            return false;
        }

        FreeMs = Math.Min(FreeMs, holder.UntilMs);
        return true;
    }

    /// <summary>The consumer has a message of the key until then.</summary>
    public void Hold(ulong key, string consumer, long untilMs, long nowMs)
    {
        if (key == 0)
            return;
        holders.Remove(key);
        if (consumer.Length == 0 || !HasRoom(nowMs))
            return;
        holders[key] = new Holder(consumer, untilMs);
    }

    /// <summary>Its holder is done with the message, or has it for longer.</summary>
    public void Keep(ulong key, long untilMs)
    {
        if (key == 0 || !holders.TryGetValue(key, out var holder))
            return;
        holders[key] = holder with { UntilMs = untilMs };
        if (FreeMs != long.MaxValue)
            FreeMs = Math.Min(FreeMs, untilMs);
    }

    /// <summary>Who waits is told of what is free now.</summary>
    public void Free(long nowMs)
    {
        if (FreeMs <= nowMs)
            FreeMs = long.MaxValue;
    }

    public void Clear()
    {
        holders.Clear();
        FreeMs = long.MaxValue;
    }

    private bool HasRoom(long nowMs)
    {
        if (holders.Count < sweepAt)
            return true;
        foreach (var (key, holder) in holders)
            if (holder.UntilMs <= nowMs)
                holders.Remove(key);
        sweepAt = Math.Clamp(holders.Count * 2, 1_024, MaxKeys);
        return holders.Count < MaxKeys;
    }

    private readonly record struct Holder(string Consumer, long UntilMs);
}

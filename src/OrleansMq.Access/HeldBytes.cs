using System.Collections.Concurrent;

namespace OrleansMq.Access;

/// <summary>Bytes of one request that count in each of its quotas until this is disposed.</summary>
internal sealed class HeldBytes(ConcurrentDictionary<(QuotaScope Scope, string Who), long> all, long bytes) : IDisposable
{
    private readonly List<(QuotaScope Scope, string Who)> _mine = [];

    /// <returns>How many there are with these.</returns>
    public long Add(QuotaScope scope, string who)
    {
        _mine.Add((scope, who));
        return all.AddOrUpdate((scope, who), static (_, more) => more, static (_, now, more) => now + more, bytes);
    }

    public void Dispose()
    {
        foreach (var key in _mine)
            if (all.AddOrUpdate(key, static (_, less) => -less, static (_, now, less) => now - less, bytes) == 0)
                all.TryRemove(new KeyValuePair<(QuotaScope, string), long>(key, 0));
        _mine.Clear();
    }
}

using System.Collections.Concurrent;
using OrleansMq.Json;

namespace OrleansMq.Access;

/// <summary>Counts what each principal and each address takes on this node, and refuses beyond their quotas.</summary>
/// <remarks>A rate has a burst of one second's worth. Bytes are charged when they are known and may leave a debt, so that the average holds and no request is too large for ever.</remarks>
public sealed class QuotaDesk
{
    private const int MaxCounted = 10_000;

    private readonly AccessControl _control;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<(QuotaScope Scope, string Who, QuotaKind Kind), Meter> _meters = new();
    private readonly ConcurrentDictionary<string, int> _connections = new(StringComparer.Ordinal);

    internal QuotaDesk(AccessControl control, TimeProvider time) => (_control, _time) = (control, time);

    /// <summary>Takes one request.</summary>
    /// <returns>Null, or why not: the quota's name and when it may be tried again.</returns>
    public MqException? Take(Principal principal)
    {
        var state = _control.State;
        if (state.Quotas.IsEmpty)
            return null;
        foreach (var (scope, who) in Of(principal))
        {
            // Bytes first: they are charged later, and a request that they refuse takes none.
            foreach (var (kind, amount) in new[] { (QuotaKind.BytesPerSecond, 0L), (QuotaKind.RequestsPerSecond, 1L) })
                if (LimitOf(state, principal, scope, who, kind) is { } limit && MeterOf(scope, who, kind).Take(limit, amount, Now) is var wait && wait > TimeSpan.Zero)
                    return Refusal(scope, who, kind, limit, wait);
        }
        return null;
    }

    /// <summary>Bytes that came or went.</summary>
    /// <returns>How long the principal should wait before its next request; zero where it is within its quotas.</returns>
    public TimeSpan Charge(Principal principal, long bytes)
    {
        var state = _control.State;
        var longest = TimeSpan.Zero;
        if (state.Quotas.IsEmpty || bytes == 0)
            return longest;
        foreach (var (scope, who) in Of(principal))
            if (LimitOf(state, principal, scope, who, QuotaKind.BytesPerSecond) is { } limit && MeterOf(scope, who, QuotaKind.BytesPerSecond).Charge(limit, bytes, Now) is var wait && wait > longest)
                longest = wait;
        return longest;
    }

    /// <summary>Counts a connection of an address; one that is counted is to be given back.</summary>
    public bool TryConnect(string address)
    {
        var limit = LimitOf(_control.State, null, QuotaScope.Address, address, QuotaKind.Connections) ?? long.MaxValue;
        var open = _connections.AddOrUpdate(address, 1, (_, count) => count + 1);
        if (open <= limit)
            return true;
        Disconnect(address);
        return false;
    }

    public void Disconnect(string address)
    {
        var open = _connections.AddOrUpdate(address, 0, (_, count) => count - 1);
        if (open <= 0)
            _connections.TryRemove(new KeyValuePair<string, int>(address, open));
    }

    private double Now => _time.GetTimestamp() / (double)_time.TimestampFrequency;

    private static IEnumerable<(QuotaScope Scope, string Who)> Of(Principal principal) => principal.Address.Length == 0
        ? [(QuotaScope.User, principal.Name)]
        : [(QuotaScope.User, principal.Name), (QuotaScope.Address, principal.Address)];

    private static long? LimitOf(AccessState state, Principal? principal, QuotaScope scope, string who, QuotaKind kind)
    {
        long? ofEach = null;
        foreach (var quota in state.Quotas)
        {
            if (quota.Scope != scope || quota.Kind != kind)
                continue;
            if (quota.Who == who)
                return quota.Limit;
            if (quota.Who == Quota.Each)
                ofEach = quota.Limit;
        }
        return ofEach is null || (principal is not null && state.GrantsOf(principal).IsAdmin && state.TenantOf(principal) is null) ? null : ofEach;
    }

    private Meter MeterOf(QuotaScope scope, string who, QuotaKind kind)
    {
        if (_meters.TryGetValue((scope, who, kind), out var known))
            return known;
        if (_meters.Count >= MaxCounted)
            foreach (var (key, meter) in _meters)
                if (meter.IsIdle(Now))
                    _meters.TryRemove(key, out _);
        return _meters.GetOrAdd((scope, who, kind), _ => new Meter());
    }

    private static MqException Refusal(QuotaScope scope, string who, QuotaKind kind, long limit, TimeSpan wait) =>
        new(ErrorCodes.RateLimited, $"The quota {AccessJson.QuotaKinds.Write(kind)} of {AccessJson.QuotaScopes.Write(scope)} {who}, {limit}, is reached.", wait);

    /// <summary>A bucket of one second's worth.</summary>
    private sealed class Meter
    {
        // As of _at; negative: a debt. The first use fills it.
        private double _level = double.NaN;
        private double _at;

        public TimeSpan Take(long limit, long amount, double now)
        {
            lock (this)
            {
                Fill(limit, now);
                var missing = Math.Min(Math.Max(amount, double.Epsilon), limit) - _level;
                if (missing > 1e-6)
                    return TimeSpan.FromSeconds(Math.Max(missing / limit, 0.001));
                _level -= amount;
                return TimeSpan.Zero;
            }
        }

        public TimeSpan Charge(long limit, long amount, double now)
        {
            lock (this)
            {
                Fill(limit, now);
                _level -= amount;
                return _level >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-_level / limit);
            }
        }

        public bool IsIdle(double now)
        {
            lock (this)
                return now - _at > 60 && _level >= 0;
        }

        private void Fill(long limit, double now)
        {
            _level = double.IsNaN(_level) ? limit : Math.Min(limit, _level + (now - _at) * limit);
            _at = now;
        }
    }
}

using System.Collections.Concurrent;
using OrleansMq.Json;

namespace OrleansMq.Access;

/// <summary>Counts what each principal and each address takes on this node, and refuses beyond their quotas.</summary>
/// <remarks>A rate has a burst of one second's worth. Bytes are charged when they are known and may leave a debt, so that the average holds and no request is too large for ever.</remarks>
public sealed class QuotaDesk
{
    private const int MaxCounted = 10_000;

    /// <summary>What is on its way now is stored, or refused, in some such time.</summary>
    private static readonly TimeSpan InFlightWait = TimeSpan.FromMilliseconds(50);

    private readonly AccessControl _control;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<(QuotaScope Scope, string Who, QuotaKind Kind), Meter> _meters = new();
    private readonly ConcurrentDictionary<(QuotaScope Scope, string Who), int> _connections = new();
    private readonly ConcurrentDictionary<(QuotaScope Scope, string Who), long> _inFlight = new();

    internal QuotaDesk(AccessControl control, TimeProvider time) => (_control, _time) = (control, time);

    internal TimeProvider Time => _time;

    /// <summary>Takes one request.</summary>
    /// <returns>Null, or why not: the quota's name and when it may be tried again.</returns>
    public MqException? Take(Principal principal)
    {
        var state = _control.State;
        if (state.Quotas.IsEmpty)
            return null;
        // All are asked before one is charged: a request that is refused takes nothing of any. (Requests of the same moment may leave a debt.)
        foreach (var (scope, who) in Of(state, principal))
            foreach (var (kind, amount) in new[] { (QuotaKind.BytesPerSecond, 0L), (QuotaKind.RequestsPerSecond, 1L) })
                if (LimitOf(state, principal, scope, who, kind) is { } limit && MeterOf(scope, who, kind).WaitFor(limit, amount, Now) is var wait && wait > TimeSpan.Zero)
                    return Refusal(scope, who, kind, limit, wait);
        foreach (var (scope, who) in Of(state, principal))
            if (LimitOf(state, principal, scope, who, QuotaKind.RequestsPerSecond) is { } limit)
                MeterOf(scope, who, QuotaKind.RequestsPerSecond).Charge(limit, 1, Now);
        return null;
    }

    /// <summary>Before it is known who asks: whether the address has used up its requests. Nothing is taken.</summary>
    public MqException? RefusalOf(string address)
    {
        var state = _control.State;
        return LimitOf(state, null, QuotaScope.Address, address, QuotaKind.RequestsPerSecond) is { } limit
            && MeterOf(QuotaScope.Address, address, QuotaKind.RequestsPerSecond).WaitFor(limit, 1, Now) is var wait && wait > TimeSpan.Zero
                ? Refusal(QuotaScope.Address, address, QuotaKind.RequestsPerSecond, limit, wait)
                : null;
    }

    /// <summary>A request of somebody who did not show who it is: guesses cost their address as much as requests do.</summary>
    public void TakeOfStranger(string address)
    {
        if (LimitOf(_control.State, null, QuotaScope.Address, address, QuotaKind.RequestsPerSecond) is { } limit)
            MeterOf(QuotaScope.Address, address, QuotaKind.RequestsPerSecond).Charge(limit, 1, Now);
    }

    /// <summary>Bytes that came or went.</summary>
    /// <param name="requests">Of protocols that make clients wait behind a request, instead of refusing it: what <see cref="Take"/> has not taken.</param>
    /// <returns>How long the principal should wait before its next request; zero where it is within its quotas.</returns>
    public TimeSpan Charge(Principal principal, long bytes, int requests = 0)
    {
        var state = _control.State;
        var longest = TimeSpan.Zero;
        if (state.Quotas.IsEmpty)
            return longest;
        foreach (var (scope, who) in Of(state, principal))
            foreach (var (kind, amount) in new[] { (QuotaKind.BytesPerSecond, bytes), (QuotaKind.RequestsPerSecond, requests) })
                if (amount > 0 && LimitOf(state, principal, scope, who, kind) is { } limit && MeterOf(scope, who, kind).Charge(limit, amount, Now) is var wait && wait > longest)
                    longest = wait;
        return longest;
    }

    /// <summary>Whether anybody's bytes in flight may have to be counted.</summary>
    internal bool HasAny => !_control.State.Quotas.IsEmpty;

    /// <summary>Counts messages that are being stored, until that is disposed. Where nothing is held, one request is let in whatever its size.</summary>
    /// <exception cref="MqException">There are more bytes on their way than one of the quotas allows.</exception>
    internal HeldBytes Hold(Principal principal, long bytes)
    {
        var state = _control.State;
        var held = new HeldBytes(_inFlight, bytes);
        foreach (var (scope, who) in Of(state, principal))
        {
            if (LimitOf(state, principal, scope, who, QuotaKind.InFlightBytes) is not { } limit || held.Add(scope, who) is var now && (now <= limit || now <= bytes))
                continue;
            held.Dispose();
            throw Refusal(scope, who, QuotaKind.InFlightBytes, limit, InFlightWait);
        }

        return held;
    }

    /// <summary>Counts a connection of an address; one that is counted is to be given back.</summary>
    public bool TryConnect(string address) => TryCount(QuotaScope.Address, address);

    public void Disconnect(string address) => Uncount(QuotaScope.Address, address);

    /// <summary>Whose tenant's quotas hold for the principal; null: none's.</summary>
    public string? TenantOf(Principal principal) => _control.State.TenantOf(principal);

    /// <summary>Counts a connection of a tenant; one that is counted is to be given back.</summary>
    /// <returns>Null, or why it is not: the tenant has as many as it may.</returns>
    public MqException? ConnectTenant(string tenant) => TryCount(QuotaScope.Tenant, tenant) ? null
        : Refusal(QuotaScope.Tenant, tenant, QuotaKind.Connections, LimitOf(QuotaScope.Tenant, tenant, QuotaKind.Connections) ?? 0, TimeSpan.FromSeconds(1));

    public void DisconnectTenant(string tenant) => Uncount(QuotaScope.Tenant, tenant);

    /// <summary>How much of a kind there may be; null: no quota says it.</summary>
    internal long? LimitOf(QuotaScope scope, string who, QuotaKind kind) => LimitOf(_control.State, null, scope, who, kind);

    private bool TryCount(QuotaScope scope, string who)
    {
        var limit = LimitOf(scope, who, QuotaKind.Connections) ?? long.MaxValue;
        var open = _connections.AddOrUpdate((scope, who), 1, (_, count) => count + 1);
        if (open <= limit)
            return true;
        Uncount(scope, who);
        return false;
    }

    private void Uncount(QuotaScope scope, string who)
    {
        var open = _connections.AddOrUpdate((scope, who), 0, (_, count) => count - 1);
        if (open <= 0)
            _connections.TryRemove(new KeyValuePair<(QuotaScope, string), int>((scope, who), open));
    }

    private double Now => _time.GetTimestamp() / (double)_time.TimestampFrequency;

    private static IEnumerable<(QuotaScope Scope, string Who)> Of(AccessState state, Principal principal)
    {
        yield return (QuotaScope.User, principal.Name);
        if (state.TenantOf(principal) is { } tenant)
            yield return (QuotaScope.Tenant, tenant);
        if (principal.Address.Length > 0)
            yield return (QuotaScope.Address, principal.Address);
    }

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
        private long _limit;

        /// <summary>Zero: so much is there, or as much as there can be.</summary>
        public TimeSpan WaitFor(long limit, long amount, double now)
        {
            lock (this)
            {
                Fill(limit, now);
                var missing = Math.Min(Math.Max(amount, double.Epsilon), limit) - _level;
                return missing > 1e-6 ? TimeSpan.FromSeconds(Math.Max(missing / limit, 0.001)) : TimeSpan.Zero;
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
                return now - _at > 60 && _level + (now - _at) * _limit >= 0;
        }

        private void Fill(long limit, double now)
        {
            _level = double.IsNaN(_level) ? limit : Math.Min(limit, _level + (now - _at) * limit);
            (_at, _limit) = (now, limit);
        }
    }
}

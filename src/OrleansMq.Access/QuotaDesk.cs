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

    private static readonly QuotaScope[] Scopes = [QuotaScope.User, QuotaScope.Tenant, QuotaScope.Address];

    private readonly AccessControl _control;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<(QuotaScope Scope, string Who, QuotaKind Kind), QuotaMeter> _meters = new();
    private readonly ConcurrentDictionary<(QuotaScope Scope, string Who), int> _connections = new();
    private readonly ConcurrentDictionary<(QuotaScope Scope, string Who), long> _inFlight = new();

    internal QuotaDesk(AccessControl control, TimeProvider time) => (_control, _time) = (control, time);

    internal TimeProvider Time => _time;

    /// <summary>Takes one request, now or not at all.</summary>
    /// <returns>Null, or why not: the quota's name and when it may be tried again, for each who is refused another time.</returns>
    public MqException? Take(Principal principal) => Take(principal, TimeSpan.Zero, out _);

    /// <summary>Takes one request, where its turn comes soon enough.</summary>
    /// <param name="patience">So long the caller holds a request back until its turn.</param>
    /// <param name="wait">Until its turn, which is kept for it: the caller waits so long, or calls <see cref="GiveBack"/>.</param>
    /// <returns>Null, or why not: the quota's name and when it may be tried again, for each who is refused another time.</returns>
    public MqException? Take(Principal principal, TimeSpan patience, out TimeSpan wait)
    {
        wait = TimeSpan.Zero;
        var state = _control.State;
        if (state.Quotas.IsEmpty)
            return null;
        // All are asked before one is charged: a request that is refused takes nothing of any. (Requests of the same moment may leave a debt.)
        foreach (var scope in Scopes)
        {
            if (NameIn(state, principal, scope) is not { } who)
                continue;
            var refusal = Ask(state, principal, scope, who, QuotaKind.BytesPerSecond, patience, ref wait) ?? Ask(state, principal, scope, who, QuotaKind.RequestsPerSecond, patience, ref wait);
            if (refusal is not null)
                return refusal;
        }

        foreach (var scope in Scopes)
            if (NameIn(state, principal, scope) is { } who && LimitOf(state, principal, scope, who, QuotaKind.RequestsPerSecond) is { } limit)
                wait = Longer(wait, MeterOf(scope, who, QuotaKind.RequestsPerSecond).Charge(limit, 1, Now));
        return null;
    }

    /// <summary>A request that was taken is not made.</summary>
    public void GiveBack(Principal principal)
    {
        var state = _control.State;
        foreach (var scope in Scopes)
            if (NameIn(state, principal, scope) is { } who && LimitOf(state, principal, scope, who, QuotaKind.RequestsPerSecond) is { } limit)
                MeterOf(scope, who, QuotaKind.RequestsPerSecond).GiveBack(limit, 1, Now);
    }

    /// <summary>Before it is known who asks: whether the address has used up its requests, and would not have its turn soon enough. Nothing is taken.</summary>
    public MqException? RefusalOf(string address, TimeSpan patience = default)
    {
        var wait = TimeSpan.Zero;
        return Ask(_control.State, null, QuotaScope.Address, address, QuotaKind.RequestsPerSecond, patience, ref wait);
    }

    /// <summary>A request of somebody who did not show who it is: guesses cost their address as much as requests do.</summary>
    public void TakeOfStranger(string address)
    {
        if (LimitOf(_control.State, null, QuotaScope.Address, address, QuotaKind.RequestsPerSecond) is { } limit)
            MeterOf(QuotaScope.Address, address, QuotaKind.RequestsPerSecond).Charge(limit, 1, Now);
    }

    /// <summary>Bytes that came or went.</summary>
    /// <param name="requests">Of protocols that make clients wait behind a request, instead of refusing it: what <see cref="Take(Principal)"/> has not taken.</param>
    /// <returns>How long the principal should wait before its next request; zero where it is within its quotas.</returns>
    public TimeSpan Charge(Principal principal, long bytes, int requests = 0)
    {
        var state = _control.State;
        var longest = TimeSpan.Zero;
        if (state.Quotas.IsEmpty)
            return longest;
        foreach (var scope in Scopes)
        {
            if (NameIn(state, principal, scope) is not { } who)
                continue;
            longest = Longer(longest, Charge(state, principal, scope, who, QuotaKind.BytesPerSecond, bytes));
            longest = Longer(longest, Charge(state, principal, scope, who, QuotaKind.RequestsPerSecond, requests));
        }

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
        foreach (var scope in Scopes)
        {
            if (NameIn(state, principal, scope) is not { } who || LimitOf(state, principal, scope, who, QuotaKind.InFlightBytes) is not { } limit || held.Add(scope, who) is var now && (now <= limit || now <= bytes))
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

    /// <summary>As whom the principal counts there; null: not at all.</summary>
    private static string? NameIn(AccessState state, Principal principal, QuotaScope scope) => scope switch
    {
        QuotaScope.User => principal.Name,
        QuotaScope.Tenant => state.TenantOf(principal),
        _ => principal.Address.Length > 0 ? principal.Address : null,
    };

    /// <param name="wait">Made longer where this one's turn comes later.</param>
    private MqException? Ask(AccessState state, Principal? principal, QuotaScope scope, string who, QuotaKind kind, TimeSpan patience, ref TimeSpan wait)
    {
        if (LimitOf(state, principal, scope, who, kind) is not { } limit)
            return null;
        var (meter, now) = (MeterOf(scope, who, kind), Now);
        var turn = meter.WaitFor(limit, kind == QuotaKind.RequestsPerSecond ? 1 : 0, now);
        // Nobody knows how many bytes it will be, so none are taken before its turn, and another has to put them apart.
        if (turn > patience || (turn > TimeSpan.Zero && kind == QuotaKind.BytesPerSecond))
            turn = meter.Turn(limit, turn, now);
        wait = Longer(wait, turn);
        return turn > patience ? Refusal(scope, who, kind, limit, turn) : null;
    }

    private TimeSpan Charge(AccessState state, Principal principal, QuotaScope scope, string who, QuotaKind kind, long amount) =>
        amount > 0 && LimitOf(state, principal, scope, who, kind) is { } limit ? MeterOf(scope, who, kind).Charge(limit, amount, Now) : TimeSpan.Zero;

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;

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

    private QuotaMeter MeterOf(QuotaScope scope, string who, QuotaKind kind)
    {
        if (_meters.TryGetValue((scope, who, kind), out var known))
            return known;
        if (_meters.Count >= MaxCounted)
            foreach (var (key, meter) in _meters)
                if (meter.IsIdle(Now))
                    _meters.TryRemove(key, out _);
        return _meters.GetOrAdd((scope, who, kind), _ => new QuotaMeter());
    }

    private static MqException Refusal(QuotaScope scope, string who, QuotaKind kind, long limit, TimeSpan wait) =>
        new(ErrorCodes.RateLimited, $"The quota {AccessJson.QuotaKinds.Write(kind)} of {AccessJson.QuotaScopes.Write(scope)} {who}, {limit}, is reached.", wait);
}

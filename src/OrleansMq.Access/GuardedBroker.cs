using OrleansMq.Json;

namespace OrleansMq.Access;

/// <summary>
/// A broker as one principal may use it. The one place where rights are checked: all gateways call it, none checks by itself. A refusal comes before the broker is asked, so
/// it says nothing of what exists.
/// </summary>
public sealed partial class GuardedBroker : IBroker
{
    private const AccessOperations Reading = AccessOperations.Consume | AccessOperations.Browse;

    private readonly IBroker _inner;
    private readonly AccessControl _control;
    private readonly string? _tenant;
    private Held _held;

    /// <summary>The principal's grants, and the state they are of.</summary>
    private sealed record Held(AccessState State, Grants Grants);

    internal GuardedBroker(IBroker inner, AccessControl control, Principal principal)
    {
        var state = control.State;
        (_control, Principal, _tenant) = (control, principal, state.TenantOf(principal));
        _inner = _tenant is null ? inner : new TenantBroker(inner, control.NamesOf(_tenant), control.Quotas);
        _held = Hold(state);
        Access = new GuardedDirectory(this, control.Entries);
        Webhooks = new GuardedWebhooks(this, inner.Webhooks);
        Transactions = _inner.Transactions is { } transactions ? new GuardedTransactions(this, transactions) : null;
        Coordinator = _inner.Coordinator is { } coordinator ? new GuardedCoordinator(this, coordinator) : null;
    }

    public Principal Principal { get; }

    public IGroupCoordinator? Coordinator { get; }

    public ITransactionCoordinator? Transactions { get; }

    public IAccessDirectory Access { get; }

    /// <remarks>There also where the broker takes none: who may not ask is refused as ever, and told nothing else.</remarks>
    public IWebhookDirectory Webhooks { get; }

    /// <summary>Whether this is a user that is there and not disabled.</summary>
    internal bool Exists => Principal.IsUser && _control.State.Users.TryGetValue(Principal.Name, out var user) && !user.Disabled;

    /// <summary>Whether any of the operations is allowed on it.</summary>
    /// <remarks>The cluster is no tenant's: its administrators have all that is theirs, and no more.</remarks>
    public bool May(AccessOperations anyOf, ResourceKind kind, string name) => (Grants.On(kind, name) & anyOf) != 0 && !(kind == ResourceKind.Cluster && _tenant is not null);

    /// <exception cref="MqException"><see cref="ErrorCodes.Forbidden"/>: none of them is.</exception>
    public void Demand(AccessOperations anyOf, ResourceKind kind, string name)
    {
        if (!May(anyOf, kind, name))
            throw Refusal(anyOf, kind, name);
    }

    /// <summary>Nothing: the broker is its host's.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>What administrators are asked about later.</summary>
    internal void Done(string call, string on) => Audit(call, on, refused: false);

    internal MqException Refusal(AccessOperations anyOf, ResourceKind kind, string name)
    {
        var operation = AccessJson.Operations.Write(AccessJson.Each(anyOf).First());
        var what = AccessJson.Kinds.Write(kind);
        Audit(operation, kind == ResourceKind.Cluster ? what : $"{what} {name}", refused: true);
        return new MqException(ErrorCodes.Forbidden, kind == ResourceKind.Cluster
            ? $"'{Principal}' may not {operation} the cluster; an administrator allows it by: mq acl add --user {Principal} --allow {operation} --cluster."
            : $"'{Principal}' may not {operation} {what} '{name}'; an administrator allows it by: mq acl add --user {Principal} --allow {operation} --{what} {name}.");
    }

    private Grants Grants
    {
        get
        {
            var (held, state) = (Volatile.Read(ref _held), _control.State);
            if (!ReferenceEquals(held.State, state))
                Volatile.Write(ref _held, held = Hold(state));
            return held.Grants;
        }
    }

    // A user who was made anew in another tenant is not this one any more.
    private Held Hold(AccessState state) => new(state, state.TenantOf(Principal) == _tenant ? state.GrantsOf(Principal) : Grants.Nothing);

    private void Audit(string what, string on, bool refused) => _control.Audit(_tenant is null ? Principal : Principal with { Tenant = _tenant }, what, on, refused);
}

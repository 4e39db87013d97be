using System.Collections.Concurrent;

namespace OrleansMq.Access;

/// <summary>Who may come in, and what each may do: one for a process, beneath all its gateways.</summary>
public sealed class AccessControl : IAsyncDisposable
{
    /// <summary>The user that is made at the first start.</summary>
    public const string AdminName = "admin";

    private readonly IAccessStore _store;
    private readonly Action<string> _report;
    private readonly PasswordCheck _passwords;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly ITimer _timer;
    private readonly AuditSink _audit;
    private readonly ConcurrentDictionary<string, TenantNames> _tenants = new(StringComparer.Ordinal);
    private Seen _seen;

    /// <summary>A state, and the version it was stored under.</summary>
    private sealed record Seen(AccessState State, long Version);

    private AccessControl(IAccessStore store, Seen seen, AccessControlOptions options)
    {
        (_store, _seen, _report, _audit) = (store, seen, options.OnReport, options.OnAudit);
        _passwords = new PasswordCheck(() => State);
        Entries = new AccessDirectory(this);
        Quotas = new QuotaDesk(this, options.Time);
        _timer = options.Time.CreateTimer(_ => _ = LookAgain(), null, options.LookEvery, options.LookEvery);
    }

    /// <summary>Reads users and rules, and makes the first administrator where there is none.</summary>
    /// <exception cref="IOException">The store can't be read.</exception>
    /// <exception cref="MqException">What is stored can't be, or nobody could administer: nothing starts then.</exception>
    public static async ValueTask<AccessControl> Start(IAccessStore store, AccessControlOptions? options = null, CancellationToken cancel = default)
    {
        options ??= new AccessControlOptions();
        var control = new AccessControl(store, await Load(store, cancel), options);
        try
        {
            if (options.AdminPassword is { } password)
                await control.MakeAdmin(password, cancel);
            if (options.NeedsAdmin && !control.State.HasAdmin)
                throw new MqException(ErrorCodes.Conflict, $"Nobody in {store.Place} may administer.");
            return control;
        }
        catch
        {
            await control.DisposeAsync();
            throw;
        }
    }

    public AccessState State => Volatile.Read(ref _seen).State;

    /// <summary>Users and rules, unguarded: for the process itself. Through <see cref="As"/> everyone else has it guarded.</summary>
    public IAccessDirectory Directory => Entries;

    internal AccessDirectory Entries { get; }

    /// <summary>What principals and addresses take; for gateways, which know requests, bytes and connections.</summary>
    public QuotaDesk Quotas { get; }

    /// <summary>Derivations of passwords made so far.</summary>
    public long Derivations => _passwords.Derivations;

    /// <summary>The broker as the principal may use it: every call is checked, and lists and descriptions show only what it may see.</summary>
    /// <remarks>Cheap to make, and may be kept: a change of the rules counts from the next call on.</remarks>
    public GuardedBroker As(IBroker broker, Principal principal) => new(broker, this, principal);

    /// <summary>The broker as a tenant has it, by its names and within its quotas, for what the broker does by itself: nothing is asked about rights.</summary>
    public IBroker OfTenant(IBroker broker, string tenant) => new TenantBroker(broker, NamesOf(tenant), Quotas, isOwn: true);

    /// <returns>Null: there is no such user, the password is another, or the user is disabled; which of them is not told.</returns>
    /// <exception cref="MqException"><see cref="ErrorCodes.Overloaded"/>: too many are being checked.</exception>
    public ValueTask<Principal?> CheckPassword(string user, string password, CancellationToken cancel = default) => _passwords.Check(user, password, cancel);

    /// <summary>For gateways: somebody said to be this one, and did not show it.</summary>
    public void LoginFailed(string name, string address, string gateway) =>
        Audit(new Principal(name.Length <= UserNameRule.MaxLength ? name : name[..UserNameRule.MaxLength]) { Address = address }, "login", gateway, refused: true);

    /// <summary>Begins a login by SCRAM.</summary>
    public ScramExchange BeginScram(ScramMechanism mechanism) => new(mechanism, FindSecret);

    /// <summary>What a SCRAM server needs; for a name that nobody has, or whose user is disabled, one that no password fits, always with the same salt.</summary>
    public ScramSecret FindSecret(ScramMechanism mechanism, string user)
    {
        var state = State;
        return state.Users.TryGetValue(user, out var found) && !found.Disabled ? found.SecretFor(mechanism) : ScramSecret.OfNobody(mechanism, user, state.Seed);
    }

    /// <summary>Reads the store again; what can't be read or can't be is reported, and the state stays as it was.</summary>
    public async Task LookAgain(CancellationToken cancel = default)
    {
        if (!await _turn.WaitAsync(0, cancel))
            return;
        try
        {
            var seen = await Load(_store, cancel);
            if (seen.Version != _seen.Version)
                Volatile.Write(ref _seen, seen);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _report($"Users and rules stay as they were: {e.Message}");
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Makes a new state of the present one and stores it; tried again where somebody else wrote first.</summary>
    internal async ValueTask<T> Change<T>(Func<AccessState, (AccessState State, T Result)> change, CancellationToken cancel)
    {
        if (_store.ReadOnly)
            throw new MqException(ErrorCodes.Conflict, $"Users and rules come from {_store.Place}: change that file, with mq's --file.");
        await _turn.WaitAsync(cancel);
        try
        {
            for (var attempt = 0; attempt < 5; attempt++)
            {
                var seen = await Load(_store, cancel);
                var (state, result) = change(seen.State);
                if (ReferenceEquals(state, seen.State))
                {
                    Volatile.Write(ref _seen, seen);
                    return result;
                }
                if (seen.State.HasAdmin && !state.HasAdmin)
                    throw new MqException(ErrorCodes.Conflict, "Nobody would be left who may administer.");
                var document = AccessDocument.Write(state);
                // What could not be read again is refused now, and not at the next start.
                _ = AccessDocument.Read(document);
                if (await _store.Save(document, seen.Version, cancel) is { } version)
                {
                    Volatile.Write(ref _seen, new Seen(state, version));
                    return result;
                }
            }
            throw new MqException(ErrorCodes.Conflict, "Others change users or rules at the same moment.", TimeSpan.FromSeconds(1));
        }
        finally
        {
            _turn.Release();
        }
    }

    internal void Audit(Principal principal, string what, string on, bool refused) => _audit(principal, what, on, refused);

    /// <remarks>As many as issuers' tokens and the directory name.</remarks>
    internal TenantNames NamesOf(string tenant) => _tenants.GetOrAdd(tenant, name => new TenantNames(name));

    internal Grants GrantsOf(Principal principal) => State.GrantsOf(principal);

    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        // A look that is under way ends first.
        await _turn.WaitAsync();
        _turn.Release();
    }

    private static async ValueTask<Seen> Load(IAccessStore store, CancellationToken cancel)
    {
        if (await store.Load(cancel) is not { } stored)
            return new Seen(new AccessState(), 0);
        try
        {
            return new Seen(AccessDocument.Read(stored.Bytes), stored.Version);
        }
        catch (MqException e)
        {
            throw new MqException(ErrorCodes.Malformed, $"{store.Place} can't be read as users and rules: {e.Message}", inner: e);
        }
    }

    // The operator's word wins: a password that was lost is set anew by giving it again.
    private async ValueTask MakeAdmin(string password, CancellationToken cancel)
    {
        var rule = new AccessRule(SubjectKind.User, AdminName, AccessOperations.Admin, ResourceKind.Cluster, ResourceMatch.Literal, "");
        var right = await CheckPassword(AdminName, password, cancel) is not null;
        await Change(state =>
        {
            if (!right || !state.Users.ContainsKey(AdminName))
                state = state.With(new AccessUser { Name = AdminName, Secrets = AccessUser.SecretsOf(password) });
            return (state.With(rule).State, 0);
        }, cancel);
    }
}

/// <param name="what">A call's name, an operation, or <c>login</c>.</param>
/// <param name="on">For example <c>topic orders</c>.</param>
public delegate void AuditSink(Principal principal, string what, string on, bool refused);

public sealed record AccessControlOptions
{
    /// <summary>Is told of refusals and of what administrators do; does not wait. See <see cref="AuditTrail"/>.</summary>
    public AuditSink OnAudit { get; init; } = static (_, _, _, _) => { };

    /// <summary>The password of the user <see cref="AccessControl.AdminName"/>, which is made or set by it. Null: there has to be an administrator.</summary>
    public string? AdminPassword { get; init; }

    /// <summary>Whether nothing starts while nobody may administer. Off for who writes a file without a broker.</summary>
    public bool NeedsAdmin { get; init; } = true;

    /// <summary>How often the store is looked at for what other nodes, or an operator, have changed. 2 s.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromSeconds(2);

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Tells the operator what could not be read.</summary>
    public Action<string> OnReport { get; init; } = static _ => { };

    /// <summary>Without the password.</summary>
    public override string ToString() => nameof(AccessControlOptions);
}

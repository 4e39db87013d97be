using OrleansMq.Json;

namespace OrleansMq.Access;

/// <summary>Users and rules, for those who may change them.</summary>
internal sealed class AccessDirectory(AccessControl control) : IAccessDirectory
{
    public ValueTask<UserDescription> PutUser(string user, UserChange change, CancellationToken cancel = default) => Put(user, change, ofItself: false, cancel);

    /// <summary>A user's own change: one that is gone or disabled by now does not come back by it, however old what this node knows is.</summary>
    public ValueTask<UserDescription> PutItself(string user, UserChange change, CancellationToken cancel) => Put(user, change, ofItself: true, cancel);

    private async ValueTask<UserDescription> Put(string user, UserChange change, bool ofItself, CancellationToken cancel)
    {
        UserNameRule.Check(user, "user");
        return await control.Change(state =>
        {
            if (ofItself && !(state.Users.TryGetValue(user, out var itself) && !itself.Disabled))
                throw new MqException(ErrorCodes.Forbidden, $"'{user}' is no user any more.");
            if (state.Users.TryGetValue(user, out var known))
            {
                var changed = known.With(change);
                return (state.With(changed), changed.Describe());
            }
            if (change.Password is null)
                throw new MqException(ErrorCodes.Malformed, $"The user '{user}' is new and needs a password.");
            if (change.Tenant is { } tenant && !UserNameRule.IsTenant(tenant))
                throw new MqException(ErrorCodes.Malformed, "A tenant's name is 1 to 40 of a-z 0-9 -.");
            var made = new AccessUser { Name = user, Tenant = change.Tenant, Secrets = [] }.With(change);
            return (state.With(made), made.Describe(created: true));
        }, cancel);
    }

    public async ValueTask DeleteUser(string user, CancellationToken cancel = default) =>
        await control.Change(state => (state.Without(user), 0), cancel);

    public ValueTask<IReadOnlyList<UserDescription>> ListUsers(CancellationToken cancel = default) =>
        ValueTask.FromResult<IReadOnlyList<UserDescription>>([.. control.State.Users.Values.Select(user => user.Describe())]);

    public ValueTask<AccessRule> AddRule(AccessRule rule, CancellationToken cancel = default) => control.Change(state => state.With(rule), cancel);

    public async ValueTask RemoveRule(long id, CancellationToken cancel = default) =>
        await control.Change(state => (state.Without(id), 0), cancel);

    public ValueTask<IReadOnlyList<AccessRule>> ListRules(CancellationToken cancel = default) =>
        ValueTask.FromResult<IReadOnlyList<AccessRule>>(control.State.Rules);

    public async ValueTask SetQuota(QuotaScope scope, string who, QuotaKind kind, long? limit, CancellationToken cancel = default) =>
        await control.Change(state => (state.With(scope, who, kind, limit), 0), cancel);

    public ValueTask<IReadOnlyList<Quota>> ListQuotas(CancellationToken cancel = default) =>
        ValueTask.FromResult<IReadOnlyList<Quota>>(control.State.Quotas);
}

/// <summary>The same for a principal: administrators have it all, everyone else may change their own password.</summary>
internal sealed class GuardedDirectory(GuardedBroker caller, AccessDirectory inner) : IAccessDirectory
{
    public async ValueTask<UserDescription> PutUser(string user, UserChange change, CancellationToken cancel = default)
    {
        var ownPassword = user == caller.Principal.Name && change is { Teams: null, Disabled: null, Tenant: null, Password: not null } && caller.Exists;
        if (!ownPassword)
            DemandAdmin();
        var put = ownPassword ? await inner.PutItself(user, change, cancel) : await inner.PutUser(user, change, cancel);
        caller.Done(put.Created ? "createUser" : "alterUser", $"user {user}");
        return put;
    }

    public async ValueTask DeleteUser(string user, CancellationToken cancel = default)
    {
        DemandAdmin();
        await inner.DeleteUser(user, cancel);
        caller.Done("deleteUser", $"user {user}");
    }

    public async ValueTask<IReadOnlyList<UserDescription>> ListUsers(CancellationToken cancel = default)
    {
        DemandAdmin();
        return await inner.ListUsers(cancel);
    }

    public async ValueTask<AccessRule> AddRule(AccessRule rule, CancellationToken cancel = default)
    {
        DemandAdmin();
        var added = await inner.AddRule(rule, cancel);
        caller.Done("addRule", $"rule {added.Id} for {added.Who}");
        return added;
    }

    public async ValueTask RemoveRule(long id, CancellationToken cancel = default)
    {
        DemandAdmin();
        await inner.RemoveRule(id, cancel);
        caller.Done("removeRule", $"rule {id}");
    }

    public async ValueTask<IReadOnlyList<AccessRule>> ListRules(CancellationToken cancel = default)
    {
        DemandAdmin();
        return await inner.ListRules(cancel);
    }

    public async ValueTask SetQuota(QuotaScope scope, string who, QuotaKind kind, long? limit, CancellationToken cancel = default)
    {
        DemandAdmin();
        await inner.SetQuota(scope, who, kind, limit, cancel);
        caller.Done("setQuota", $"{AccessJson.QuotaKinds.Write(kind)} of {AccessJson.QuotaScopes.Write(scope)} {who}");
    }

    public async ValueTask<IReadOnlyList<Quota>> ListQuotas(CancellationToken cancel = default)
    {
        DemandAdmin();
        return await inner.ListQuotas(cancel);
    }

    private void DemandAdmin() => caller.Demand(AccessOperations.Admin, ResourceKind.Cluster, "");
}

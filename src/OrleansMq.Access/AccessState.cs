using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;

namespace OrleansMq.Access;

/// <summary>All users and rules at one moment. Immutable: a change is a new state, to be written over the version it was made from.</summary>
public sealed class AccessState
{
    /// <summary>Names of topics that are the broker's own: no prefix and no pattern opens them, and who is no administrator may look at most.</summary>
    public const string ReservedPrefix = "_orleansmq.";

    /// <summary>Names of tenants' topics, groups and producers, as they are kept. Who is of no tenant and no administrator can't say them.</summary>
    public const string TenantPrefix = "_t.";

    /// <summary>More than a document should hold; beyond it, tokens of an issuer are the better way.</summary>
    public const int MaxUsers = 10_000;
    public const int MaxRules = 10_000;

    /// <summary>Each request looks through them.</summary>
    public const int MaxQuotas = 200;

    // Principals are made from what clients send.
    private const int MaxRemembered = 10_000;

    private readonly ConcurrentDictionary<string, Grants> _grants = new(StringComparer.Ordinal);

    public ImmutableSortedDictionary<string, AccessUser> Users { get; init; } = ImmutableSortedDictionary.Create<string, AccessUser>(StringComparer.Ordinal);

    /// <summary>In the order of their ids.</summary>
    public ImmutableArray<AccessRule> Rules { get; init; } = [];

    public ImmutableArray<Quota> Quotas { get; init; } = [];

    /// <summary>Above every id that was ever given.</summary>
    public long NextRule { get; init; } = 1;

    /// <summary>From which salts are made for users that don't exist; kept, so that they stay the same over restarts.</summary>
    public byte[] Seed { get; init; } = RandomNumberGenerator.GetBytes(32);

    /// <summary>Whether anybody may administer.</summary>
    public bool HasAdmin => Rules.Any(rule => rule.Kind == ResourceKind.Cluster && rule.Allow.HasFlag(AccessOperations.Admin)
        && (rule.Who.Contains(':', StringComparison.Ordinal) || Users.Values.Any(user => user is { Disabled: false, Tenant: null } && IsFor(rule, user.Name, user.Teams))));

    /// <param name="limit">Null takes it away.</param>
    public AccessState With(QuotaScope scope, string who, QuotaKind kind, long? limit)
    {
        var other = Quotas.RemoveAll(quota => quota.Scope == scope && quota.Who == who && quota.Kind == kind);
        if (limit is { } most)
        {
            other = other.Add(new Quota(scope, who, kind, most));
            Check(other[^1]);
        }
        return other.Length > MaxQuotas ? throw new MqException(ErrorCodes.Conflict, $"There are {MaxQuotas} quotas, all there can be.") : Copy(Users, Rules, NextRule, other);
    }

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: it could never apply.</exception>
    internal static void Check(Quota quota)
    {
        if (quota.Limit < 1 || quota.Who.Length is 0 or > AccessRule.MaxNameChars)
            throw new MqException(ErrorCodes.Malformed, "A quota is of somebody, and 1 at least.");
        if (quota is { Scope: QuotaScope.User, Kind: QuotaKind.Connections })
            throw new MqException(ErrorCodes.Malformed, "Connections are counted by address: one is open before it is known whose it is.");
        if (quota is { Scope: not QuotaScope.Tenant, Kind: QuotaKind.Topics or QuotaKind.Partitions or QuotaKind.Groups })
            throw new MqException(ErrorCodes.Malformed, "Topics, partitions and groups are counted by tenant.");
        if (quota is { Scope: QuotaScope.Tenant, Who: not Quota.Each } && !UserNameRule.IsTenant(quota.Who))
            throw new MqException(ErrorCodes.Malformed, $"'{quota.Who}' is no tenant's name, nor '*'.");
        if (quota is { Scope: QuotaScope.Address, Who: not Quota.Each } && !(System.Net.IPAddress.TryParse(quota.Who, out var address) && address.ToString() == quota.Who))
            throw new MqException(ErrorCodes.Malformed, $"'{quota.Who}' is no IP address as it is written, nor '*'.");
    }

    /// <summary>Whose names it sees: a matter of the credential, never of a name that it says.</summary>
    internal string? TenantOf(Principal principal) => principal.IsUser ? Users.GetValueOrDefault(principal.Name)?.Tenant : principal.Tenant;

    internal Grants GrantsOf(Principal principal)
    {
        var teams = principal.Teams;
        if (principal.IsUser)
        {
            // One that is gone or disabled since it came in may do nothing any more.
            if (!Users.TryGetValue(principal.Name, out var user) || user.Disabled)
                return Grants.Nothing;
            teams = user.Teams;
        }
        var key = teams.Count == 0 ? principal.Name : $"{principal.Name}\n{string.Join('\n', teams)}";
        return _grants.TryGetValue(key, out var known) ? known : Remembered(key, principal.Name, teams);
    }

    // By itself: a closure is made where a method begins, and the known ones are asked for with every request.
    private Grants Remembered(string key, string name, IReadOnlyList<string> teams)
    {
        if (_grants.Count >= MaxRemembered)
            _grants.Clear();
        return _grants.GetOrAdd(key, _ => new Grants(Rules.Where(rule => IsFor(rule, name, teams))));
    }

    public AccessState With(AccessUser user) => Users.Count >= MaxUsers && !Users.ContainsKey(user.Name)
        ? throw new MqException(ErrorCodes.Conflict, $"There are {MaxUsers} users, all there can be.")
        : Copy(Users.SetItem(user.Name, user), Rules, NextRule);

    public AccessState Without(string user)
    {
        if (!Users.ContainsKey(user))
            throw new MqException(ErrorCodes.UserUnknown, $"There is no user '{user}'.");
        return Copy(Users.Remove(user), Rules.RemoveAll(rule => rule.Subject == SubjectKind.User && rule.Who == user), NextRule);
    }

    /// <returns>The rule with its id; one that says the same as one there is that one.</returns>
    public (AccessState State, AccessRule Rule) With(AccessRule rule)
    {
        Check(rule);
        if (Rules.FirstOrDefault(known => known with { Id = rule.Id } == rule) is { } same)
            return (this, same);
        if (Rules.Length >= MaxRules)
            throw new MqException(ErrorCodes.Conflict, $"There are {MaxRules} rules, all there can be.");
        var added = rule with { Id = NextRule };
        return (Copy(Users, Rules.Add(added), NextRule + 1), added);
    }

    public AccessState Without(long rule) => Rules.Any(known => known.Id == rule)
        ? Copy(Users, Rules.RemoveAll(known => known.Id == rule), NextRule)
        : throw new MqException(ErrorCodes.RuleUnknown, $"There is no rule {rule}.");

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: it could never apply, which is a slip.</exception>
    internal static void Check(AccessRule rule)
    {
        if (!rule.Who.Contains(':', StringComparison.Ordinal))
            UserNameRule.Check(rule.Who, rule.Subject == SubjectKind.User ? "user" : "team");
        var admin = rule.Allow & AccessOperations.Admin;
        if (rule.Kind == ResourceKind.Cluster ? (rule.Allow & ~(AccessOperations.Admin | AccessOperations.Describe)) != 0 : admin != 0)
            throw Malformed("admin is allowed on the cluster, and on the cluster only admin and describe are");
        if (rule.Allow == AccessOperations.None)
            throw Malformed("it allows nothing");
        if (rule.Kind == ResourceKind.Cluster)
            return;
        if (rule.Name.Length is 0 or > AccessRule.MaxNameChars && rule.Match != ResourceMatch.Prefix)
            throw Malformed("its name is empty or too long; every name is the pattern '*'");
        if (rule.Match == ResourceMatch.Literal && rule.Name.AsSpan().IndexOfAny('*', '?') >= 0)
            throw Malformed($"'{rule.Name}' is a literal name with a star or question mark in it; say that it is a pattern");
        if (rule.Match == ResourceMatch.Prefix && rule.Name.Length == 0)
            throw Malformed("its prefix is empty; every name is the pattern '*'");
    }

    private static MqException Malformed(string why) => new(ErrorCodes.Malformed, $"The rule can't be: {why}.");

    private static bool IsFor(AccessRule rule, string name, IReadOnlyList<string> teams) =>
        rule.Subject == SubjectKind.User ? rule.Who == name : teams.Contains(rule.Who);

    private AccessState Copy(ImmutableSortedDictionary<string, AccessUser> users, ImmutableArray<AccessRule> rules, long nextRule, ImmutableArray<Quota>? quotas = null) =>
        new() { Users = users, Rules = rules, NextRule = nextRule, Seed = Seed, Quotas = quotas ?? Quotas };
}

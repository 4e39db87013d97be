namespace OrleansMq;

/// <summary>Users and rules, for those who may change them (<see cref="AccessOperations.Admin"/> on the cluster).</summary>
/// <remarks>A change is durable when its call returns, and is seen by the other nodes of a cluster within seconds.</remarks>
public interface IAccessDirectory
{
    /// <summary>Makes the user, or changes it. Whoever is no administrator may do one thing: change their own password.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: a new user without a password, or one that is too short;
    /// <see cref="ErrorCodes.Conflict"/>: users come from a file, or somebody else wrote at the same moment.</exception>
    ValueTask<UserDescription> PutUser(string user, UserChange change, CancellationToken cancel = default);

    /// <summary>Deletes the user and the rules that are for it alone.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.UserUnknown"/>; <see cref="ErrorCodes.Conflict"/>: nobody would be left who may administer.</exception>
    ValueTask DeleteUser(string user, CancellationToken cancel = default);

    ValueTask<IReadOnlyList<UserDescription>> ListUsers(CancellationToken cancel = default);

    /// <summary>Adds the rule; one that says the same is not added twice.</summary>
    /// <returns>The rule with its id.</returns>
    ValueTask<AccessRule> AddRule(AccessRule rule, CancellationToken cancel = default);

    /// <exception cref="MqException"><see cref="ErrorCodes.RuleUnknown"/>; <see cref="ErrorCodes.Conflict"/>: nobody would be left who may administer.</exception>
    ValueTask RemoveRule(long id, CancellationToken cancel = default);

    ValueTask<IReadOnlyList<AccessRule>> ListRules(CancellationToken cancel = default);

    /// <param name="limit">Null takes the quota away.</param>
    ValueTask SetQuota(QuotaScope scope, string who, QuotaKind kind, long? limit, CancellationToken cancel = default);

    ValueTask<IReadOnlyList<Quota>> ListQuotas(CancellationToken cancel = default);
}

/// <summary>A user without secrets.</summary>
/// <param name="Disabled">May not come in; its rules stay.</param>
/// <param name="Tenant">Whose names it sees; null: those that are no tenant's.</param>
public sealed record UserDescription(string Name, IReadOnlyList<string> Teams, bool Disabled, bool Created = false, string? Tenant = null);

/// <summary>What is to become of a user; what is null stays.</summary>
public sealed record UserChange
{
    /// <summary>8 to 1,024 characters, none of them control characters.</summary>
    public string? Password { get; init; }

    public IReadOnlyList<string>? Teams { get; init; }

    public bool? Disabled { get; init; }

    /// <summary>Of a new user; it never changes. 1 to 40 of <c>a-z 0-9 -</c>.</summary>
    public string? Tenant { get; init; }

    /// <summary>Without the password.</summary>
    public override string ToString() => $"{nameof(UserChange)} {{ Password = {(Password is null ? "unchanged" : "***")}, Teams = {(Teams is null ? "unchanged" : string.Join(',', Teams))}, Disabled = {Disabled} }}";
}

/// <summary>The rule for names of users and teams: 1 to 128 of <c>A-Z a-z 0-9 . _ @ -</c>. Those that come with a token or a certificate have a colon, so that nobody can be taken for another.</summary>
public static class UserNameRule
{
    public const int MaxLength = 128;

    public static bool IsValid(string? name)
    {
        if (name is null || name.Length is 0 or > MaxLength)
            return false;
        foreach (var c in name)
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '_' or '@' or '-'))
                return false;
        return true;
    }

    /// <summary>The rule for names of tenants: 1 to 40 of <c>a-z 0-9 -</c>.</summary>
    public static bool IsTenant(string? name) => name is { Length: > 0 and <= 40 } && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>.</exception>
    public static string Check(string? name, string what) => IsValid(name)
        ? name!
        : throw new MqException(ErrorCodes.Malformed, $"That is no name of a {what}: 1 to {MaxLength} of A-Z a-z 0-9 . _ @ -.");
}

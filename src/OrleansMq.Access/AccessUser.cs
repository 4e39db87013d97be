namespace OrleansMq.Access;

/// <summary>A user as it is kept.</summary>
public sealed class AccessUser
{
    public const int MinPasswordChars = 8;
    public const int MaxPasswordChars = 1024;

    public required string Name { get; init; }
    public IReadOnlyList<string> Teams { get; init; } = [];
    public bool Disabled { get; init; }

    /// <summary>Null: of no tenant.</summary>
    public string? Tenant { get; init; }

    /// <summary>One for each mechanism.</summary>
    public required IReadOnlyList<ScramSecret> Secrets { get; init; }

    public ScramSecret SecretFor(ScramMechanism mechanism) => Secrets.First(secret => secret.Mechanism == mechanism);

    public UserDescription Describe(bool created = false) => new(Name, Teams, Disabled, created, Tenant);

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: the password is too short, too long, or holds what can't be typed.</exception>
    public static IReadOnlyList<ScramSecret> SecretsOf(string password)
    {
        if (password.Length is < MinPasswordChars or > MaxPasswordChars || password.Any(char.IsControl))
            throw new MqException(ErrorCodes.Malformed, $"A password has {MinPasswordChars} to {MaxPasswordChars} characters, none of them control characters.");
        return [ScramSecret.Of(ScramMechanism.Sha256, password), ScramSecret.Of(ScramMechanism.Sha512, password)];
    }

    /// <summary>This user with the change.</summary>
    public AccessUser With(UserChange change) => new()
    {
        Name = Name,
        Tenant = change.Tenant is null || change.Tenant == Tenant ? Tenant : throw new MqException(ErrorCodes.Conflict, $"The tenant of '{Name}' stays what it is: make another user."),
        Teams = change.Teams is { } teams ? [.. teams.Select(team => UserNameRule.Check(team, "team")).Distinct(StringComparer.Ordinal)] : Teams,
        Disabled = change.Disabled ?? Disabled,
        Secrets = change.Password is { } password ? SecretsOf(password) : Secrets,
    };
}

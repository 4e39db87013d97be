namespace OrleansMq.Access;

/// <summary>Who asks, as a credential showed it.</summary>
/// <param name="Name">A user's name; <c>cert:NAME</c> and <c>jwt:NAME</c> for those that came with a certificate or a token, who are nobody's user.</param>
/// <param name="Teams">Of a token, its groups as <c>jwt:GROUP</c>. A user's own stand in the directory and are looked up there, so that a change counts at once.</param>
public sealed record Principal(string Name, IReadOnlyList<string> Teams)
{
    private const string CertificatePrefix = "cert:";
    private const string TokenPrefix = "jwt:";

    public Principal(string name) : this(name, []) { }

    /// <summary>Where it comes from, for the audit trail and for quotas; it allows nothing.</summary>
    public string Address { get; init; } = "";

    /// <summary>When the credential ends, where it does: who stays shows another by then.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Of a token, its tenant; a user's own stands in the directory, and is set for the audit trail alone.</summary>
    public string? Tenant { get; init; }

    /// <summary>It is in the directory, with password and teams.</summary>
    public bool IsUser => !Name.Contains(':', StringComparison.Ordinal);

    public static Principal OfCertificate(string commonName) => new(CertificatePrefix + commonName);

    public static Principal OfToken(string subject, IEnumerable<string> groups) => new(TokenPrefix + subject, [.. groups.Select(group => TokenPrefix + group)]);

    public override string ToString() => Name;
}

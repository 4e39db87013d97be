using OrleansMq.Gateways;

namespace OrleansMq.Silo;

/// <summary>Who may come in, and TLS: as the program was told, checked.</summary>
public sealed record SecurityOptions
{
    /// <summary>Every name there is, in the order of the help text.</summary>
    public static readonly IReadOnlyList<string> Names =
    [
        "access", "admin-password-file", "admin-password", "users", "tls-certificate", "tls-key", "tls-client-roots", "tls-client-certificate", "jwt-issuer", "jwt-audience",
        "orleans-tls-certificate", "orleans-tls-key", "orleans-tls-roots",
    ];

    /// <summary>What makes no sense unless somebody is asked who they are.</summary>
    private static readonly IReadOnlyList<string> OfAccess = ["admin-password-file", "admin-password", "users", "jwt-issuer", "jwt-audience"];

    /// <summary>Whoever comes is asked who they are, and may do what rules allow. The one setting that turns it on.</summary>
    public bool On { get; private init; }

    /// <summary>A file with the password of the user <c>admin</c>.</summary>
    public Setting? AdminPasswordFile { get; private init; }

    /// <summary>That password itself, from the environment. A secret, so not among what a record prints.</summary>
    internal Setting? AdminPassword { get; private init; }

    /// <summary>A file with users and rules, kept by the operator; null: they are in the broker's documents.</summary>
    public string? Users { get; private init; }

    /// <summary>Null: no TLS.</summary>
    public string? TlsCertificate { get; private init; }

    public string? TlsKey { get; private init; }

    /// <summary>Null: clients are asked for no certificate.</summary>
    public string? TlsClientRoots { get; private init; }

    public bool TlsClientRequired { get; private init; } = true;

    public Uri? JwtIssuer { get; private init; }

    public string? JwtAudience { get; private init; }

    /// <summary>Of this silo, for Orleans' own two ports. Null: they speak in clear text, with everyone.</summary>
    public string? OrleansTlsCertificate { get; private init; }

    public string? OrleansTlsKey { get; private init; }

    /// <summary>The roots of silos and Orleans clients.</summary>
    public string? OrleansTlsRoots { get; private init; }

    /// <summary>Keeps the roots of users from those of Orleans' ports, where rules could be gone around. One for the process.</summary>
    internal SeparateRoots? Apart { get; private init; }

    /// <summary>Whether what is open to others is meant to be.</summary>
    public bool Insecure { get; private init; }

    /// <summary>What an address that others can reach needs.</summary>
    public bool FitForStrangers => Insecure || (On && TlsCertificate is not null);

    /// <summary>The same of Orleans' own ports, which know no users: there a certificate is all.</summary>
    public bool OrleansPortsFitForStrangers => Insecure || OrleansTlsCertificate is not null;

    /// <exception cref="SettingException">One can't be, or two contradict each other.</exception>
    internal static SecurityOptions Of(IReadOnlyDictionary<string, Setting> settings)
    {
        var options = new SecurityOptions
        {
            On = SiloOptions.Word(settings, "access", "on", "off") is "on",
            AdminPasswordFile = SiloOptions.Text(settings, "admin-password-file") is null ? null : settings["admin-password-file"],
            AdminPassword = SiloOptions.Text(settings, "admin-password") is null ? null : settings["admin-password"],
            Users = SiloOptions.Text(settings, "users"),
            TlsCertificate = SiloOptions.Text(settings, "tls-certificate"),
            TlsKey = SiloOptions.Text(settings, "tls-key"),
            TlsClientRoots = SiloOptions.Text(settings, "tls-client-roots"),
            TlsClientRequired = SiloOptions.Word(settings, "tls-client-certificate", "required", "optional") is null or "required",
            JwtIssuer = Issuer(settings),
            JwtAudience = SiloOptions.Text(settings, "jwt-audience"),
            OrleansTlsCertificate = SiloOptions.Text(settings, "orleans-tls-certificate"),
            OrleansTlsKey = SiloOptions.Text(settings, "orleans-tls-key"),
            OrleansTlsRoots = SiloOptions.Text(settings, "orleans-tls-roots"),
            Insecure = SiloOptions.Word(settings, "insecure", "true", "false") is "true",
        };
        RefuseContradictions(settings, options);
        return options is { On: true, Insecure: false } ? options with { Apart = new SeparateRoots() } : options;
    }

    private static void RefuseContradictions(IReadOnlyDictionary<string, Setting> settings, SecurityOptions options)
    {
        if (!options.On && OfAccess.FirstOrDefault(settings.ContainsKey) is { } idle)
            throw new SettingException($"{settings[idle].From}: is of effect with --access on alone, which is not said; leave it out, or say that too.");
        if (options.AdminPassword is { } password && !password.From.StartsWith(SettingSources.Prefix, StringComparison.OrdinalIgnoreCase))
            throw new SettingException($"{password.From}: a password there can be read by others; use --admin-password-file, or ORLEANSMQ_ADMIN_PASSWORD in the environment.");
        Both(settings, "tls-certificate", "tls-key");
        Both(settings, "jwt-issuer", "jwt-audience");
        Both(settings, "orleans-tls-certificate", "orleans-tls-key");
        Both(settings, "orleans-tls-certificate", "orleans-tls-roots");
        Needs(settings, "tls-client-roots", "tls-certificate");
        Needs(settings, "tls-client-certificate", "tls-client-roots");
        NotBoth(settings, "admin-password", "admin-password-file");
        NotBoth(settings, "users", "admin-password");
        NotBoth(settings, "users", "admin-password-file");
    }

    private static void Both(IReadOnlyDictionary<string, Setting> settings, string one, string other)
    {
        Needs(settings, one, other);
        Needs(settings, other, one);
    }

    private static void Needs(IReadOnlyDictionary<string, Setting> settings, string one, string other)
    {
        if (settings.TryGetValue(one, out var given) && !settings.ContainsKey(other))
            throw new SettingException($"{given.From}: needs --{other} beside it.");
    }

    private static void NotBoth(IReadOnlyDictionary<string, Setting> settings, string one, string other)
    {
        if (settings.TryGetValue(one, out var given) && settings.TryGetValue(other, out var beside))
            throw new SettingException($"{given.From} and {beside.From}: one of them, not both.");
    }

    private static Uri? Issuer(IReadOnlyDictionary<string, Setting> settings)
    {
        if (SiloOptions.Text(settings, "jwt-issuer") is not { } text)
            return null;
        return Uri.TryCreate(text, UriKind.Absolute, out var issuer) && (issuer.Scheme == Uri.UriSchemeHttps || (issuer.Scheme == Uri.UriSchemeHttp && issuer.IsLoopback))
            ? issuer
            : throw new SettingException($"{settings["jwt-issuer"].From} {text}: an https:// address.");
    }
}

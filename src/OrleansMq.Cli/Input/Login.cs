using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace OrleansMq.Cli.Input;

/// <summary>Who asks, and whom to trust: options that every command has. Secrets come from files or the environment, never from the command line, which every user of the machine can read.</summary>
internal sealed class Login
{
    private readonly Option<string?> _user = Global("--login", "Who you are. Also by MQ_LOGIN.", "USER");
    private readonly Option<string?> _passwordFile = Global("--password-file", "Your password's file. Or MQ_PASSWORD: the password itself.", "FILE");
    private readonly Option<string?> _tokenFile = Global("--token-file", "A bearer token's file. Or MQ_TOKEN: the token itself.", "FILE");
    private readonly Option<string?> _roots = Global("--ca", "Certificates (PEM) to trust instead of this machine's. Also by MQ_CA.", "FILE");
    private readonly Option<string?> _certificate = Global("--certificate", "Your client certificate (PEM), with --key-file. Also by MQ_CERTIFICATE.", "FILE");
    private readonly Option<string?> _key = Global("--key-file", "Its private key (PEM). Also by MQ_KEY.", "FILE");

    public IEnumerable<Option> All => [_user, _passwordFile, _tokenFile, _roots, _certificate, _key];

    /// <exception cref="UsageException">What was given does not go together, or can't be read.</exception>
    public HttpBrokerOptions Read(ParseResult parsed)
    {
        var certificate = Given(parsed, _certificate, "MQ_CERTIFICATE");
        try
        {
            return new HttpBrokerOptions
            {
                Credential = Credential(parsed),
                Roots = Given(parsed, _roots, "MQ_CA") is { } roots ? RootsIn(roots) : null,
                Certificate = certificate is null ? null : X509Certificate2.CreateFromPemFile(certificate, Given(parsed, _key, "MQ_KEY")),
            };
        }
        catch (CryptographicException e)
        {
            throw new UsageException($"A certificate or key can't be read: {e.Message}");
        }
    }

    private HttpCredential? Credential(ParseResult parsed)
    {
        var user = Given(parsed, _user, "MQ_LOGIN");
        var password = parsed.GetValue(_passwordFile) is { } file ? FirstLine(file) : Environment.GetEnvironmentVariable("MQ_PASSWORD");
        var token = parsed.GetValue(_tokenFile) is { } tokenFile ? FirstLine(tokenFile) : user is null ? Environment.GetEnvironmentVariable("MQ_TOKEN") : null;
        if (token is { Length: > 0 })
            return user is null ? HttpCredential.OfToken(token) : throw new UsageException("--login and --token-file: one of them, not both.");
        if (user is null)
            return null;
        return password is { Length: > 0 } ? HttpCredential.OfPassword(user, password) : throw new UsageException("--login needs --password-file FILE, or MQ_PASSWORD in the environment.");
    }

    private static X509Certificate2Collection RootsIn(string file)
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile(file);
        return roots.Count > 0 ? roots : throw new UsageException($"--ca: {file} has no certificate in it.");
    }

    internal static string FirstLine(string file) => File.ReadLines(file).FirstOrDefault() is { Length: > 0 } line ? line : throw new UsageException($"{file} is empty.");

    private static string? Given(ParseResult parsed, Option<string?> option, string variable) =>
        parsed.GetValue(option) ?? (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null);

    private static Option<string?> Global(string name, string description, string helpName) => new(name) { Description = description, HelpName = helpName, Recursive = true };
}

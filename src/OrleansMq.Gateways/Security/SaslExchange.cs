using System.Text;
using OrleansMq.Access;

namespace OrleansMq.Gateways;

/// <summary>One login by SASL (RFC 4422), the server's side: the client's messages in, ours out, until it is known who it is or the login is refused.</summary>
/// <remarks>Only what a gateway may take is offered: a password or a token as it is over TLS or within the machine, tokens where there is an issuer.</remarks>
public abstract class SaslExchange
{
    public const string Plain = "PLAIN";
    public const string ScramSha256 = "SCRAM-SHA-256";
    public const string ScramSha512 = "SCRAM-SHA-512";
    public const string Bearer = "OAUTHBEARER";

    /// <summary>Who it is, once it has been shown.</summary>
    public Principal? Principal { get; private protected set; }

    /// <summary>Who it said to be; empty where it has not said it, or not in a way that tells.</summary>
    public string Name { get; private protected set; } = "";

    /// <summary>The client's next message in.</summary>
    /// <returns>Our answer. Null: the login is refused and over; why is not told.</returns>
    /// <exception cref="MqException"><see cref="ErrorCodes.Overloaded"/>: too many passwords are being checked; nothing is decided.</exception>
    public abstract ValueTask<byte[]?> Next(ReadOnlyMemory<byte> message, CancellationToken cancel);

    /// <summary>The mechanisms that are offered, the best first.</summary>
    /// <param name="maySecrets">What <see cref="GatewaySecurity.MayCarrySecrets"/> says of the connection.</param>
    public static IReadOnlyList<string> Offered(GatewaySecurity security, bool maySecrets) =>
        security.Access is null ? [] : [ScramSha512, ScramSha256, .. maySecrets ? new[] { Plain } : [], .. maySecrets && security.Tokens is not null ? new[] { Bearer } : []];

    /// <returns>Null: it is not offered.</returns>
    public static SaslExchange? Begin(string mechanism, GatewaySecurity security, bool maySecrets) => !Offered(security, maySecrets).Contains(mechanism) ? null : mechanism switch
    {
        ScramSha512 => new ByScram(security.Access!.BeginScram(ScramMechanism.Sha512)),
        ScramSha256 => new ByScram(security.Access!.BeginScram(ScramMechanism.Sha256)),
        Plain => new ByPassword(security.Access!),
        _ => new ByToken(security.Tokens!),
    };

    private static string? TextOf(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private sealed class ByScram(ScramExchange exchange) : SaslExchange
    {
        private bool _challenged;

        public override ValueTask<byte[]?> Next(ReadOnlyMemory<byte> message, CancellationToken cancel)
        {
            var answer = _challenged ? exchange.Finish(message.Span) : exchange.Challenge(message.Span);
            (_challenged, Name, Principal) = (true, exchange.User, exchange.Principal);
            return ValueTask.FromResult(answer);
        }
    }

    /// <summary>RFC 4616: <c>[as whom] NUL user NUL password</c>. Acting as another is refused: a user is itself.</summary>
    private sealed class ByPassword(AccessControl access) : SaslExchange
    {
        public override async ValueTask<byte[]?> Next(ReadOnlyMemory<byte> message, CancellationToken cancel)
        {
            if (TextOf(message.Span)?.Split('\0') is not [var acting, var user, var password])
                return null;
            Name = user;
            if (acting.Length > 0 && acting != user)
                return null;
            Principal = await access.CheckPassword(user, password, cancel);
            return Principal is null ? null : [];
        }
    }

    /// <summary>RFC 7628: <c>n,[a=whom],^A auth=Bearer TOKEN ^A [more ^A] ^A</c>. What is said beside the token counts for nothing.</summary>
    private sealed class ByToken(TokenCheck tokens) : SaslExchange
    {
        private const char Between = '\u0001';
        private const string Auth = "auth=", Scheme = "Bearer ";

        public override async ValueTask<byte[]?> Next(ReadOnlyMemory<byte> message, CancellationToken cancel)
        {
            if (TextOf(message.Span)?.Split(Between) is not [var head, .. var fields] || head.Split(',') is not ["n" or "y", var acting, ""] || TokenIn(fields) is not { } token)
                return null;
            if (await tokens.Check(token, cancel) is not { } holder || !IsSelf(acting, holder))
                return null;
            (Principal, Name) = (holder, holder.Name);
            return [];
        }

        /// <summary>Acting as another is refused here too.</summary>
        private static bool IsSelf(string acting, Principal holder) =>
            acting.Length == 0 || (acting.StartsWith("a=", StringComparison.Ordinal) && Principal.OfToken(acting[2..], []).Name == holder.Name);

        private static string? TokenIn(string[] fields) =>
            fields.FirstOrDefault(field => field.StartsWith(Auth, StringComparison.Ordinal)) is { } field && field[Auth.Length..] is var value && value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
                ? value[Scheme.Length..]
                : null;
    }
}

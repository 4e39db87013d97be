using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using OrleansMq.Access;

namespace OrleansMq.Gateways.Http;

/// <summary>Finds out who asks: by HTTP's basic scheme, a bearer token, or the certificate of the connection.</summary>
internal sealed class HttpAuthentication(GatewaySecurity security)
{
    private const int MaxCredentialChars = 4 << 10;

    /// <summary>For <c>WWW-Authenticate</c>.</summary>
    public string[] Challenges => security.Tokens is null
        ? ["Basic realm=\"orleansmq\", charset=\"UTF-8\""]
        : ["Basic realm=\"orleansmq\", charset=\"UTF-8\"", "Bearer realm=\"orleansmq\""];

    /// <returns>Null: nobody is named.</returns>
    /// <exception cref="MqException"><see cref="ErrorCodes.Unauthenticated"/>: somebody is named, and is not shown to be.</exception>
    public async ValueTask<Principal?> WhoAsks(HttpContext http)
    {
        var address = PeerAddress.Of(http.Connection.RemoteIpAddress);
        var header = http.Request.Headers.Authorization;
        if (header.Count == 0)
            return GatewaySecurity.PrincipalOf(http.Features.Get<ITlsConnectionFeature>()?.ClientCertificate) is { } holder ? holder with { Address = address } : null;
        if (!security.MayCarrySecrets(http.Request.IsHttps, new IPEndPoint(http.Connection.RemoteIpAddress ?? IPAddress.None, 0)))
            throw Unauthenticated("Passwords and tokens are taken over TLS alone.");
        var text = header.ToString();
        var space = text.IndexOf(' ', StringComparison.Ordinal);
        var (scheme, credential) = space < 0 ? (text, "") : (text[..space], text[(space + 1)..].Trim());
        if (scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase))
            return await OfPassword(credential, address, http.RequestAborted);
        if (scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase) && security.Tokens is { } tokens)
        {
            if (await tokens.Check(credential, http.RequestAborted) is { } holder)
                return holder with { Address = address };
            security.Access!.LoginFailed("", address, "http bearer");
            throw Unauthenticated("The token is expired, for somebody else, or not of the issuer.");
        }
        throw Unauthenticated(security.Tokens is null ? "Say Basic." : "Say Basic or Bearer.");
    }

    private async ValueTask<Principal> OfPassword(string credential, string address, CancellationToken cancel)
    {
        var bytes = new byte[MaxCredentialChars];
        if (credential.Length > MaxCredentialChars || !Convert.TryFromBase64String(credential, bytes, out var length))
            throw Unauthenticated("What follows Basic is not base64 of name:password.");
        var pair = Encoding.UTF8.GetString(bytes, 0, length);
        var colon = pair.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
            throw Unauthenticated("What follows Basic is not base64 of name:password.");
        if (await security.Access!.CheckPassword(pair[..colon], pair[(colon + 1)..], cancel) is { } user)
            return user with { Address = address };
        security.Access.LoginFailed(pair[..colon], address, "http basic");
        throw Unauthenticated("The name or the password is wrong.");
    }

    private static MqException Unauthenticated(string why) => new(ErrorCodes.Unauthenticated, why);
}

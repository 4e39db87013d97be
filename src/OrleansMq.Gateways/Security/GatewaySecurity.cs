using System.Net;
using System.Security.Cryptography.X509Certificates;
using OrleansMq.Access;

namespace OrleansMq.Gateways;

/// <summary>Who may come in through a gateway, and how. One for a process, shared by all its gateways.</summary>
public sealed class GatewaySecurity
{
    /// <summary>X.520's attribute.</summary>
    private const string CommonName = "2.5.4.3";

    /// <summary>Whoever reaches the gateway may do everything, in clear text: what holds on a machine of one's own, and nowhere else.</summary>
    public static GatewaySecurity Open { get; } = new();

    /// <summary>Null: nobody is asked who they are.</summary>
    public AccessControl? Access { get; init; }

    /// <summary>Null: no TLS.</summary>
    public TlsCertificates? Tls { get; init; }

    /// <summary>Null: tokens are not taken.</summary>
    public TokenCheck? Tokens { get; init; }

    /// <summary>Whether a password may come over the network without TLS. It never should.</summary>
    public bool PasswordsInClear { get; init; }

    /// <summary>Whether a password or token may be sent over this connection: within TLS, or within this machine.</summary>
    public bool MayCarrySecrets(bool isTls, EndPoint? remote) =>
        isTls || PasswordsInClear || remote is not IPEndPoint { Address: var address } || IPAddress.IsLoopback(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);

    /// <summary>The broker as a principal may use it; where nobody is asked, the broker itself.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Unauthenticated"/>: it is not known who asks.</exception>
    public IBroker BrokerOf(IBroker broker, Principal? principal)
    {
        if (Access is null)
            return broker;
        return principal is null
            ? throw new MqException(ErrorCodes.Unauthenticated, "Say who you are: a user's name and password, a token or a client certificate.")
            : Access.As(broker, principal);
    }

    /// <summary>Who a client certificate is, which the handshake has checked. Null: it names nobody.</summary>
    public static Principal? PrincipalOf(X509Certificate2? certificate) =>
        certificate is not null && CommonNameOf(certificate) is { Length: > 0 and <= UserNameRule.MaxLength } name && !name.Any(char.IsControl) ? Principal.OfCertificate(name) : null;

    /// <summary>The one common name of the subject; null where there is none, or more than one.</summary>
    private static string? CommonNameOf(X509Certificate2 certificate)
    {
        var names = certificate.SubjectName.EnumerateRelativeDistinguishedNames()
            .Where(part => !part.HasMultipleElements && part.GetSingleElementType().Value == CommonName).Select(part => part.GetSingleElementValue()).ToList();
        return names.Count == 1 ? names[0] : null;
    }
}

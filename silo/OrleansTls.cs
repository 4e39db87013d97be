#if ORLEANS
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Orleans.Configuration;
using Orleans.Connections.Security;
using OrleansMq.Gateways;
using FilesOfTls = OrleansMq.Gateways.TlsOptions;
using TlsOptions = Orleans.Connections.Security.TlsOptions;

namespace OrleansMq.Silo;

/// <summary>
/// TLS on Orleans' own two ports, with certificates on both sides. A certificate for clients opens the gateway port; the silo port takes only one that is for servers too, so that a client is no silo.
/// </summary>
/// <remarks>
/// Names are not looked at: silos find each other by addresses that come and go, and the roots are Orleans' own. Files are read again when they change, and each handshake goes by those of
/// its moment; a connection that is open stays.
/// </remarks>
internal static class OrleansTls
{
    /// <returns>Null where Orleans' ports have no TLS.</returns>
    /// <exception cref="IOException">A file can't be read, or other silos would not take this one's certificate.</exception>
    /// <exception cref="SettingException">Who may be a user here could be everybody there.</exception>
    public static TlsCertificates? Load(SecurityOptions told, Action<string> report)
    {
        if (told.OrleansTlsCertificate is not { } certificate)
            return null;
        if (told is { Apart: not null, TlsClientRoots: { } clients } && SeparateRoots.InCommon(RootsIn(told.OrleansTlsRoots!), RootsIn(clients)) is { } common)
        {
            throw new SettingException(
                $"--orleans-tls-roots {told.OrleansTlsRoots} and --tls-client-roots {clients} have a root's key in common ({common.Subject}): who has a user's certificate would come in by Orleans' gateway port and go around the rules; give Orleans a root of its own.");
        }
        return TlsCertificates.Start(
            new FilesOfTls { CertificateFile = certificate, KeyFile = told.OrleansTlsKey!, ClientRootsFile = told.OrleansTlsRoots, AmongPeers = true, Apart = told.Apart }, report: report);
    }

    public static void Use(ISiloBuilder orleans, TlsCertificates certificates)
    {
        var (fromClients, betweenSilos) = (Options(certificates, alsoServers: false), Options(certificates, alsoServers: true));
        orleans.Configure<SiloConnectionOptions>(connections =>
        {
            connections.ConfigureGatewayInboundConnection(each => each.UseServerTls(fromClients));
            connections.ConfigureSiloInboundConnection(each => each.UseServerTls(betweenSilos));
            connections.ConfigureSiloOutboundConnection(each => each.UseClientTls(betweenSilos));
        });
    }

    private static TlsOptions Options(TlsCertificates certificates, bool alsoServers) => new()
    {
        // Orleans wants one to be there; what a handshake shows is set below.
        LocalCertificate = certificates.Certificate,
        RemoteCertificateMode = RemoteCertificateMode.RequireCertificate,
        RemoteCertificateValidation = (_, _, errors) => (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None,
        OnAuthenticateAsServer = (_, options) =>
        {
            options.ServerCertificateSelectionCallback = null;
            var server = (SslServerAuthenticationOptions)options.SslServerAuthenticationOptions;
            (server.ServerCertificateContext, server.CertificateChainPolicy) = (certificates.Context, certificates.PolicyForPeers(alsoServers));
            (server.AllowTlsResume, server.AllowRenegotiation) = (false, false);
        },
        OnAuthenticateAsClient = (_, options) =>
        {
            options.ClientCertificates = null;
            var client = (SslClientAuthenticationOptions)options.SslClientAuthenticationOptions;
            (client.ClientCertificateContext, client.CertificateChainPolicy) = (certificates.Context, certificates.PolicyForPeers(alsoServers: true));
            client.AllowTlsResume = false;
        },
    };

    private static X509Certificate2Collection RootsIn(string file)
    {
        var roots = new X509Certificate2Collection();
        try
        {
            roots.ImportFromPemFile(file);
        }
        catch (CryptographicException e)
        {
            throw new IOException($"{file} is no PEM: {e.Message}", e);
        }
        return roots;
    }
}
#endif

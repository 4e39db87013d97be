using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace OrleansMq.Cli.Tests;

/// <summary>A port as Orleans has it, as far as somebody who is no silo sees it: it says nothing of itself.</summary>
internal sealed class OrleansPort : IAsyncDisposable
{
    public const string Clear = "clear";
    public const string Asks = "asks";
    public const string TakesAnyone = "takes anyone";

    /// <summary>It speaks TLS and can't go on, whoever comes.</summary>
    public const string Fails = "fails";

    /// <summary>Without TLS, as the silo port, which says who it is.</summary>
    public const string Greets = "greets";

    // A TLS record (RFC 8446, section 5.1) with a fatal alert of 80, internal_error.
    private static readonly byte[] Alert = [21, 3, 3, 0, 2, 2, 80];

    private readonly TcpListener _listener = new(IPAddress.Any, 0);
    private readonly CancellationTokenSource _over = new();
    private readonly X509Certificate2 _certificate = SelfSigned();
    private readonly Task _serving;

    public OrleansPort(string manners)
    {
        _listener.Start();
        _serving = Serve(manners);
    }

    public int Number => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _serving;
        _listener.Dispose();
        _certificate.Dispose();
        _over.Dispose();
    }

    private async Task Serve(string manners)
    {
        try
        {
            while (true)
            {
                using var peer = await _listener.AcceptTcpClientAsync(_over.Token);
                await Meet(peer.GetStream(), manners);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task Meet(NetworkStream peer, string manners)
    {
        try
        {
            await (manners switch
            {
                Clear => ReadALength(peer),
                Fails => Say(peer, Alert),
                Greets => Say(peer, "who I am"u8.ToArray()),
                _ => Handshake(peer, manners == Asks),
            });
        }
        catch (IOException)
        {
            // It is gone.
        }
    }

    /// <summary>Four bytes that are no length of a preamble end the connection.</summary>
    private async Task ReadALength(NetworkStream stream) => await stream.ReadExactlyAsync(new byte[4], _over.Token);

    private async Task Say(NetworkStream stream, byte[] bytes)
    {
        await ReadALength(stream);
        await stream.WriteAsync(bytes, _over.Token);
        // Until the peer is gone.
        await Record.ExceptionAsync(async () => await stream.CopyToAsync(Stream.Null, _over.Token));
    }

    private async Task Handshake(NetworkStream stream, bool asks)
    {
        await using var tls = new SslStream(stream, leaveInnerStreamOpen: true, (_, certificate, _, _) => !asks || certificate is not null);
        try
        {
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate, ClientCertificateRequired = asks, ApplicationProtocols = [new("Orleans1")] }, _over.Token);
            // Until the peer has seen enough.
            await tls.ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false, _over.Token);
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            // It has shown no certificate, or is gone.
        }
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var made = new CertificateRequest("CN=silo", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}

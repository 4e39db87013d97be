using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace OrleansMq.Gateways;

/// <summary>TLS for listeners: the server's certificate and the clients' roots from files, read again when they change. Connections that are open keep theirs.</summary>
public sealed class TlsCertificates : IDisposable
{
    // Kestrel's TLS asks for its own services, and our servers are made without a host.
    private static readonly Lazy<IServiceProvider> KestrelServices = new(() =>
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        return builder.Build().Services;
    });

    private static readonly Oid ForServers = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid ForClients = new("1.3.6.1.5.5.7.3.2");

    private readonly TlsOptions _options;
    private readonly Action<string> _report;
    private readonly ITimer _timer;
    private Loaded _loaded;

    // Why the files could not be taken, the last time; null: they were.
    private string? _said;

    private sealed record Loaded(SslStreamCertificateContext Context, X509Certificate2Collection? Roots, string Fingerprint);

    private TlsCertificates(TlsOptions options, TimeProvider time, Action<string> report)
    {
        (_options, _report, _loaded) = (options, report, Load(options));
        _timer = time.CreateTimer(_ => LookAgain(), null, options.LookEvery, options.LookEvery);
    }

    /// <exception cref="IOException">A file can't be read, or others may read the key.</exception>
    public static TlsCertificates Start(TlsOptions options, TimeProvider? time = null, Action<string>? report = null)
    {
        try
        {
            return new TlsCertificates(options, time ?? TimeProvider.System, report ?? (_ => { }));
        }
        catch (CryptographicException e)
        {
            throw new IOException($"{options.CertificateFile} and {options.KeyFile} are not a certificate and its key in PEM: {e.Message}", e);
        }
    }

    /// <summary>The certificate that the next handshake shows.</summary>
    public X509Certificate2 Certificate => Context.TargetCertificate;

    /// <summary>That certificate, and those that lead to its root.</summary>
    public SslStreamCertificateContext Context => Volatile.Read(ref _loaded).Context;

    /// <summary>How a peer is judged in the next handshake: its certificate descends from the roots and is made for clients, and for servers as well if that is asked.</summary>
    /// <exception cref="InvalidOperationException">There are no roots.</exception>
    public X509ChainPolicy PolicyForPeers(bool alsoServers)
    {
        var roots = Volatile.Read(ref _loaded).Roots ?? throw new InvalidOperationException("There are no roots, so every certificate would be a stranger's.");
        return alsoServers ? Policy(roots, ForClients, ForServers) : Policy(roots, ForClients);
    }

    /// <summary>TLS 1.2 or later on this listener; the certificates are those of the moment of each handshake.</summary>
    public void Use(ListenOptions listen, TimeSpan handshakeTimeout)
    {
        listen.KestrelServerOptions.ApplicationServices ??= KestrelServices.Value;
        listen.UseHttps(new TlsHandshakeCallbackOptions { HandshakeTimeout = handshakeTimeout, OnConnection = _ => ValueTask.FromResult(ForServer(listen.Protocols)) });
    }

    /// <summary>Reads the files again; what can't be read or may not be is reported once, and the certificates and roots stay.</summary>
    public void LookAgain()
    {
        try
        {
            if (Fingerprint(_options) == _loaded.Fingerprint)
            {
                _said = null;
                return;
            }

            Volatile.Write(ref _loaded, Load(_options));
            _said = null;
            _report($"TLS: a new certificate from {_options.CertificateFile}, valid until {Certificate.NotAfter.ToUniversalTime():u}.");
        }
        catch (Exception e) when (e is IOException or CryptographicException or UnauthorizedAccessException)
        {
            // It is tried again each time, and said once.
            if (e.Message != _said)
                _report($"TLS: the certificates stay as they were: {e.Message}");
            _said = e.Message;
        }
    }

    public void Dispose() => _timer.Dispose();

    private SslServerAuthenticationOptions ForServer(HttpProtocols protocols)
    {
        var now = Volatile.Read(ref _loaded);
        return new SslServerAuthenticationOptions
        {
            ServerCertificateContext = now.Context,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
            ClientCertificateRequired = now.Roots is not null,
            // A client is judged at each handshake, by the roots of that moment.
            AllowTlsResume = now.Roots is null,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            RemoteCertificateValidationCallback = now.Roots is { } roots ? (_, certificate, _, _) => IsTrusted(certificate, roots) : null,
            ApplicationProtocols = protocols.HasFlag(HttpProtocols.Http1) ? [SslApplicationProtocol.Http11] : null,
        };
    }

    private bool IsTrusted(X509Certificate? certificate, X509Certificate2Collection roots)
    {
        if (certificate is null)
            return !_options.ClientCertificateRequired;
        using var chain = new X509Chain { ChainPolicy = Policy(roots, ForClients) };
        return chain.Build(certificate as X509Certificate2 ?? X509CertificateLoader.LoadCertificate(certificate.GetRawCertData()));
    }

    private static X509ChainPolicy Policy(X509Certificate2Collection roots, params Oid[] purposes)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.CustomTrustStore.AddRange(roots);
        foreach (var purpose in purposes)
            policy.ApplicationPolicy.Add(purpose);
        return policy;
    }

    private static Loaded Load(TlsOptions options)
    {
        RefuseOpenKey(options.KeyFile);
        var fingerprint = Fingerprint(options);
        using var fromPem = X509Certificate2.CreateFromPemFile(options.CertificateFile, options.KeyFile);
        // By way of PKCS 12: SslStream on Windows takes no key that lives in memory alone.
        var certificate = X509CertificateLoader.LoadPkcs12(fromPem.Export(X509ContentType.Pkcs12), null);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(options.CertificateFile);
        X509Certificate2Collection? roots = null;
        if (options.ClientRootsFile is { } rootsFile)
        {
            roots = [];
            roots.ImportFromPemFile(rootsFile);
            if (roots.Count == 0)
                throw new IOException($"{rootsFile} has no certificate in it.");
        }
        if (options.AmongPeers)
            RefuseWhatPeersWouldNotTake(options, certificate, chain, roots);
        var loaded = new Loaded(SslStreamCertificateContext.Create(certificate, chain, offline: true), roots, fingerprint);
        // Last: what is set there is what handshakes go by.
        if (roots is not null)
            options.Apart?.Set(options, options.ClientRootsFile!, roots);
        return loaded;
    }

    private static void RefuseWhatPeersWouldNotTake(TlsOptions options, X509Certificate2 certificate, X509Certificate2Collection between, X509Certificate2Collection? roots)
    {
        using var chain = new X509Chain { ChainPolicy = Policy(roots ?? throw new IOException($"{options.CertificateFile} is for peers, and there are no roots."), ForClients, ForServers) };
        chain.ChainPolicy.ExtraStore.AddRange(between);
        if (!chain.Build(certificate))
            throw new IOException($"{options.CertificateFile}: peers with the roots in {options.ClientRootsFile} would not take it as a server's and as a client's: {string.Join(' ', chain.ChainStatus.Select(status => status.StatusInformation.Trim()))}");
    }

    private static void RefuseOpenKey(string keyFile)
    {
        if (OperatingSystem.IsWindows())
            return;
        var others = File.GetUnixFileMode(keyFile) & (UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite);
        if (others != 0)
            throw new IOException($"{keyFile} is a private key that everyone on this machine may open; say chmod 600.");
    }

    // By what is in the files: a volume of Kubernetes swaps links, whose times say nothing.
    private static string Fingerprint(TlsOptions options)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in (string?[])[options.CertificateFile, options.KeyFile, options.ClientRootsFile])
            if (file is not null)
                hash.AppendData(SHA256.HashData(File.ReadAllBytes(file)));
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}

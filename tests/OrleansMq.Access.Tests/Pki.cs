using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace OrleansMq.Access.Tests;

/// <summary>A root of the test's own, and certificates beneath it, as files in a folder.</summary>
internal sealed class Pki : IDisposable
{
    private const string ForServers = "1.3.6.1.5.5.7.3.1";
    private const string ForClients = "1.3.6.1.5.5.7.3.2";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("orleansmq-pki-");
    private readonly X509Certificate2 _root;
    private readonly string[] _purposes;

    /// <param name="amongPeers">Whether the certificate in the files is for clients too.</param>
    public Pki(bool amongPeers = false)
    {
        _purposes = amongPeers ? [ForServers, ForClients] : [ForServers];
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test root", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1));
        RootFile = Write("root.pem", _root.ExportCertificatePem());
        Replace();
    }

    public string RootFile { get; }

    public string CertificateFile => Path.Combine(_folder.FullName, "server.pem");

    public string KeyFile => Path.Combine(_folder.FullName, "server.key");

    public X509Certificate2Collection Roots => [_root];

    /// <summary>A new server certificate in the place of the old one.</summary>
    /// <returns>Its thumbprint.</returns>
    public string Replace()
    {
        using var certificate = Make("localhost", _purposes);
        Write("server.key", certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        Write("server.pem", certificate.ExportCertificatePem());
        return certificate.Thumbprint;
    }

    /// <summary>The root's key in a certificate of another name and number.</summary>
    public X509Certificate2 RootIssuedAnew()
    {
        using var key = _root.GetECDsaPrivateKey()!;
        var request = new CertificateRequest("CN=test root anew", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(_root.NotBefore, _root.NotAfter);
    }

    public X509Certificate2 Client(string name) => Make(name, ForClients);

    public X509Certificate2 ServerAsClient(string name) => Make(name, ForServers);

    public void Dispose()
    {
        _root.Dispose();
        _folder.Delete(recursive: true);
    }

    private X509Certificate2 Make(string name, params string[] purposes)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. purposes.Select(purpose => new Oid(purpose))], false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var signed = request.Create(_root, _root.NotBefore, _root.NotAfter, RandomNumberGenerator.GetBytes(8));
        using var whole = signed.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, text);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return path;
    }
}


using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using OrleansMq.Gateways;

namespace OrleansMq.Access.Tests;

/// <summary>Who and where the other side of a connection is.</summary>
public sealed class PeerTests
{
    [Theory]
    [InlineData("CN=press", "cert:press")]
    [InlineData("CN=press,O=house", "cert:press")]
    [InlineData("O=house", null)]
    [InlineData("CN=press,CN=admin", null)]
    public void ACertificateNamesItsHolderByItsOneCommonName(string subject, string? name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest(subject, key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddHours(1));

        Assert.Equal(name, GatewaySecurity.PrincipalOf(certificate)?.Name);
    }

    [Theory]
    [InlineData("10.0.0.1", "10.0.0.1")]
    [InlineData("::ffff:10.0.0.1", "10.0.0.1")]
    [InlineData("::1", "::1")]
    public void AnAddressHasOneNameWhateverTheListenerSpeaks(string address, string name) => Assert.Equal(name, PeerAddress.Of(IPAddress.Parse(address)));
}

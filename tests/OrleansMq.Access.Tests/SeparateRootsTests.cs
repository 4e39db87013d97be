using OrleansMq.Gateways;

namespace OrleansMq.Access.Tests;

/// <summary>Roots of users and of Orleans' ports, which may have no key in common.</summary>
public sealed class SeparateRootsTests : IDisposable
{
    private readonly Pki _users = new(), _silos = new(amongPeers: true);
    private readonly SeparateRoots _apart = new();
    private readonly List<string> _reports = [];

    public void Dispose()
    {
        _users.Dispose();
        _silos.Dispose();
    }

    private TlsCertificates Start(Pki pki) =>
        TlsCertificates.Start(new TlsOptions { CertificateFile = pki.CertificateFile, KeyFile = pki.KeyFile, ClientRootsFile = pki.RootFile, Apart = _apart }, report: _reports.Add);

    [Fact]
    public void AKeyIsInCommonUnderWhateverNameAndNumberItWasIssued()
    {
        using var anew = _users.RootIssuedAnew();

        Assert.Null(SeparateRoots.InCommon(_users.Roots, _silos.Roots));
        Assert.NotNull(SeparateRoots.InCommon(_users.Roots, _users.Roots));
        Assert.Equal("CN=test root anew", SeparateRoots.InCommon([.. _silos.Roots, anew], _users.Roots)!.Subject);
        Assert.NotNull(SeparateRoots.InCommon(_users.Roots, [.. _silos.Roots, anew]));
    }

    [Fact]
    public void AtTheStartTheSecondIsRefused()
    {
        using var users = Start(_users);
        using var anew = _users.RootIssuedAnew();
        File.AppendAllText(_silos.RootFile, "\n" + anew.ExportCertificatePem());

        Assert.StartsWith($"{_silos.RootFile} has a root (CN=test root anew)", Assert.Throws<IOException>(() => Start(_silos)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WhicheverFileIsChangedAReloadThatWouldMakeThemCommonLeavesTheOldOnesAndIsSaidOnce(bool ofUsers)
    {
        using var users = Start(_users);
        using var silos = Start(_silos);
        var (changed, pki, other) = ofUsers ? (users, _users, _silos) : (silos, _silos, _users);
        var (file, before) = (pki.RootFile, File.ReadAllText(pki.RootFile));
        using var anew = other.RootIssuedAnew();

        File.AppendAllText(file, "\n" + anew.ExportCertificatePem());
        changed.LookAgain();
        changed.LookAgain();

        Assert.StartsWith($"TLS: the certificates stay as they were: {file} has a root (CN=test root anew)", Assert.Single(_reports), StringComparison.Ordinal);
        Assert.Equal(pki.Roots[0].Thumbprint, Assert.Single(changed.PolicyForPeers(alsoServers: false).CustomTrustStore).Thumbprint);
        // The other's renewal is not held up by a file that was not taken.
        var fresh = other.Replace();
        (ofUsers ? silos : users).LookAgain();
        Assert.Equal(fresh, (ofUsers ? silos : users).Certificate.Thumbprint);

        // Put right and wrong again, it is said again.
        File.WriteAllText(file, before);
        changed.LookAgain();
        File.AppendAllText(file, "\n" + anew.ExportCertificatePem());
        changed.LookAgain();
        Assert.Equal(2, _reports.Count(report => report.Contains("stay as they were", StringComparison.Ordinal)));
    }

    [Fact]
    public void ARootThatOneGaveUpMayBeTheOthers()
    {
        using var users = Start(_users);
        using var silos = Start(_silos);
        using var third = new Pki();
        using var given = _users.RootIssuedAnew();

        File.Copy(third.RootFile, _users.RootFile, overwrite: true);
        users.LookAgain();
        File.AppendAllText(_silos.RootFile, "\n" + given.ExportCertificatePem());
        silos.LookAgain();

        Assert.Equal(2, silos.PolicyForPeers(alsoServers: true).CustomTrustStore.Count);
        Assert.DoesNotContain(_reports, report => report.Contains("stay as they were", StringComparison.Ordinal));
    }
}

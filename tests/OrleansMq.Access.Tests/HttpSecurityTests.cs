using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using OrleansMq.Conformance;
using OrleansMq.Gateways;
using OrleansMq.Gateways.Http;

namespace OrleansMq.Access.Tests;

/// <summary>Who comes in over HTTP.</summary>
public sealed class HttpSecurityTests : IAsyncLifetime
{
    private readonly Pki _pki = new();
    private EmbeddedBroker _broker = null!;
    private AccessControl _control = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("t", new TopicChange());
        _control = await Some.ControlWithAnna();
        await _control.Directory.AddRule(Some.Rule(AccessOperations.Describe, ResourceKind.Topic, "t"));
    }

    public async Task DisposeAsync()
    {
        await _control.DisposeAsync();
        await _broker.DisposeAsync();
        _pki.Dispose();
    }

    private ValueTask<HttpGateway> Serve(GatewaySecurity? security = null) =>
        HttpGateway.Start(_broker, new HttpGatewayOptions { Port = 0, Security = security ?? new GatewaySecurity { Access = _control } });

    private static async Task<HttpResponseMessage> Get(HttpGateway gateway, string path, AuthenticationHeaderValue? who = null)
    {
        using var client = new HttpClient { BaseAddress = gateway.Uri };
        client.DefaultRequestHeaders.Authorization = who;
        return await client.GetAsync(path);
    }

    private static AuthenticationHeaderValue Basic(string user, string password) => new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));

    [Theory]
    [InlineData("anna", Some.Password, 200)]
    [InlineData("anna", "wrong password", 401)]
    [InlineData("nobody", Some.Password, 401)]
    [InlineData("anna", "", 401)]
    [InlineData("", "", 401)]
    public async Task OnlyARightNameAndPasswordComeIn(string user, string password, int status)
    {
        await using var gateway = await Serve();

        using var answer = await Get(gateway, "/v1/topics/t", Basic(user, password));

        Assert.Equal(status, (int)answer.StatusCode);
        if (status == 401)
        {
            Assert.Equal("Basic", answer.Headers.WwwAuthenticate.Single().Scheme);
            Assert.Contains("unauthenticated", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("Basic", "not base64!")]
    [InlineData("Basic", "bm9jb2xvbg==")]
    [InlineData("Bearer", "a.b.c")]
    [InlineData("Digest", "username=anna")]
    [InlineData("Basic", null)]
    public async Task ACredentialThatIsNoneIsRefused(string scheme, string? credential)
    {
        await using var gateway = await Serve();

        using var answer = await Get(gateway, "/v1/topics/t", new AuthenticationHeaderValue(scheme, credential));

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Theory]
    [InlineData("/healthz", 200)]
    [InlineData("/readyz", 200)]
    [InlineData("/openapi/v1.json", 200)]
    [InlineData("/metrics", 401)]
    [InlineData("/v1/cluster", 401)]
    [InlineData("/v1/topics", 401)]
    [InlineData("/v1/access/users", 401)]
    [InlineData("/nowhere", 401)]
    public async Task WhoIsNotNamedSeesThatItLivesAndNothingElse(string path, int status)
    {
        await using var gateway = await Serve();

        using var answer = await Get(gateway, path);

        Assert.Equal(status, (int)answer.StatusCode);
    }

    [Fact]
    public async Task WhatNoRuleAllowsIsForbiddenWithALineThatSaysWhatToDo()
    {
        await using var gateway = await Serve();
        await using var client = HttpBroker.Connect(gateway.Uri, new HttpBrokerOptions { Credential = HttpCredential.OfPassword("anna", Some.Password) });

        var refusal = await Assert.ThrowsAsync<MqException>(async () => await client.Publish("t", [Message.OfText("x")]));

        Assert.Equal(ErrorCodes.Forbidden, refusal.Code);
        Assert.Contains("mq acl add --user anna --allow produce --topic t", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Forbidden, (await Get(gateway, "/metrics", Basic("anna", Some.Password))).StatusCode);
    }

    [Fact]
    public async Task AnAdministratorMakesUsersAndRulesOverHttp()
    {
        await using var gateway = await Serve();
        await using var admin = HttpBroker.Connect(gateway.Uri, new HttpBrokerOptions { Credential = HttpCredential.OfPassword("admin", Some.AdminPassword) });

        Assert.True((await admin.Access.PutUser("bea", new UserChange { Password = Some.Password, Teams = ["ops"] })).Created);
        var rule = await admin.Access.AddRule(new AccessRule(SubjectKind.Team, "ops", AccessOperations.Produce | AccessOperations.Describe, ResourceKind.Topic, ResourceMatch.Prefix, "t"));
        Assert.Contains(rule, await admin.Access.ListRules());
        Assert.Equal(["admin", "anna", "bea"], (await admin.Access.ListUsers()).Select(user => user.Name));

        await using var bea = HttpBroker.Connect(gateway.Uri, new HttpBrokerOptions { Credential = HttpCredential.OfPassword("bea", Some.Password) });
        await bea.Publish("t", [Message.OfText("x")]);
        Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<MqException>(async () => await bea.Access.ListUsers())).Code);

        await admin.Access.RemoveRule(rule.Id);
        Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<MqException>(async () => await bea.Publish("t", [Message.OfText("x")]))).Code);
        await admin.Access.DeleteUser("bea");
        Assert.Equal(ErrorCodes.Unauthenticated, (await Assert.ThrowsAsync<MqException>(async () => await bea.ListTopics())).Code);
        Assert.Equal(ErrorCodes.UserUnknown, (await Assert.ThrowsAsync<MqException>(async () => await admin.Access.DeleteUser("bea"))).Code);
    }

    [Fact]
    public async Task TokensOfTheIssuerComeInAndNoOthers()
    {
        using var issuer = new Issuer();
        using var strange = RSA.Create(2048);
        await using var tokens = new TokenCheck(new TokenOptions { Issuer = issuer.Address, Audience = Issuer.Audience });
        await using var gateway = await Serve(new GatewaySecurity { Access = _control, Tokens = tokens });
        await _control.Directory.AddRule(new AccessRule(SubjectKind.Team, "jwt:ops", AccessOperations.Describe, ResourceKind.Topic, ResourceMatch.Literal, "t"));
        var good = issuer.Token(groups: ["ops"]);

        Assert.Equal(200, await Status(good));
        Assert.Equal(403, await Status(issuer.Token(groups: ["others"])));
        foreach (var bad in new[]
        {
            issuer.Token(groups: ["ops"], lasts: TimeSpan.FromMinutes(-10)), issuer.Token(groups: ["ops"], key: strange), issuer.Token(groups: ["ops"], audience: "another"),
            issuer.Token(groups: ["ops"], issuer: "http://127.0.0.1:1"), issuer.Token(groups: ["ops"], algorithm: "none"), issuer.Token(groups: ["ops"], algorithm: "HS256"),
            good[..^4] + "AAAA", good + "x", "", "x", new string('a', 20_000),
        })
            Assert.Equal(401, await Status(bad));

        async Task<int> Status(string token)
        {
            using var answer = await Get(gateway, "/v1/topics/t", new AuthenticationHeaderValue("Bearer", token));
            return (int)answer.StatusCode;
        }
    }

    [Theory]
    [InlineData("\"acme\"", 200)]
    [InlineData("\"bolt\"", 404)]
    [InlineData(null, 404)]
    [InlineData("null", 401)]
    [InlineData("\"No.Tenant\"", 401)]
    [InlineData("\"\"", 401)]
    [InlineData("[\"acme\",\"bolt\"]", 401)]
    [InlineData("{\"acme\":1}", 401)]
    public async Task ATokensTenantIsItsClaimAndWhatIsNoneIsNotTakenForNone(string? claim, int status)
    {
        using var issuer = new Issuer();
        await using var tokens = new TokenCheck(new TokenOptions { Issuer = issuer.Address, Audience = Issuer.Audience });
        await _control.Directory.AddRule(Some.Rule(AccessOperations.Create | AccessOperations.Alter, ResourceKind.Topic, "orders", who: "jwt:anna"));
        await _control.As(_broker, Principal.OfToken("anna", []) with { Tenant = "acme" }).PutTopic("orders", new TopicChange());
        await using var gateway = await Serve(new GatewaySecurity { Access = _control, Tokens = tokens });

        using var answer = await Get(gateway, "/v1/topics/orders", new AuthenticationHeaderValue("Bearer", issuer.Token(tenant: claim is null ? null : JsonSerializer.Deserialize<JsonElement>(claim))));

        Assert.Equal(status, (int)answer.StatusCode);
    }

    [Fact]
    public async Task ANewCertificateIsShownWithoutARestartAndOpenConnectionsStay()
    {
        using var tls = TlsCertificates.Start(new TlsOptions { CertificateFile = _pki.CertificateFile, KeyFile = _pki.KeyFile });
        await using var gateway = await Serve(new GatewaySecurity { Access = _control, Tls = tls });
        await using var client = HttpBroker.Connect(gateway.Uri, new HttpBrokerOptions { Roots = _pki.Roots, Credential = HttpCredential.OfPassword("anna", Some.Password) });
        Assert.Equal("https", gateway.Uri.Scheme);
        await client.DescribeTopic("t");

        var fresh = _pki.Replace();
        tls.LookAgain();

        await client.DescribeTopic("t");
        Assert.Equal(fresh, await ShownBy(gateway, SslProtocols.Tls13));
        Assert.Equal(fresh, await ShownBy(gateway, SslProtocols.Tls12));
    }

    [Fact]
    public async Task CertificatesAreReplacedUnderLoadAndNoCallAndNoHandshakeFails()
    {
        const int Replacements = 10;
        using var tls = TlsCertificates.Start(new TlsOptions { CertificateFile = _pki.CertificateFile, KeyFile = _pki.KeyFile });
        await using var gateway = await Serve(new GatewaySecurity { Access = _control, Tls = tls });
        await using var client = HttpBroker.Connect(gateway.Uri, new HttpBrokerOptions { Roots = _pki.Roots, Credential = HttpCredential.OfPassword("anna", Some.Password) });
        var seen = new ConcurrentDictionary<string, bool>();
        var (isOver, calls) = (false, 0);
        var calling = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            for (; !Volatile.Read(ref isOver); Interlocked.Increment(ref calls))
                await client.DescribeTopic("t");
        }));
        var shaking = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!Volatile.Read(ref isOver))
                seen[await ShownBy(gateway, SslProtocols.Tls13)] = true;
        }));
        var load = Task.WhenAll([.. calling, .. shaking]);

        var shown = new List<string> { tls.Certificate.Thumbprint };
        for (var i = 0; i < Replacements; i++)
        {
            // Each is used before the next one comes, and calls go on meanwhile.
            var before = Volatile.Read(ref calls);
            await Eventually.Holds(() => load.IsFaulted || (seen.ContainsKey(shown[^1]) && Volatile.Read(ref calls) > before));
            shown.Add(_pki.Replace());
            tls.LookAgain();
        }
        await Eventually.Holds(() => load.IsFaulted || seen.ContainsKey(shown[^1]));
        Volatile.Write(ref isOver, true);
        await load;

        Assert.Equal(shown.Order(), seen.Keys.Order());
    }

    [Fact]
    public async Task ACertificateThatCanNotBeReadLeavesTheOldOne()
    {
        var reports = new List<string>();
        using var tls = TlsCertificates.Start(new TlsOptions { CertificateFile = _pki.CertificateFile, KeyFile = _pki.KeyFile }, report: reports.Add);
        var before = tls.Certificate.Thumbprint;

        await File.WriteAllTextAsync(_pki.CertificateFile, "half a certif");
        tls.LookAgain();

        Assert.Equal(before, tls.Certificate.Thumbprint);
        Assert.Single(reports);
    }

    [Fact]
    public void ACertificateThatPeersWouldNotTakeIsNotUsed()
    {
        using var peers = new Pki(amongPeers: true);
        var files = new TlsOptions { CertificateFile = peers.CertificateFile, KeyFile = peers.KeyFile, ClientRootsFile = peers.RootFile, AmongPeers = true };
        var reports = new List<string>();
        using var tls = TlsCertificates.Start(files, report: reports.Add);
        var before = tls.Certificate.Thumbprint;

        Assert.Contains(peers.CertificateFile, Assert.Throws<IOException>(() => TlsCertificates.Start(files with { ClientRootsFile = _pki.RootFile })).Message, StringComparison.Ordinal);
        Assert.Contains(_pki.CertificateFile, Assert.Throws<IOException>(() => TlsCertificates.Start(files with { CertificateFile = _pki.CertificateFile, KeyFile = _pki.KeyFile, ClientRootsFile = _pki.RootFile })).Message, StringComparison.Ordinal);
        Assert.Throws<IOException>(() => TlsCertificates.Start(files with { ClientRootsFile = null }));
        File.Copy(_pki.CertificateFile, peers.CertificateFile, overwrite: true);
        File.Copy(_pki.KeyFile, peers.KeyFile, overwrite: true);
        tls.LookAgain();

        Assert.Equal(before, tls.Certificate.Thumbprint);
        Assert.Contains("stay as they were", Assert.Single(reports), StringComparison.Ordinal);
    }

    /// <summary>Asked by hand: the framework's client would refuse by itself.</summary>
    [Fact]
    public async Task NothingOlderThanTls12IsSpoken()
    {
        using var tls = TlsCertificates.Start(new TlsOptions { CertificateFile = _pki.CertificateFile, KeyFile = _pki.KeyFile });
        await using var gateway = await Serve(new GatewaySecurity { Access = _control, Tls = tls });

        Assert.Equal(TlsHello.Handshake, await TlsHello.AnswerTo(gateway.Uri, TlsHello.Tls12));
        Assert.Equal(TlsHello.Alert, await TlsHello.AnswerTo(gateway.Uri, TlsHello.Tls11));
        Assert.Equal(TlsHello.Alert, await TlsHello.AnswerTo(gateway.Uri, TlsHello.Tls10));
    }

    [Fact]
    public async Task ACertificateOfTheRootsIsItsHolderAndNoOtherComesIn()
    {
        using var strangers = new Pki();
        using var tls = TlsCertificates.Start(new TlsOptions { CertificateFile = _pki.CertificateFile, KeyFile = _pki.KeyFile, ClientRootsFile = _pki.RootFile });
        await using var gateway = await Serve(new GatewaySecurity { Access = _control, Tls = tls });
        await _control.Directory.AddRule(Some.Rule(AccessOperations.Describe, ResourceKind.Topic, "t", who: "cert:press"));
        using var press = _pki.Client("press");
        using var forServers = _pki.ServerAsClient("press");
        using var strange = strangers.Client("press");

        Assert.Equal("t", (await Describe(press)).Name.Text);
        foreach (var certificate in new[] { null, strange, forServers })
            Assert.Equal(ErrorCodes.PartitionUnavailable, (await Assert.ThrowsAsync<MqException>(() => Describe(certificate))).Code);

        async Task<TopicDescription> Describe(X509Certificate2? certificate)
        {
            await using var client = HttpBroker.Connect(gateway.Uri, new HttpBrokerOptions { Roots = _pki.Roots, Certificate = certificate });
            return await client.DescribeTopic("t");
        }
    }

    [Fact]
    public void AKeyThatEveryoneMayOpenIsNotUsed()
    {
        if (OperatingSystem.IsWindows())
            return;
        File.SetUnixFileMode(_pki.KeyFile, UnixFileMode.UserRead | UnixFileMode.OtherRead);

        Assert.Contains("chmod 600", Assert.Throws<IOException>(() => TlsCertificates.Start(new TlsOptions { CertificateFile = _pki.CertificateFile, KeyFile = _pki.KeyFile })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "10.0.0.1", false, true)]
    [InlineData(false, "127.0.0.1", false, true)]
    [InlineData(false, "::1", false, true)]
    [InlineData(false, "::ffff:127.0.0.1", false, true)]
    [InlineData(false, "10.0.0.1", false, false)]
    [InlineData(false, "10.0.0.1", true, true)]
    public void APasswordGoesOverTlsOrStaysWithinTheMachine(bool tls, string from, bool insecure, bool may) =>
        Assert.Equal(may, new GatewaySecurity { PasswordsInClear = insecure }.MayCarrySecrets(tls, new IPEndPoint(IPAddress.Parse(from), 1)));

    private async Task<string> ShownBy(HttpGateway gateway, SslProtocols protocol)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(gateway.Uri.Host, gateway.Uri.Port);
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(_pki.Roots);
        await using var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = gateway.Uri.Host, EnabledSslProtocols = protocol, CertificateChainPolicy = policy });
        using var shown = new X509Certificate2(tls.RemoteCertificate!);
        return shown.Thumbprint;
    }
}

using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Connections;
using OrleansMq.Access;
using OrleansMq.Access.Tests;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>Who comes in over Kafka's protocol.</summary>
public sealed class LoginTests
{
    private static readonly string[] InClear = [SaslExchange.ScramSha512, SaslExchange.ScramSha256];

    [Theory]
    [InlineData(ScramMechanism.Sha256)]
    [InlineData(ScramMechanism.Sha512)]
    public async Task ARightProofComesInAndIsAnsweredByTheServersOwn(ScramMechanism mechanism)
    {
        await using var guarded = await Guarded.Start();
        await guarded.Allow(AccessOperations.Describe, ResourceKind.Topic, "t");
        using var client = await guarded.Connect();

        var answer = await client.ComeIn(mechanism: mechanism);

        Assert.Equal((KafkaError.None, 0L), (answer.Error, answer.SessionMs));
        Assert.StartsWith("v=", Encoding.UTF8.GetString(answer.Bytes.Span), StringComparison.Ordinal);
        Assert.Equal(KafkaError.None, await client.LookAtTopic());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task ARightPasswordComesInByEveryVersionAndMayDoWhatItsRulesAllow(short version)
    {
        await using var guarded = await Guarded.Start();
        using var client = await guarded.Connect();
        Assert.Equal(KafkaError.None, (await client.Handshake(SaslExchange.Plain)).Error);

        Assert.Equal(KafkaError.None, (await client.Authenticate(Logins.Plain("anna", Some.Password), version))?.Error);

        Assert.Equal(KafkaError.TopicAuthorizationFailed, await client.LookAtTopic());
        await guarded.Allow(AccessOperations.Describe, ResourceKind.Topic, "t");
        Assert.Equal(KafkaError.None, await client.LookAtTopic());
    }

    [Fact]
    public async Task AfterTheOldestHandshakeMessagesComeAsFramesOfTheirOwn()
    {
        await using var guarded = await Guarded.Start();
        await guarded.Allow(AccessOperations.Describe, ResourceKind.Topic, "t");
        using (var client = await guarded.Connect())
        {
            await client.Handshake(SaslExchange.ScramSha256, version: 0);
            var scram = new ScramClient(ScramMechanism.Sha256, "anna", Some.Password);
            var signature = await client.Ask(scram.Prove(await client.Ask(scram.First)));
            Assert.Equal(scram.Expected, Encoding.UTF8.GetString(signature));
            Assert.Equal(KafkaError.None, await client.LookAtTopic());
        }
        using var wrong = await guarded.Connect();
        await wrong.Handshake(SaslExchange.Plain, version: 0);
        await wrong.Send(Logins.Plain("anna", "wrong password"));
        Assert.Null(await wrong.Receive());
    }

    [Theory]
    [InlineData(SaslExchange.Plain)]
    [InlineData(SaslExchange.ScramSha512)]
    public async Task AWrongNameAndAWrongPasswordDoTheSameWorkAndAreAnsweredAlike(string mechanism)
    {
        var failed = new List<string>();
        await using var guarded = await Guarded.Start(audit: (who, what, _, refused) => failed.Add($"{who} {what} {refused}"));
        var (noName, namesWork) = await Try("nobody", Some.Password);
        var (noPassword, passwordsWork) = await Try("anna", "wrong password");

        Assert.Equal(KafkaError.SaslAuthenticationFailed, noName.Error);
        Assert.Equal((noName.Error, noName.Message, noName.Bytes.Length), (noPassword.Error, noPassword.Message, noPassword.Bytes.Length));
        Assert.Equal(namesWork, passwordsWork);
        Assert.Equal(mechanism == SaslExchange.Plain ? 1 : 0, namesWork);
        Assert.Equal(["nobody login True", "anna login True"], failed);

        async Task<(SaslAnswer Answer, long Work)> Try(string user, string password)
        {
            using var client = await guarded.Connect();
            var before = guarded.Control.Derivations;
            SaslAnswer answer;
            if (mechanism == SaslExchange.Plain)
            {
                await client.Handshake(mechanism);
                answer = (await client.Authenticate(Logins.Plain(user, password)))!.Value;
            }
            else
            {
                answer = await client.ComeIn(user, password, ScramMechanism.Sha512);
            }
            Assert.Null(await client.Receive());
            return (answer, guarded.Control.Derivations - before);
        }
    }

    [Fact]
    public async Task TokensOfTheIssuerComeInAndNoOthers()
    {
        using var issuer = new Issuer();
        using var strange = RSA.Create(2048);
        await using var tokens = new TokenCheck(new TokenOptions { Issuer = issuer.Address, Audience = Issuer.Audience });
        await using var guarded = await Guarded.Start(options => options with { Security = new GatewaySecurity { Access = options.Security.Access, Tokens = tokens }, Time = TimeProvider.System });
        await guarded.Allow(AccessOperations.Describe, ResourceKind.Topic, "t", "jwt:anna");
        using (var client = await guarded.Connect())
        {
            await client.Handshake(SaslExchange.Bearer);
            var answer = await client.Authenticate(Logins.Bearer(issuer.Token()));
            Assert.Equal(KafkaError.None, answer?.Error);
            // Five minutes, and the half minute by which clocks may differ.
            Assert.InRange(answer!.Value.SessionMs, 1, 330_000);
            Assert.Equal(KafkaError.None, await client.LookAtTopic());
        }
        Assert.Equal(KafkaError.None, await Try(Logins.Bearer(issuer.Token(), "n,a=anna,")));
        foreach (var bad in new[]
        {
            Logins.Bearer(issuer.Token(lasts: TimeSpan.FromMinutes(-10))), Logins.Bearer(issuer.Token(key: strange)), Logins.Bearer(issuer.Token(audience: "another")), Logins.Bearer(issuer.Token(algorithm: "none")),
            Logins.Bearer(issuer.Token(algorithm: "HS256")), Logins.Bearer(""), Logins.Bearer(issuer.Token(), "n,a=admin,"), Logins.Bearer(issuer.Token(), "p=tls-unique,,"), Encoding.UTF8.GetBytes(issuer.Token()), [],
        })
            Assert.Equal(KafkaError.SaslAuthenticationFailed, await Try(bad));

        async Task<KafkaError?> Try(byte[] message)
        {
            using var client = await guarded.Connect();
            await client.Handshake(SaslExchange.Bearer);
            return (await client.Authenticate(message))?.Error;
        }
    }

    [Theory]
    [InlineData("GSSAPI")]
    [InlineData("")]
    [InlineData(SaslExchange.Bearer)]
    public async Task AMechanismThatIsNotOfferedIsRefusedWithThoseThatAre(string mechanism)
    {
        await using var guarded = await Guarded.Start();
        using var client = await guarded.Connect();

        var (error, offered) = await client.Handshake(mechanism);

        Assert.Equal(KafkaError.UnsupportedSaslMechanism, error);
        Assert.Equal([.. InClear, SaslExchange.Plain], offered);
        Assert.Null(await client.Receive());
    }

    [Theory]
    [InlineData("10.0.0.1", false, false)]
    [InlineData("10.0.0.1", true, true)]
    [InlineData("127.0.0.1", false, true)]
    public async Task PasswordsOverTheNetworkInClearAreTakenWhereTheOperatorSaysSoAndNowhereElse(string from, bool inClear, bool taken)
    {
        await using var control = await Some.ControlWithAnna();
        var options = new KafkaGatewayOptions { Security = new GatewaySecurity { Access = control, PasswordsInClear = inClear } };
        await using var broker = await EmbeddedBroker.InMemory();
        var desk = new KafkaDesk(broker, options, () => "127.0.0.1:1", Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance, default);
        var login = new KafkaLogin(desk, new DefaultConnectionContext { RemoteEndPoint = new IPEndPoint(IPAddress.Parse(from), 1) });

        var (error, offered) = login.Begin(1, SaslExchange.Plain);

        Assert.Equal((taken ? KafkaError.None : KafkaError.UnsupportedSaslMechanism, taken), (error, offered.Contains(SaslExchange.Plain)));
        Assert.Equal(KafkaError.None, login.Begin(1, SaslExchange.ScramSha256).Error);
    }

    [Fact]
    public async Task ALoginThatEndsIsShownAgainByTheSameAndByNoOther()
    {
        await using var guarded = await Guarded.Start(options => options with { LoginLasts = TimeSpan.FromHours(1) });
        await guarded.Allow(AccessOperations.Describe, ResourceKind.Topic, "t");
        using var client = await guarded.Connect();
        Assert.Equal(3_600_000, (await client.ComeIn()).SessionMs);
        guarded.Time.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal(3_600_000, (await client.ComeIn()).SessionMs);
        guarded.Time.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal(KafkaError.None, await client.LookAtTopic());

        guarded.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.Null(await client.LookAtTopic());

        using var another = await guarded.Connect();
        await another.ComeIn();
        Assert.Equal(KafkaError.SaslAuthenticationFailed, (await another.ComeIn("admin", Some.AdminPassword)).Error);
        Assert.Null(await another.Receive());
        // The oldest messages could not say when it ends again.
        using var old = await guarded.Connect();
        await old.ComeIn();
        Assert.Equal(KafkaError.IllegalSaslState, (await old.Handshake(SaslExchange.Plain, version: 0)).Error);
    }

    [Fact]
    public async Task AUserWhoIsTakenAwayMayDoNothingOnAnOpenConnection()
    {
        await using var guarded = await Guarded.Start();
        await guarded.Allow(AccessOperations.Describe, ResourceKind.Topic, "t");
        using var client = await guarded.Connect();
        await client.ComeIn();
        Assert.Equal(KafkaError.None, await client.LookAtTopic());

        await guarded.Control.Directory.PutUser("anna", new UserChange { Disabled = true });

        Assert.Equal(KafkaError.TopicAuthorizationFailed, await client.LookAtTopic());
    }

    [Fact]
    public async Task WhereNobodyIsAskedSaslIsOutOfPlaceAndTheConnectionIsClosed()
    {
        await using var served = await Served.Start();
        using (var client = await served.Connect())
        {
            Assert.Equal(KafkaError.IllegalSaslState, (await client.Handshake(SaslExchange.Plain)).Error);
            Assert.Null(await client.Receive());
        }
        using (var client = await served.Connect())
        {
            Assert.Equal(KafkaError.IllegalSaslState, (await client.Authenticate(Logins.Plain("anna", "x")))?.Error);
            Assert.Null(await client.Receive());
        }
    }

    [Fact]
    public async Task ACertificateOfTheRootsIsItsHolderUnlessSaslSaysWhoItIsFirst()
    {
        using var pki = new Pki();
        using var tls = TlsCertificates.Start(new TlsOptions { CertificateFile = pki.CertificateFile, KeyFile = pki.KeyFile, ClientRootsFile = pki.RootFile, ClientCertificateRequired = false });
        await using var guarded = await Guarded.Start(options => options with { Security = new GatewaySecurity { Access = options.Security.Access, Tls = tls } });
        await guarded.Allow(AccessOperations.Describe, ResourceKind.Topic, "t", "cert:press");
        using var press = pki.Client("press");
        using (var holder = await guarded.Connect(pki, press))
        {
            Assert.Equal(KafkaError.None, await holder.LookAtTopic());
            // Whoever has asked as one stays that one.
            Assert.Equal(KafkaError.IllegalSaslState, (await holder.Handshake(SaslExchange.Plain)).Error);
            Assert.Null(await holder.Receive());
        }
        using (var anna = await guarded.Connect(pki, press))
        {
            await anna.ComeIn();
            Assert.Equal(KafkaError.TopicAuthorizationFailed, await anna.LookAtTopic());
        }
        using (var between = await guarded.Connect(pki, press))
        {
            await between.Handshake(SaslExchange.ScramSha512);
            Assert.Null(await between.LookAtTopic());
        }
        using var nobody = await guarded.Connect(pki);
        Assert.Null(await nobody.LookAtTopic());
        using var inClear = await guarded.Connect();
        await inClear.Send(Requests.Last(ApiKey.ApiVersions).Frame());
        Assert.Null(await inClear.Receive());
    }

    [Fact]
    public async Task AConnectionHasOneGuessHoweverManyAreSentAtOnce()
    {
        await using var guarded = await Guarded.Start();
        using var client = await guarded.Connect();
        await client.Handshake(SaslExchange.Plain);
        var before = guarded.Control.Derivations;
        var frames = new[] { "wrong password", "another one", Some.Password }
            .Select(password => Logins.FrameOf(ApiKey.SaslAuthenticate, 1, writer => writer.Bytes(Logins.Plain("anna", password))))
            .Append(Requests.Last(ApiKey.Metadata).Frame());

        await client.SendRaw([.. frames.SelectMany(frame => (byte[])[0, 0, (byte)(frame.Length >> 8), (byte)frame.Length, .. frame])]);

        Assert.NotNull(await client.Receive());
        Assert.Null(await client.Receive());
        Assert.Equal(1, guarded.Control.Derivations - before);
    }
}

using System.Security.Cryptography.X509Certificates;
using Confluent.Kafka;
using OrleansMq.Access.Tests;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>Confluent's client, unmodified, over TLS and with a login.</summary>
public sealed class SecureClientTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Pki _pki = new();
    private readonly Issuer _issuer = new();
    private TokenCheck _tokens = null!;
    private TlsCertificates _tls = null!;
    private Guarded _guarded = null!;

    public async Task InitializeAsync()
    {
        _tls = TlsCertificates.Start(new TlsOptions { CertificateFile = _pki.CertificateFile, KeyFile = _pki.KeyFile, ClientRootsFile = _pki.RootFile, ClientCertificateRequired = false });
        _tokens = new TokenCheck(new TokenOptions { Issuer = _issuer.Address, Audience = Issuer.Audience });
        _guarded = await Guarded.Start(options => options with { Security = new GatewaySecurity { Access = options.Security.Access, Tls = _tls, Tokens = _tokens }, Time = TimeProvider.System });
        foreach (var who in new[] { "anna", "cert:press", "jwt:anna" })
        {
            await _guarded.Allow(AccessOperations.Produce | AccessOperations.Consume, ResourceKind.Topic, "t", who);
            await _guarded.Allow(AccessOperations.Consume, ResourceKind.Group, "readers", who);
        }
    }

    public async Task DisposeAsync()
    {
        await _guarded.DisposeAsync();
        await _tokens.DisposeAsync();
        _tls.Dispose();
        _issuer.Dispose();
        _pki.Dispose();
    }

    [Theory]
    [InlineData(SaslMechanism.Plain)]
    [InlineData(SaslMechanism.ScramSha256)]
    [InlineData(SaslMechanism.ScramSha512)]
    [InlineData(SaslMechanism.OAuthBearer)]
    [InlineData(null)]
    public void WhoeverShowsWhoTheyAreProducesAndConsumesWhatTheyMay(SaslMechanism? mechanism)
    {
        var client = mechanism is { } named ? OfUser(named) : OfHolder("press");
        using (var producer = WithToken(new ProducerBuilder<Null, string>(new ProducerConfig(client) { EnableIdempotence = true }), mechanism).Build())
        {
            for (var i = 0; i < 100; i++)
                producer.Produce("t", new Message<Null, string> { Value = $"{i}" });
            Assert.Equal(0, producer.Flush(Patience));
        }
        using var consumer = WithToken(Consumer(client, "readers"), mechanism).Build();
        consumer.Subscribe("t");
        for (var i = 0; i < 100; i++)
            Assert.Equal($"{i}", consumer.Consume(Patience)?.Message.Value);
        consumer.Commit();
        consumer.Close();
    }

    [Fact]
    public async Task WhatNoRuleAllowsIsRefusedInTheClientsOwnWords()
    {
        using var producer = new ProducerBuilder<Null, string>(new ProducerConfig(OfUser(SaslMechanism.ScramSha512))).Build();
        var refused = new TaskCompletionSource<Confluent.Kafka.ErrorCode>(TaskCreationOptions.RunContinuationsAsynchronously);
        producer.Produce("secret", new Message<Null, string> { Value = "x" }, report => refused.TrySetResult(report.Error.Code));
        Assert.Equal(0, producer.Flush(Patience));
        Assert.Equal(Confluent.Kafka.ErrorCode.TopicAuthorizationFailed, await refused.Task);

        using var consumer = Consumer(OfUser(SaslMechanism.ScramSha512), "others").Build();
        consumer.Subscribe("t");
        Assert.Equal(Confluent.Kafka.ErrorCode.GroupAuthorizationFailed, Assert.Throws<ConsumeException>(() => consumer.Consume(Patience)).Error.Code);
        using var admin = new AdminClientBuilder(OfUser(SaslMechanism.ScramSha512)).Build();
        Assert.Equal(["t"], admin.GetMetadata(Patience).Topics.Select(topic => topic.Topic));
    }

    [Theory]
    [InlineData(SaslMechanism.Plain, "anna", "wrong password")]
    [InlineData(SaslMechanism.Plain, "nobody", Some.Password)]
    [InlineData(SaslMechanism.ScramSha256, "anna", "wrong password")]
    [InlineData(SaslMechanism.ScramSha512, "anna", "wrong password")]
    [InlineData(SaslMechanism.ScramSha512, "nobody", Some.Password)]
    public async Task AWrongNameOrPasswordIsAFailedLoginToTheClient(SaslMechanism mechanism, string user, string password)
    {
        var failed = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var config = OfUser(mechanism);
        (config.SaslUsername, config.SaslPassword) = (user, password);
        using var admin = new AdminClientBuilder(config).SetErrorHandler((_, error) =>
        {
            if (error.Code == Confluent.Kafka.ErrorCode.Local_Authentication)
                failed.TrySetResult(error.Reason);
        }).Build();

        Assert.Contains("The name, the password or the token is wrong.", await failed.Task.WaitAsync(Patience), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ACertificateOfAnotherRootDoesNotComeIn()
    {
        using (var holder = new AdminClientBuilder(OfHolder("press")).Build())
            Assert.NotEmpty(holder.GetMetadata(Patience).Brokers);
        using var strangers = new Pki();
        var failed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var config = OfHolder("press", strangers);
        using var admin = new AdminClientBuilder(config).SetErrorHandler((_, error) =>
        {
            if (error.Code is Confluent.Kafka.ErrorCode.Local_Ssl or Confluent.Kafka.ErrorCode.Local_AllBrokersDown or Confluent.Kafka.ErrorCode.Local_Transport)
                failed.TrySetResult();
        }).Build();

        await failed.Task.WaitAsync(Patience);
        Assert.Throws<KafkaException>(() => admin.GetMetadata(TimeSpan.FromSeconds(2)));
    }

    private ClientConfig OfUser(SaslMechanism mechanism) => new()
    {
        BootstrapServers = _guarded.Gateway.Address,
        SecurityProtocol = SecurityProtocol.SaslSsl,
        SslCaLocation = _pki.RootFile,
        SaslMechanism = mechanism,
        SaslUsername = mechanism == SaslMechanism.OAuthBearer ? null : "anna",
        SaslPassword = mechanism == SaslMechanism.OAuthBearer ? null : Some.Password,
    };

    private ClientConfig OfHolder(string name, Pki? issuer = null)
    {
        using var certificate = (issuer ?? _pki).Client(name);
        using var key = certificate.GetECDsaPrivateKey()!;
        return new ClientConfig
        {
            BootstrapServers = _guarded.Gateway.Address,
            SecurityProtocol = SecurityProtocol.Ssl,
            SslCaLocation = _pki.RootFile,
            SslCertificatePem = certificate.ExportCertificatePem(),
            SslKeyPem = key.ExportPkcs8PrivateKeyPem(),
        };
    }

    private static ConsumerBuilder<Ignore, string> Consumer(ClientConfig client, string group) =>
        new(new ConsumerConfig(client) { GroupId = group, AutoOffsetReset = AutoOffsetReset.Earliest, EnableAutoCommit = false });

    private ProducerBuilder<Null, string> WithToken(ProducerBuilder<Null, string> builder, SaslMechanism? mechanism) =>
        mechanism == SaslMechanism.OAuthBearer ? builder.SetOAuthBearerTokenRefreshHandler((client, _) => SetToken(client)) : builder;

    private ConsumerBuilder<Ignore, string> WithToken(ConsumerBuilder<Ignore, string> builder, SaslMechanism? mechanism) =>
        mechanism == SaslMechanism.OAuthBearer ? builder.SetOAuthBearerTokenRefreshHandler((client, _) => SetToken(client)) : builder;

    private void SetToken(IClient client) => client.OAuthBearerSetToken(_issuer.Token(), DateTimeOffset.UtcNow.AddMinutes(5).ToUnixTimeMilliseconds(), "anna");
}

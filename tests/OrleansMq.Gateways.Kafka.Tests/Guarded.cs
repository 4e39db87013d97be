using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using OrleansMq.Access;
using OrleansMq.Access.Tests;
using OrleansMq.Conformance;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>A gateway that asks who comes, over a broker in memory with the topic t; the user anna may do nothing until a rule allows it.</summary>
internal sealed class Guarded : IAsyncDisposable
{
    private Guarded(EmbeddedBroker broker, AccessControl control, KafkaGateway gateway, ManualTime time) => (Broker, Control, Gateway, Time) = (broker, control, gateway, time);

    public EmbeddedBroker Broker { get; }
    public AccessControl Control { get; }
    public KafkaGateway Gateway { get; }

    /// <summary>Of logins' ends, quotas and the waits for them.</summary>
    public ManualTime Time { get; }

    /// <param name="change">Of the options, which already have the rights, and time for a login on a busy machine.</param>
    public static async Task<Guarded> Start(Func<KafkaGatewayOptions, KafkaGatewayOptions>? change = null, AuditSink? audit = null)
    {
        var time = new ManualTime();
        var store = new MemoryStore();
        await using (var known = await Some.ControlWithAnna())
            await store.Save(AccessDocument.Write(known.State), 0);
        var control = await AccessControl.Start(store, new AccessControlOptions { LookEvery = Timeout.InfiniteTimeSpan, Time = time, OnAudit = audit ?? ((_, _, _, _) => { }) });
        var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new TopicChange());
        var options = new KafkaGatewayOptions { Security = new GatewaySecurity { Access = control }, Time = time, HeaderTimeout = TimeSpan.FromSeconds(60) };
        return new Guarded(broker, control, await KafkaGateway.Start(broker, change?.Invoke(options) ?? options), time);
    }

    public async Task Allow(AccessOperations allow, ResourceKind kind, string name, string who = "anna") => await Control.Directory.AddRule(Some.Rule(allow, kind, name, who: who));

    public Task<RawClient> Connect() => RawClient.Connect(Gateway.Address);

    public Task<RawClient> Connect(Pki pki, X509Certificate2? certificate = null)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(pki.Roots);
        return RawClient.Connect(Gateway.Address, new SslClientAuthenticationOptions { TargetHost = "127.0.0.1", CertificateChainPolicy = policy, ClientCertificates = certificate is null ? null : [certificate] });
    }

    public async ValueTask DisposeAsync()
    {
        await Gateway.DisposeAsync();
        await Broker.DisposeAsync();
        await Control.DisposeAsync();
    }
}

/// <summary>A client's login, request by request.</summary>
internal static class Logins
{
    public static byte[] Plain(string user, string password) => [0, .. System.Text.Encoding.UTF8.GetBytes(user), 0, .. System.Text.Encoding.UTF8.GetBytes(password)];

    public static byte[] Bearer(string token, string head = "n,,") => System.Text.Encoding.UTF8.GetBytes($"{head}\u0001auth=Bearer {token}\u0001\u0001");

    public static async Task<(KafkaError Error, string[] Offered)> Handshake(this RawClient client, string mechanism, short version = 1)
    {
        await client.Send(FrameOf(ApiKey.SaslHandshake, version, writer => writer.String(mechanism)));
        var reader = new KafkaReader(await client.Receive() ?? throw new IOException("The connection was closed."));
        reader.Int32();
        return ((KafkaError)reader.Int16(), reader.StringArray());
    }

    /// <returns>Null: the connection was closed.</returns>
    public static async Task<SaslAnswer?> Authenticate(this RawClient client, byte[] message, short version = 2)
    {
        await client.Send(FrameOf(ApiKey.SaslAuthenticate, version, writer =>
        {
            writer.Bytes(message);
            writer.Tags();
        }));
        return await client.Receive() is { } answer ? AnswerOf(answer, version) : null;
    }

    /// <summary>Comes in by SCRAM, and is heard to.</summary>
    public static async Task<SaslAnswer> ComeIn(this RawClient client, string user = "anna", string password = Some.Password, ScramMechanism mechanism = ScramMechanism.Sha256)
    {
        await client.Handshake(mechanism == ScramMechanism.Sha256 ? SaslExchange.ScramSha256 : SaslExchange.ScramSha512);
        var scram = new ScramClient(mechanism, user, password);
        var challenge = await client.Authenticate(scram.First) ?? throw new IOException("The connection was closed.");
        return await client.Authenticate(scram.Prove(challenge.Bytes.ToArray())) ?? throw new IOException("The connection was closed.");
    }

    /// <returns>The error of the topic t in Metadata's answer; null: the connection was closed.</returns>
    public static async Task<KafkaError?> LookAtTopic(this RawClient client)
    {
        await client.Send(FrameOf(ApiKey.Metadata, 1, writer => { writer.Count(1); writer.String("t"); }));
        if (await client.Receive() is not { } answer)
            return null;
        var reader = new KafkaReader(answer);
        reader.Int32();
        for (var brokers = reader.Int32(); brokers > 0; brokers--)
        {
            reader.Int32();
            reader.String();
            reader.Int32();
            reader.NullableString();
        }
        reader.Int32();
        Assert.Equal(1, reader.Int32());
        return (KafkaError)reader.Int16();
    }

    public static byte[] FrameOf(ApiKey key, short version, Action<KafkaWriter> write)
    {
        using var writer = new KafkaWriter { Flexible = Apis.IsFlexible(key, version) };
        write(writer);
        return new Requests.Sample(key, version, [.. writer.Pieces().SelectMany(piece => piece.ToArray())]).Frame();
    }

    public static SaslAnswer AnswerOf(byte[] answer, short version)
    {
        var reader = new KafkaReader(answer, flexible: version >= 2);
        reader.Int32();
        reader.Tags();
        var read = new SaslAnswer((KafkaError)reader.Int16(), reader.NullableString(), reader.Bytes(), version >= 1 ? reader.Int64() : 0);
        reader.Tags();
        Assert.True(reader.IsWhole);
        return read;
    }
}

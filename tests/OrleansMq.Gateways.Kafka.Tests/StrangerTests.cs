using OrleansMq.Access;
using OrleansMq.Access.Tests;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>What somebody may cost who has not shown who it is, or who is not who it says.</summary>
public sealed class StrangerTests
{
    [Fact]
    public async Task WhoIsNotKnownIsAnsweredWhatFindsItOutAndNothingElse()
    {
        await using var guarded = await Guarded.Start();
        foreach (var sample in Requests.All)
        {
            using var client = await guarded.Connect();
            await client.Send(sample.Frame());
            Assert.True((await client.Receive() is not null) == (sample.Key is ApiKey.ApiVersions or ApiKey.SaslHandshake or ApiKey.SaslAuthenticate), sample.ToString());
        }
    }

    [Fact]
    public async Task WhoDoesNotSayWhoTheyAreInTimeIsClosedHoweverMuchTheyAsk()
    {
        await using var guarded = await Guarded.Start(options => options with { HeaderTimeout = TimeSpan.FromSeconds(2) });
        using var client = await guarded.Connect();
        var frame = Requests.Last(ApiKey.ApiVersions).Frame();
        var answers = 0;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            for (; !patience.IsCancellationRequested; answers++)
            {
                await client.Send(frame);
                if (await client.Receive() is null)
                    break;
            }
        }
        catch (IOException)
        {
            // Closed while we wrote.
        }
        Assert.False(patience.IsCancellationRequested, $"{answers} answers, and still open.");
        Assert.True(answers > 0);
    }

    [Fact]
    public async Task AStrangersRequestIsSmallAndAUsersMayBeLarge()
    {
        await using var guarded = await Guarded.Start();
        using (var stranger = await guarded.Connect())
        {
            await stranger.SendRaw([0, 1, 0, 1]);
            Assert.Null(await stranger.Receive());
        }
        using var client = await guarded.Connect();
        await client.ComeIn();
        var answer = await client.Ask(Logins.FrameOf(ApiKey.Metadata, 1, writer =>
        {
            writer.Count(10_000);
            for (var i = 0; i < 10_000; i++)
                writer.String($"topic{i}");
        }));
        Assert.True(answer.Length > KafkaLogin.MaxStrangersBytes);
    }

    [Fact]
    public async Task GuessesCostTheirAddressItsRequestsAndThenNobodyIsAskedToDeriveAnything()
    {
        await using var guarded = await Guarded.Start();
        await guarded.Control.Directory.SetQuota(QuotaScope.Address, "127.0.0.1", QuotaKind.RequestsPerSecond, 3);
        for (var i = 0; i < 3; i++)
            Assert.Equal(KafkaError.SaslAuthenticationFailed, await Guess());
        var before = guarded.Control.Derivations;

        Assert.Null(await Guess());

        Assert.Equal(before, guarded.Control.Derivations);
        guarded.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(KafkaError.SaslAuthenticationFailed, await Guess());

        async Task<KafkaError?> Guess()
        {
            using var client = await guarded.Connect();
            await client.Handshake(SaslExchange.Plain);
            return (await client.Authenticate(Logins.Plain("anna", "wrong password")))?.Error;
        }
    }

    [Fact]
    public async Task AnAddressHasSoManyConnectionsAndNoMore()
    {
        await using var guarded = await Guarded.Start();
        await guarded.Control.Directory.SetQuota(QuotaScope.Address, "127.0.0.1", QuotaKind.Connections, 1);
        using var first = await guarded.Connect();
        Assert.NotNull(await first.Ask(Requests.Last(ApiKey.ApiVersions).Frame()));

        Assert.True(await IsTurnedAway());
        Assert.NotNull(await first.Ask(Requests.Last(ApiKey.ApiVersions).Frame()));

        async Task<bool> IsTurnedAway()
        {
            try
            {
                using var second = await guarded.Connect();
                return await second.Receive() is null;
            }
            catch (Exception cut) when (cut is IOException or System.Net.Sockets.SocketException)
            {
                // Cut off while it was made, or before it was read.
                return true;
            }
        }
    }

    [Fact]
    public async Task MutatedLoginsNeverComeInWhileAnotherClientIsServed()
    {
        await using var guarded = await Guarded.Start();
        using var canary = await guarded.Connect();
        await canary.ComeIn();
        var random = new Random(36);
        for (var i = 0; i < 150; i++)
        {
            using var client = await guarded.Connect();
            try
            {
                var scram = new ScramClient(ScramMechanism.Sha256, "anna", "wrong password", fast: true);
                var inFrames = random.Next(2) == 0;
                await client.Handshake(SaslExchange.ScramSha256, version: inFrames ? (short)0 : (short)1);
                if (i % 2 == 0)
                {
                    await Say(ScramClient.Mutate(scram.First, random));
                }
                else
                {
                    await Say(scram.First);
                    var challenge = await client.Receive() ?? throw new IOException("The connection was closed.");
                    await Say(ScramClient.Mutate(scram.Prove(inFrames ? challenge : Logins.AnswerOf(challenge, 1).Bytes.ToArray()), random));
                }
                await client.Send(Requests.Last(ApiKey.ListGroups).Frame(correlation: 77));

                Task Say(byte[] message) => client.Send(inFrames ? message : Logins.FrameOf(ApiKey.SaslAuthenticate, 1, writer => writer.Bytes(message)));
                client.Finish();
                while (await client.Receive() is { } answer)
                    Assert.NotEqual(77, System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(answer.AsSpan(0, Math.Min(4, answer.Length)) is { Length: 4 } head ? head : new byte[4]));
            }
            catch (IOException)
            {
                // Closed while we wrote.
            }
            Assert.Equal(KafkaError.TopicAuthorizationFailed, await canary.LookAtTopic());
        }
    }
}

using System.Net.Sockets;
using System.Text;
using OrleansMq.Gateways;
using OrleansMq.Gateways.Http;

namespace OrleansMq.Access.Tests;

/// <summary>What strangers may send before they are anybody.</summary>
public sealed class FuzzTests
{
    /// <summary>A share for CI; MQ_FUZZ_FRAMES=10000000 is the long run.</summary>
    private static readonly int Documents = int.TryParse(Environment.GetEnvironmentVariable("MQ_FUZZ_FRAMES"), out var many) ? many : 20_000;

    // Most of them cost a password's derivation, which is the time that this takes.
    private const int Requests = 500;

    [Fact]
    public async Task AMutatedDocumentIsReadOrRefusedAndNothingElse()
    {
        var store = new MemoryStore();
        await using (var control = await Some.ControlWithAnna(store))
        {
            await control.Directory.AddRule(Some.Rule(AccessOperations.Produce | AccessOperations.Consume, ResourceKind.Topic, "t", ResourceMatch.Prefix));
            await control.Directory.SetQuota(QuotaScope.User, "anna", QuotaKind.BytesPerSecond, 1_000);
        }
        var whole = Encoding.UTF8.GetBytes(store.Text);
        var random = new Random(13);
        for (var i = 0; i < Documents; i++)
        {
            var mutated = Mutate(whole, random);
            try
            {
                AccessDocument.Read(mutated);
            }
            catch (MqException e)
            {
                Assert.Equal(ErrorCodes.Malformed, e.Code);
            }
        }
    }

    [Fact]
    public async Task AMutatedRequestNeverComesInAndTheNextClientIsServed()
    {
        await using var control = await Some.ControlWithAnna();
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new TopicChange());
        await using var gateway = await HttpGateway.Start(broker, new HttpGatewayOptions { Port = 0, Security = new GatewaySecurity { Access = control } });
        using var canary = new HttpClient { BaseAddress = gateway.Uri };
        var credential = Convert.ToBase64String("anna:not her password"u8);
        var body = """{"key":"a","body":{"n":1}}""";
        var whole = Encoding.ASCII.GetBytes($"POST /v1/topics/t/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credential}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}");
        var random = new Random(14);
        for (var i = 0; i < Requests; i++)
        {
            var answer = await Send(gateway, Mutate(whole, random));
            Assert.False(answer.StartsWith("HTTP/1.1 2", StringComparison.Ordinal) && !IsOfEveryone(answer), $"Round {i} came in: {answer}");
            if (i % 100 == 0)
                Assert.True((await canary.GetAsync("/readyz")).IsSuccessStatusCode);
        }
        Assert.Equal(0, (await broker.DescribeTopic("t")).Partitions[0].End);
    }

    // The calls that nobody has to come in for.
    private static bool IsOfEveryone(string answer) => answer.Contains("\"status\"", StringComparison.Ordinal) || answer.Contains("\"openapi\"", StringComparison.Ordinal);

    private static byte[] Mutate(byte[] whole, Random random)
    {
        var mutated = new List<byte>(whole);
        for (var i = random.Next(1, 6); i > 0; i--)
        {
            var at = random.Next(mutated.Count);
            switch (random.Next(4))
            {
                case 0: mutated[at] = (byte)random.Next(256); break;
                case 1: mutated.Insert(at, (byte)random.Next(256)); break;
                case 2: mutated.RemoveAt(at); break;
                default: mutated.RemoveRange(at, random.Next(Math.Min(40, mutated.Count - at))); break;
            }
            if (mutated.Count == 0)
                mutated.Add(0);
        }
        return [.. mutated];
    }

    /// <summary>Sends, ends its side, and reads what comes.</summary>
    private static async Task<string> Send(HttpGateway gateway, byte[] bytes)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var client = new TcpClient();
        await client.ConnectAsync(gateway.Uri.Host, gateway.Uri.Port, patience.Token);
        try
        {
            // Once: it is not given any more when the gateway has closed the connection.
            var stream = client.GetStream();
            await stream.WriteAsync(bytes, patience.Token);
            client.Client.Shutdown(SocketShutdown.Send);
            using var answer = new MemoryStream();
            await stream.CopyToAsync(answer, patience.Token);
            return Encoding.UTF8.GetString(answer.ToArray());
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            return "";
        }
    }
}

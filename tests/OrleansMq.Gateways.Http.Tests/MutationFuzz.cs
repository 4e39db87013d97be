using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>Good requests, damaged at random from a seed: none may end in anything but success or a problem document, nor bring the gateway down.</summary>
public sealed class MutationFuzz
{
    private const int Seed = 20261121;

    /// <summary>A share for CI; <c>ORLEANSMQ_FUZZ_REQUESTS=1000000 dotnet test tests/OrleansMq.Gateways.Http.Tests -c Release --filter MutationFuzz</c> for all.</summary>
    private static readonly int Requests = int.TryParse(Environment.GetEnvironmentVariable("ORLEANSMQ_FUZZ_REQUESTS"), NumberStyles.None, CultureInfo.InvariantCulture, out var many) ? many : 4_000;

    private const int RawConnections = 600;

    private static readonly string[] Tokens =
        ["null", "-1", "0", "99999999999999999999", "1e999", "\"\"", "\"\\ud800\"", "{", "}", "[", "]", ",", ":", "true", "\u0000", "ÿ", "\"partitions\":1,", "\"leases\":[],", "%00", "..", "mq-"];

    private static readonly (string Method, string Path, byte[] Body, string? Type)[] Good =
    [
        .. Bodies.All.Select(each => (each.Method, each.Path, Encoding.UTF8.GetBytes(each.Good), (string?)"application/json")),
        ("POST", "/v1/topics/t/partitions/0/batches?acks=durable&waitMs=0", Samples.Batch("a", "b"), "application/octet-stream"),
        ("POST", "/v1/topics/t/partitions/0/batches?brief=true", Samples.RichBatch("a", "b"), "application/octet-stream"),
        ("GET", "/v1/topics?prefix=a&after=b&max=10", [], null),
        ("GET", "/v1/topics/t/partitions/0/messages?from=earliest&max=10", [], null),
        ("GET", "/v1/topics/t/partitions/0/batches?from=0&maxBytes=100&minBytes=0&waitMs=0", [], null),
        ("GET", "/v1/topics/t/partitions/0/offset?at=2001-01-31T23:59:59Z", [], null),
        ("DELETE", "/v1/topics/t/partitions/0/messages?before=0", [], null),
    ];

    [Fact]
    public async Task DamagedRequestsAreAnsweredAndChangeNothing()
    {
        await using var served = await Served.Start();
        var random = new Random(Seed);
        for (var i = 0; i < Requests; i++)
        {
            var (method, path, body, type) = Good[random.Next(Good.Length)];
            if (body.Length == 0 || random.Next(4) == 0)
                path = Encoding.ASCII.GetString(Mutate(random, Encoding.ASCII.GetBytes(path))).Replace('?', random.Next(2) == 0 ? '?' : '/');
            else
                body = Mutate(random, body);
            if (!IsAddress(path))
                continue;
            var changes = served.Broker.Changes.Count;
            var answer = await served.Send(method, path, body.Length > 0 ? body : null, type);
            if ((int)answer.Status < 300)
                continue;
            Assert.NotEqual(500, (int)answer.Status);
            answer.ProblemCode();
            Assert.True(changes == served.Broker.Changes.Count, $"Seed {Seed}, request {i}: {method} {path} was refused and changed something.");
        }
        Assert.Equal(200, (int)(await served.Send("GET", "/healthz")).Status);
    }

    [Fact]
    public async Task DamagedHeadsCloseNothingButTheirConnection()
    {
        await using var served = await Served.Start();
        var random = new Random(Seed);
        var head = "POST /v1/topics/t/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"u8.ToArray();
        for (var i = 0; i < RawConnections; i++)
        {
            var status = await Exchange(served.Gateway.Uri.Port, Mutate(random, head));
            Assert.True(status is null or (>= 100 and < 500) or 505, $"Seed {Seed}, connection {i}: {status}");
        }
        Assert.Equal(200, (int)(await served.Send("GET", "/healthz")).Status);
    }

    internal static byte[] Mutate(Random random, byte[] good)
    {
        var bytes = good.ToList();
        for (var times = random.Next(1, 4); times > 0 && bytes.Count > 1; times--)
        {
            var at = random.Next(1, bytes.Count);
            switch (random.Next(5))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes.RemoveRange(at, Math.Min(random.Next(1, 20), bytes.Count - at)); break;
                case 2: bytes.InsertRange(at, Encoding.UTF8.GetBytes(Tokens[random.Next(Tokens.Length)])); break;
                case 3: bytes.InsertRange(at, bytes.GetRange(0, random.Next(1, Math.Min(at, 30) + 1))); break;
                default: bytes[at] ^= (byte)(1 << random.Next(8)); break;
            }
        }
        return [.. bytes];
    }

    // What the client itself would not send, or Kestrel refuses without asking us.
    private static bool IsAddress(string path) =>
        path.StartsWith('/') && !path.Contains("%00", StringComparison.Ordinal) && !path.StartsWith("//", StringComparison.Ordinal) && path.All(c => c is > ' ' and < '\u007f' and not ('#' or '\\'));

    private static async Task<int?> Exchange(int port, byte[] request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", port);
        var stream = client.GetStream();
        try
        {
            await stream.WriteAsync(request);
            client.Client.Shutdown(SocketShutdown.Send);
            using var answer = new StreamReader(stream, Encoding.Latin1);
            var line = await answer.ReadLineAsync();
            return line?.Split(' ') is [_, var status, ..] && int.TryParse(status, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
        }
        catch (IOException)
        {
            return null;
        }
    }
}

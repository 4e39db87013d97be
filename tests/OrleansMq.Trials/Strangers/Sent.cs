using System.Buffers.Binary;
using System.Net;
using System.Text;
using OrleansMq.Gateways.Http.Tests;
using OrleansMq.Gateways.Kafka.Protocol;
using OrleansMq.Gateways.Kafka.Tests;

namespace OrleansMq.Trials.Strangers;

/// <summary>What is sent on a connection: what it says first, unharmed, the frame that is damaged, and what comes behind it, unharmed.</summary>
/// <param name="Preludes">Each is answered before the next is sent.</param>
/// <param name="Last">Answered also where the frame was one that has no answer, or not a whole one.</param>
internal sealed record Sent(IPEndPoint To, IReadOnlyList<byte[]> Preludes, byte[] Frame, byte[] Last)
{
    /// <summary>Without an end of its own: a join of a Kafka group waits for the group's other members.</summary>
    public bool MayWait { get; private init; }

    public static Sent OverKafka(IPEndPoint to, bool known, Random random)
    {
        var samples = Requests.All;
        var sample = samples[random.Next(samples.Count)];
        var frame = Mutation.Of(sample.Frame(random.Next()), random);
        return new Sent(to, known ? KafkaLogin : [], WithLength(frame), ApiVersions) { MayWait = frame is [0, (byte)ApiKey.JoinGroup, ..] };
    }

    public static Sent OverHttp(IPEndPoint to, bool known, Random random)
    {
        var (method, path, body) = Bodies.All[random.Next(Bodies.All.Count)];
        var who = known ? $"{GuardedProgram.Known}:{GuardedProgram.Password}" : "";
        // A name and a password that are wrong cost a derivation on purpose; here it is the reading of requests that is tried.
        var login = known ? $"Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(who))}\r\n" : "";
        var damaged = random.Next(2) == 0 ? Mutation.Of(Encoding.UTF8.GetBytes(body), random) : Encoding.UTF8.GetBytes(body);
        var head = Encoding.ASCII.GetBytes($"{method} {path} HTTP/1.1\r\nHost: x\r\n{login}Content-Type: application/json\r\nConnection: close\r\nContent-Length: {damaged.Length}\r\n\r\n");
        return new Sent(to, [], [.. damaged.AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(body)) ? Mutation.Of(head, random) : head, .. damaged], HttpEnd);
    }

    private static readonly byte[] ApiVersions = Request(ApiKey.ApiVersions, _ => { });

    private static readonly byte[] HttpEnd = [.. "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8];

    private static readonly IReadOnlyList<byte[]> KafkaLogin =
    [
        Request(ApiKey.SaslHandshake, writer => writer.String("PLAIN")),
        Request(ApiKey.SaslAuthenticate, writer => writer.Bytes([0, .. Encoding.UTF8.GetBytes(GuardedProgram.Known), 0, .. Encoding.UTF8.GetBytes(GuardedProgram.Password)])),
    ];

    private static byte[] Request(ApiKey key, Action<KafkaWriter> body)
    {
        using var writer = new KafkaWriter();
        writer.Int16((short)key);
        writer.Int16(1);
        writer.Int32(0);
        writer.String("trial");
        body(writer);
        return WithLength(Requests.Bytes(writer));
    }

    private static byte[] WithLength(byte[] frame)
    {
        var framed = new byte[frame.Length + 4];
        BinaryPrimitives.WriteInt32BigEndian(framed, frame.Length);
        frame.CopyTo(framed, 4);
        return framed;
    }
}

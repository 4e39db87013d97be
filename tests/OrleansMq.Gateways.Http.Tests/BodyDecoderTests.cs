using System.Text;
using OrleansMq.Json;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>Each reader of a JSON body, without the gateway around it: damaged bodies are read or refused as malformed, and nothing else.</summary>
public sealed class BodyDecoderTests
{
    /// <summary>A share for CI; MQ_FUZZ_FRAMES=10000000 is the long run.</summary>
    private static readonly int Frames = int.TryParse(Environment.GetEnvironmentVariable("MQ_FUZZ_FRAMES"), out var many) ? many : 20_000;

    private static readonly IReadOnlyList<(Func<JsonSpot, object?> Read, string Good)> Readers =
    [
        .. Bodies.All.Select(body => (ReaderOf(body.Method, body.Path), body.Good)),
        (spot => MessageJson.ReadMany(spot), """[{"key":"LAX","bodyText":"x","headers":{"a":"b"}},{"bodyBase64":"AAE="}]"""),
        (RoutingJson.ReadChange, """{"kind":"topic","alternate":"rest"}"""),
        (RoutingJson.ReadBinding, """{"toTopic":"t","pattern":"a.*.#"}"""),
        (RoutingJson.ReadFacts, """{"routingKey":"a.b","headers":{"a":"b"}}"""),
        (spot => HalfJson.ReadEnd(spot), """{"force":true}"""),
        (spot => HalfJson.ReadCheck(spot), """{"group":"g","max":10,"waitMs":5}"""),
        (AccessJson.ReadUserChange, """{"password":"a password of length","teams":["a","b"],"disabled":false}"""),
        (AccessJson.ReadRule, """{"user":"anna","allow":["produce","consume"],"topic":"t"}"""),
        (spot => AccessJson.ReadQuotaChange(spot), """{"user":"anna","kind":"bytes-per-second","limit":5}"""),
    ];

    [Fact]
    public void WholeBodiesAreRead() => Assert.All(Bodies.All, body => JsonForm.ReadRequest(Encoding.UTF8.GetBytes(body.Good), ReaderOf(body.Method, body.Path)));

    [Fact]
    public void DamagedBodiesAreReadOrRefusedAsMalformed()
    {
        var random = new Random(20261126);
        var refused = 0;
        for (var i = 0; i < Frames; i++)
        {
            var (read, good) = Readers[random.Next(Readers.Count)];
            var damaged = MutationFuzz.Mutate(random, Encoding.UTF8.GetBytes(good));
            try
            {
                JsonForm.ReadRequest(damaged, read);
            }
            catch (MqException e)
            {
                refused++;
                Assert.True(e.Code == ErrorCodes.Malformed, $"Frame {i}: {e.Code} {e.Message} for {Encoding.UTF8.GetString(damaged)}");
            }
        }
        Assert.InRange(refused, Frames / 10, Frames);
    }

    private static Func<JsonSpot, object?> ReaderOf(string method, string path) => (method, path.Split('/')[^1], path.StartsWith("/v1/transactions/", StringComparison.Ordinal)) switch
    {
        (_, "open", true) => spot => TransactionJson.ReadOpen(spot),
        (_, "partitions", true) => spot => TransactionJson.ReadAddPartitions(spot),
        (_, "offsets", true) => spot => TransactionJson.ReadAddOffsets(spot),
        (_, "commit" or "abort", true) => spot => TransactionJson.ReadEnd(spot),
        ("PUT", "t", _) => TopicJson.ReadChange,
        ("PUT", "webhook", _) => WebhookJson.ReadChange,
        ("PUT", _, _) or (_, "groups", _) => GroupJson.ReadChange,
        (_, "partitions", _) => spot => TopicJson.ReadGrowth(spot),
        (_, "messages", _) => MessageJson.ReadMany,
        (_, "receive", _) => QueueJson.ReadReceive,
        (_, "ack", _) => spot => QueueJson.ReadSettlement(spot, SettlementKind.Acknowledge),
        (_, "nack", _) => spot => QueueJson.ReadSettlement(spot, SettlementKind.Refuse),
        (_, "extend", _) => spot => QueueJson.ReadSettlement(spot, SettlementKind.Extend),
        (_, "deadletter", _) => spot => QueueJson.ReadSettlement(spot, SettlementKind.DeadLetter),
        (_, "defer", _) => spot => QueueJson.ReadSettlement(spot, SettlementKind.Defer),
        (_, "join", _) => spot => LogJson.ReadJoin(spot),
        (_, "heartbeat", _) => spot => LogJson.ReadHeartbeat(spot),
        (_, "leave", _) => LogJson.ReadLeave,
        (_, "commit", _) => LogJson.ReadCommit,
        (_, "seek", _) => LogJson.ReadSeek,
        (_, "redeliver", _) => ReconcileJson.ReadRedeliver,
        (_, "redrive", _) => spot => DeadLetterJson.ReadRedrive(spot),
        (_, "discard", _) => DeadLetterJson.ReadDiscard,
        (_, "session", _) => SessionJson.ReadRequest,
        (_, "producers", _) => ClusterJson.ReadOpenProducer,
        (_, "read", _) => ReadForm.ReadRequest,
        _ => throw new NotSupportedException($"{method} {path} has no reader here."),
    };
}

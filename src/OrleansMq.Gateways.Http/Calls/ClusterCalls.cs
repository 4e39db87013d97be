using System.Text;
using OrleansMq.Access;
using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <summary>The cluster, producers' ids, and what operators ask: health, readiness, figures, the description of all this.</summary>
internal sealed class ClusterCalls(HttpMetrics metrics, Lazy<ReadOnlyMemory<byte>> openApi, CancellationToken stopping)
{
    private const string PrometheusText = "text/plain; version=0.0.4; charset=utf-8";
    private static readonly TimeSpan ReadyWithin = TimeSpan.FromSeconds(2);

    public IEnumerable<HttpRoute> Routes =>
    [
        new("GET", "/v1/cluster", "describeCluster", "Nodes, and where their gateways answer.", Describe) { AnswerSchema = "Cluster" },
        new("POST", "/v1/producers", "openProducer", "Give a producer its id; a name opened again keeps its id at a higher epoch.", OpenProducer)
        {
            Body = BodyKind.OptionalJson, Changes = true, RequestSchema = "OpenProducerRequest", AnswerSchema = "Producer",
        },
        new("GET", "/healthz", "health", "The process lives. Asks nobody.", call => call.Answer(writer => WriteStatus(writer, "alive"))) { Public = true, Vital = true, AnswerSchema = "Status" },
        new("GET", "/readyz", "ready", "The broker answers, and is not stopping.", Ready) { Public = true, Vital = true, AnswerSchema = "Status" },
        new("GET", "/metrics", "metrics", "Figures as Prometheus text.", Metrics) { Vital = true, AnswerType = "text/plain" },
        new("GET", "/openapi/v1.json", "openApi", "This description.", call => call.Answer(200, "application/json", openApi.Value)) { Public = true, Vital = true, AnswerSchema = "Any" },
    ];

    private static async ValueTask Describe(HttpCall call)
    {
        var cluster = await call.Broker.DescribeCluster(call.Cancel);
        await call.Answer(writer => ClusterJson.Write(writer, cluster));
    }

    private static async ValueTask OpenProducer(HttpCall call)
    {
        var producer = await call.Broker.OpenProducer(call.Read(ClusterJson.ReadOpenProducer), call.Cancel);
        await call.Answer(writer => ClusterJson.WriteProducer(writer, producer));
    }

    private async ValueTask Ready(HttpCall call)
    {
        if (stopping.IsCancellationRequested)
            throw new MqException(ErrorCodes.PartitionUnavailable, "The broker is stopping.");
        using var soon = CancellationTokenSource.CreateLinkedTokenSource(call.Cancel);
        soon.CancelAfter(ReadyWithin);
        try
        {
            await call.Broker.DescribeCluster(soon.Token);
        }
        catch (OperationCanceledException) when (!call.Cancel.IsCancellationRequested)
        {
            throw new MqException(ErrorCodes.PartitionUnavailable, $"The broker did not answer within {ReadyWithin.TotalSeconds} s.");
        }
        await call.Answer(writer => WriteStatus(writer, "ready"));
    }

    private async ValueTask Metrics(HttpCall call)
    {
        (call.Broker as GuardedBroker)?.Demand(AccessOperations.Describe, ResourceKind.Cluster, "");
        using var text = new StringWriter();
        metrics.Write(text);
        if (call.Options.BrokerMetrics is { } ofBroker)
            await ofBroker(text, call.Cancel);
        await call.Answer(200, PrometheusText, Encoding.UTF8.GetBytes(text.ToString()));
    }

    private static void WriteStatus(System.Text.Json.Utf8JsonWriter writer, string status)
    {
        writer.WriteStartObject();
        writer.WriteString("status", status);
        writer.WriteEndObject();
    }
}

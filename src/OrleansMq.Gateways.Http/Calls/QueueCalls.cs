using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <summary>Queue style: leases, settling, dead letters.</summary>
internal static class QueueCalls
{
    public static IEnumerable<HttpRoute> Routes =>
    [
        new("POST", GroupCalls.Group + "/receive", "receive", "Lease messages. The group is made on first use: queue style, from the earliest.", Receive)
        {
            Body = BodyKind.OptionalJson, Changes = true, RequestSchema = "ReceiveRequest", AnswerSchema = "Received",
        },
        Settling("ack", "AckRequest", "Acknowledge messages.", SettlementKind.Acknowledge),
        Settling("nack", "NackRequest", "Give messages back, to be delivered again after a delay.", SettlementKind.Refuse),
        Settling("extend", "ExtendRequest", "Make leases last longer, from now.", SettlementKind.Extend),
        Settling("deadletter", "DeadLetterRequest", "Move messages to dead letters.", SettlementKind.DeadLetter),
        Settling("defer", "DeferRequest", "Set messages aside until they are received by their positions.", SettlementKind.Defer),
        new("POST", GroupCalls.Group + "/dlq/redrive", "redrive", "Give dead letters to the group again.", Redrive)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "RedriveRequest", AnswerSchema = "Redriven",
        },
        new("POST", GroupCalls.Group + "/dlq/discard", "discard", "Throw dead letters away.", Discard)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "DiscardRequest", AnswerSchema = "Discarded",
        },
    ];

    private static HttpRoute Settling(string verb, string schema, string summary, SettlementKind kind) =>
        new("POST", $"{GroupCalls.Group}/{verb}", verb, summary, call => Settle(call, kind))
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = schema, AnswerSchema = "SettleResults",
        };

    private static async ValueTask Receive(HttpCall call)
    {
        var (topic, group) = (call.Topic, call.Group);
        var request = call.Read(QueueJson.ReadReceive);
        using var waiting = call.Waiting();
        var deliveries = await call.Broker.Receive(topic, group, request, waiting.Token);
        call.Messages = deliveries.Count;
        await call.Answer(writer => QueueJson.WriteDeliveries(writer, deliveries));
    }

    private static async ValueTask Settle(HttpCall call, SettlementKind kind)
    {
        var (topic, group) = (call.Topic, call.Group);
        var settlement = call.Read(spot => QueueJson.ReadSettlement(spot, kind));
        var results = await call.Broker.Settle(topic, group, settlement, call.Cancel);
        call.Streams.Settled(call.Streamed, settlement, results);
        await call.Answer(writer => QueueJson.WriteResults(writer, settlement, results));
    }

    private static async ValueTask Redrive(HttpCall call)
    {
        var (topic, group) = (call.Topic, call.Group);
        var (selection, replace) = call.Read(DeadLetterJson.ReadRedrive);
        var count = await call.Broker.Redrive(topic, group, selection, replace, call.Cancel);
        await call.Answer(writer => ClusterJson.WriteNumber(writer, "redriven", count));
    }

    private static async ValueTask Discard(HttpCall call)
    {
        var count = await call.Broker.Discard(call.Topic, call.Group, call.Read(DeadLetterJson.ReadDiscard), call.Cancel);
        await call.Answer(writer => ClusterJson.WriteNumber(writer, "discarded", count));
    }
}

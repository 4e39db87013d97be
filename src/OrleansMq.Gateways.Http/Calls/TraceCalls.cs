using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <summary>Where time went: of one message, and of all of a group.</summary>
internal static class TraceCalls
{
    public static IEnumerable<HttpRoute> Routes =>
    [
        new("GET", "/v1/topics/{topic}/trace", "trace", "The way of one message, by its position or its token.", Trace)
        {
            Query = [Parameters.TracePartition, Parameters.TraceOffset, Parameters.TraceToken, Parameters.TraceBytes], AnswerSchema = "Trace",
        },
        new("GET", GroupCalls.Group + "/stages", "stages", "How long messages took from stage to stage for a group.", Stages)
        {
            Query = [Parameters.Last], AnswerSchema = "StageTimes",
        },
    ];

    private static async ValueTask Trace(HttpCall call)
    {
        var (partition, offset) = (call.Int32("partition", 0), call.Int64("offset", 0));
        if (partition is null != offset is null)
            throw HttpCall.Absent(partition is null ? "partition" : "offset");
        var request = new TraceRequest
        {
            Position = partition is { } p ? new Position(p, offset!.Value) : null,
            Token = call.Query("token"),
            MaxBytes = call.Int64("maxBytes", 1, TraceRequest.MostBytes) ?? new TraceRequest().MaxBytes,
        };
        request.Validate();
        var trace = await call.Broker.Trace(call.Topic, request, call.Cancel);
        call.Messages = 1;
        await call.Answer(writer => TraceJson.Write(writer, trace));
    }

    private static async ValueTask Stages(HttpCall call)
    {
        var last = call.Milliseconds("lastMs", (long)TraceDesk.MaxLast.TotalMilliseconds) ?? TimeSpan.FromMinutes(10);
        var times = await call.Broker.Stages(call.Topic, call.Group, last, call.Cancel);
        await call.Answer(writer => TraceJson.WriteTimes(writer, times));
    }
}

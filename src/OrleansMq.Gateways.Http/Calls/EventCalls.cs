using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <summary>A group's messages pushed over HTTP, on the leases of queue style.</summary>
internal static class EventCalls
{
    private const int StandardCredit = 16;

    // Of a lease, as the broker takes it.
    public const long MinLeaseMs = 100;
    public const long MaxLeaseMs = 12L * 60 * 60 * 1000;

    public static IEnumerable<HttpRoute> Routes =>
    [
        new("GET", GroupCalls.Group + "/events", "events",
            "Messages of the group as server-sent events, each under a lease (its id), while fewer than `credit` of them are unsettled. Settle by `ack` and its like at the same gateway.", Stream)
        {
            Query = [Parameters.Credit, Parameters.EventLease, Parameters.Consumer, Parameters.GroupId], Changes = true, AnswerType = EventText.MediaType,
        },
    ];

    private static Guid IdOf(string text) =>
        Guid.TryParseExact(text, "D", out var id) ? id : throw new MqException(ErrorCodes.Malformed, "'groupId' is no id that this broker gave.");

    private static async ValueTask Stream(HttpCall call)
    {
        var group = call.Streamed;
        var credit = call.Int32("credit", 1, call.Options.MaxEventCredit) ?? Math.Min(StandardCredit, call.Options.MaxEventCredit);
        var request = new ReceiveRequest
        {
            Lease = call.Int64("leaseMs", MinLeaseMs, MaxLeaseMs) is { } ms ? TimeSpan.FromMilliseconds(ms) : null,
            Consumer = call.Text("consumer", QueueJson.MaxNameChars) ?? $"events-{Guid.NewGuid():N}",
            GroupId = call.Query("groupId") is { } id ? IdOf(id) : null,
        };
        var opened = call.Streams.Open(group, credit);
        try
        {
            using var end = call.Waiting();
            end.CancelAfter(call.Options.MaxEventStreamAge);
            await new EventStream(call, opened, request).Run(end.Token);
        }
        finally
        {
            call.Streams.Close(group, opened);
        }
    }
}

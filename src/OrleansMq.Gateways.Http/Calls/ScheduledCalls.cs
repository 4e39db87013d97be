using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <summary>Messages that wait for their time.</summary>
internal static class ScheduledCalls
{
    public static IEnumerable<HttpRoute> Routes =>
    [
        new("GET", "/v1/topics/{topic}/scheduled", "listScheduled", "List the messages that wait for their time, in the order sent.", List)
        {
            Query = [Parameters.ScheduledAfter, Parameters.PageMax], AnswerSchema = "ScheduledPage",
        },
        new("GET", "/v1/topics/{topic}/scheduled/{id}", "describeScheduled", "Look at a message that waits for its time.", Describe) { AnswerSchema = "Scheduled" },
        new("DELETE", "/v1/topics/{topic}/scheduled/{id}", "cancelScheduled", "Cancel a message that waits for its time.", Cancel) { Changes = true, Statuses = [204] },
    ];

    private static async ValueTask List(HttpCall call)
    {
        var page = await call.Broker.ListScheduled(call.Topic, call.Query("after"), call.PageMax, call.Cancel);
        call.Messages = page.Items.Count;
        await call.Answer(writer => ScheduledJson.WritePage(writer, page));
    }

    private static async ValueTask Describe(HttpCall call)
    {
        var scheduled = await call.Broker.DescribeScheduled(call.Topic, call.Id, call.Cancel);
        call.Messages = 1;
        await call.Answer(writer => ScheduledJson.Write(writer, scheduled));
    }

    private static async ValueTask Cancel(HttpCall call)
    {
        await call.Broker.CancelScheduled(call.Topic, call.Id, call.Cancel);
        call.AnswerNoContent();
    }
}

using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <summary>Half messages: decided, looked at, and checked back. They begin as messages sent with <c>half</c>.</summary>
internal static class HalfCalls
{
    public static IEnumerable<HttpRoute> Routes =>
    [
        new("POST", "/v1/topics/{topic}/half/{id}/commit", "commitHalf", "Let a half message be delivered.", call => End(call, HalfState.Committed))
        {
            Body = BodyKind.OptionalJson, Changes = true, RequestSchema = "HalfEndRequest", AnswerSchema = "HalfResult",
        },
        new("POST", "/v1/topics/{topic}/half/{id}/rollback", "rollBackHalf", "Take a half message back.", call => End(call, HalfState.RolledBack))
        {
            Body = BodyKind.OptionalJson, Changes = true, RequestSchema = "HalfEndRequest", AnswerSchema = "HalfResult",
        },
        new("POST", "/v1/topics/{topic}/half-checks", "checkHalf", "Take half messages of a group of producers that are to be checked back.", Check)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "HalfCheckRequest", AnswerSchema = "HalfChecks",
        },
        new("GET", "/v1/topics/{topic}/half", "listHalf", "List half messages that are undecided or timed out.", List)
        {
            Query = [Parameters.ProducerGroup, Parameters.ScheduledAfter, Parameters.PageMax], AnswerSchema = "HalfPage",
        },
        new("GET", "/v1/topics/{topic}/half/{id}", "describeHalf", "Look at a half message that is undecided or timed out.", Describe) { AnswerSchema = "Half" },
    ];

    private static async ValueTask End(HttpCall call, HalfState decision)
    {
        var result = await call.Broker.EndHalf(call.Topic, call.Id, decision, call.Read(HalfJson.ReadEnd), call.Cancel);
        call.Messages = 1;
        await call.Answer(writer => HalfJson.WriteResult(writer, result));
    }

    private static async ValueTask Check(HttpCall call)
    {
        var (group, max, wait) = call.Read(HalfJson.ReadCheck);
        using var waiting = call.Waiting();
        var checks = await call.Broker.CheckHalf(call.Topic, group, max, wait, waiting.Token);
        call.Messages = checks.Count;
        await call.Answer(writer => HalfJson.WriteChecks(writer, checks));
    }

    private static async ValueTask List(HttpCall call)
    {
        var page = await call.Broker.ListHalf(call.Topic, call.Query("group"), call.Query("after"), call.PageMax, call.Cancel);
        call.Messages = page.Items.Count;
        await call.Answer(writer => HalfJson.WritePage(writer, page));
    }

    private static async ValueTask Describe(HttpCall call)
    {
        var half = await call.Broker.DescribeHalf(call.Topic, call.Id, call.Cancel);
        call.Messages = 1;
        await call.Answer(writer => HalfJson.Write(writer, half));
    }
}

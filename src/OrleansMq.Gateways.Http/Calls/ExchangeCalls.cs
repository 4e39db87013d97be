using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <summary>Exchanges: names that decide to which topics a message goes.</summary>
internal static class ExchangeCalls
{
    public static IEnumerable<HttpRoute> Routes =>
    [
        new("PUT", "/v1/exchanges/{exchange}", "putExchange", "Create an exchange, or change its alternate.", Put)
        {
            Body = BodyKind.OptionalJson, Changes = true, RequestSchema = "ExchangeChange", AnswerSchema = "Exchange", Statuses = [200, 201],
        },
        new("GET", "/v1/exchanges/{exchange}", "describeExchange", "An exchange's kind, alternate and bindings.", Describe) { AnswerSchema = "Exchange" },
        new("DELETE", "/v1/exchanges/{exchange}", "deleteExchange", "Delete an exchange with its bindings.", Delete) { Changes = true, Statuses = [204] },
        new("GET", "/v1/exchanges", "listExchanges", "Names of exchanges, in ordinal order.", List)
        {
            Query = [Parameters.Prefix, Parameters.After, Parameters.PageMax], AnswerSchema = "ExchangePage",
        },
        new("POST", "/v1/exchanges/{exchange}/bind", "bind", "Lead messages that match to a topic or to another exchange, too.", Bind)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "Binding", AnswerSchema = "Bound",
        },
        new("POST", "/v1/exchanges/{exchange}/unbind", "unbind", "Take a binding away; it is named by all that it says.", Unbind)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "Binding", AnswerSchema = "Unbound",
        },
        new("POST", "/v1/exchanges/{exchange}/route", "route", "Ask where messages would go; nothing is sent.", Route)
        {
            Body = BodyKind.Json, RequestSchema = "Messages", AnswerSchema = "Routes",
        },
        new("POST", "/v1/exchanges/{exchange}/messages", "publishToExchange", "Send one message or an array of them to the topics that the bindings choose.", Publish)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "Messages", AnswerSchema = "RoutedResults",
            Query = [Parameters.Acks, Parameters.PublishWait, Parameters.Client, .. Parameters.InTransaction],
        },
    ];

    private static async ValueTask Put(HttpCall call)
    {
        var exchange = await call.Broker.PutExchange(call.Exchange, call.Read(RoutingJson.ReadChange), call.Cancel);
        await call.Answer(writer => RoutingJson.Write(writer, exchange), exchange.Created ? 201 : 200);
    }

    private static async ValueTask Describe(HttpCall call)
    {
        var exchange = await call.Broker.DescribeExchange(call.Exchange, call.Cancel);
        await call.Answer(writer => RoutingJson.Write(writer, exchange));
    }

    private static async ValueTask Delete(HttpCall call)
    {
        await call.Broker.DeleteExchange(call.Exchange, call.Cancel);
        call.AnswerNoContent();
    }

    private static async ValueTask List(HttpCall call)
    {
        var page = await call.Broker.ListExchanges(call.Query("prefix") ?? "", call.Query("after"), call.PageMax, call.Cancel);
        await call.Answer(writer => ClusterJson.WritePage(writer, "exchanges", page));
    }

    private static async ValueTask Bind(HttpCall call)
    {
        var bound = await call.Broker.Bind(call.Exchange, call.Read(RoutingJson.ReadBinding), call.Cancel);
        await AnswerFlag(call, "bound", bound);
    }

    private static async ValueTask Unbind(HttpCall call)
    {
        var unbound = await call.Broker.Unbind(call.Exchange, call.Read(RoutingJson.ReadBinding), call.Cancel);
        await AnswerFlag(call, "unbound", unbound);
    }

    private static async ValueTask Route(HttpCall call)
    {
        var routes = await call.Broker.Route(call.Exchange, call.Read(RoutingJson.ReadFacts), call.Cancel);
        await call.Answer(writer => RoutingJson.WriteRoutes(writer, routes));
    }

    private static async ValueTask Publish(HttpCall call)
    {
        var exchange = call.Exchange;
        var options = MessageCalls.OptionsOf(call);
        var results = await call.Broker.PublishTo(exchange, call.Read(MessageJson.ReadMany), options, call.Cancel);
        call.Messages = results.Sum(result => result.Copies.Count(copy => copy.Result.Error is null));
        await call.Answer(writer => RoutingJson.WriteResults(writer, results));
    }

    private static ValueTask AnswerFlag(HttpCall call, string name, bool value) => call.Answer(writer =>
    {
        writer.WriteStartObject();
        writer.WriteBoolean(name, value);
        writer.WriteEndObject();
    });
}

using Microsoft.AspNetCore.Http;
using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <summary>Webhooks, for administrators.</summary>
internal static class WebhookCalls
{
    private const string One = "/v1/topics/{topic}/groups/{group}/webhook";

    public static IEnumerable<HttpRoute> Routes =>
    [
        new("PUT", One, "putWebhook", "Have a group's messages pushed to an address, or change how.", Put)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "WebhookChange", AnswerSchema = "Webhook", Statuses = [200, 201],
        },
        new("GET", One, "describeWebhook", "A group's webhook, and how it fares on this node.", Describe) { AnswerSchema = "Webhook" },
        new("DELETE", One, "removeWebhook", "Take a group's webhook away; the group stays.", Remove) { Changes = true, Statuses = [204] },
        new("POST", One + "/test", "testWebhook", "Send one signed request without a message.", Test) { Changes = true, AnswerSchema = "WebhookTrial" },
        new("GET", "/v1/webhooks", "listWebhooks", "All webhooks that are registered with the broker.", List) { AnswerSchema = "Webhooks" },
    ];

    private static async ValueTask Put(HttpCall call)
    {
        var webhook = await Directory(call).PutWebhook(call.Topic, call.Group, call.Read(WebhookJson.ReadChange), call.Cancel);
        await call.Answer(writer => WebhookJson.Write(writer, webhook), webhook.Created ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    private static async ValueTask Describe(HttpCall call)
    {
        var webhook = await Directory(call).DescribeWebhook(call.Topic, call.Group, call.Cancel);
        await call.Answer(writer => WebhookJson.Write(writer, webhook));
    }

    private static async ValueTask Remove(HttpCall call)
    {
        await Directory(call).RemoveWebhook(call.Topic, call.Group, call.Cancel);
        call.AnswerNoContent();
    }

    private static async ValueTask Test(HttpCall call)
    {
        var trial = await Directory(call).TestWebhook(call.Topic, call.Group, call.Cancel);
        await call.Answer(writer => WebhookJson.WriteTrial(writer, trial));
    }

    private static async ValueTask List(HttpCall call)
    {
        var webhooks = await Directory(call).ListWebhooks(call.Cancel);
        await call.Answer(writer => AccessJson.WriteAll(writer, "webhooks", webhooks, WebhookJson.Write));
    }

    private static IWebhookDirectory Directory(HttpCall call) => call.Broker.Webhooks ?? throw WebhookChange.NotTaken();
}

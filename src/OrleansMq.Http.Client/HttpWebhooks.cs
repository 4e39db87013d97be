using System.Net;
using OrleansMq.Json;

namespace OrleansMq;

/// <summary>Webhooks over HTTP.</summary>
internal sealed class HttpWebhooks(HttpTransport transport) : IWebhookDirectory
{
    public async ValueTask<WebhookDescription> PutWebhook(TopicName topic, GroupName group, WebhookChange change, CancellationToken cancel = default)
    {
        var ask = new HttpAsk(HttpMethod.Put, PathOf(topic, group), HttpTransport.JsonBody(writer => WebhookJson.WriteChange(writer, change)), Changes: true);
        var answer = await transport.Send(ask, cancel);
        return HttpTransport.ReadJson(ask, answer, spot => WebhookJson.Read(spot, answer.Status == HttpStatusCode.Created));
    }

    public ValueTask<WebhookDescription> DescribeWebhook(TopicName topic, GroupName group, CancellationToken cancel = default) =>
        transport.Send(new HttpAsk(HttpMethod.Get, PathOf(topic, group)), spot => WebhookJson.Read(spot), cancel);

    public ValueTask<IReadOnlyList<WebhookDescription>> ListWebhooks(CancellationToken cancel = default) =>
        transport.Send(new HttpAsk(HttpMethod.Get, "/v1/webhooks"), spot => AccessJson.ReadAll(spot, "webhooks", one => WebhookJson.Read(one)), cancel);

    public async ValueTask RemoveWebhook(TopicName topic, GroupName group, CancellationToken cancel = default) =>
        await transport.Send(new HttpAsk(HttpMethod.Delete, PathOf(topic, group), Changes: true), cancel);

    public ValueTask<WebhookTrial> TestWebhook(TopicName topic, GroupName group, CancellationToken cancel = default) => transport.Send(
        new HttpAsk(HttpMethod.Post, PathOf(topic, group) + "/test", Changes: true, Wait: TimeSpan.FromMilliseconds(WebhookChange.MaxTimeoutMs)), WebhookJson.ReadTrial, cancel);

    private static string PathOf(TopicName topic, GroupName group) => $"/v1/topics/{Uri.EscapeDataString(topic.Text)}/groups/{Uri.EscapeDataString(group.Text)}/webhook";
}

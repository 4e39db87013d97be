namespace OrleansMq.Conformance.Broker;

/// <summary>Takes every webhook, and pushes nothing.</summary>
public sealed class SilentWebhooks : IWebhookDirectory
{
    private static WebhookDescription Of(TopicName topic, GroupName group, Uri? url = null) => new()
    {
        Topic = topic,
        Group = group,
        Url = url ?? new("https://hooks.example.com/x"),
        SecretFingerprints = [],
        Timeout = TimeSpan.FromSeconds(1),
        MaxInFlight = 1,
        State = new WebhookState { Node = "here", Health = WebhookHealth.Idle },
        Created = true,
    };

    public ValueTask<WebhookDescription> PutWebhook(TopicName topic, GroupName group, WebhookChange change, CancellationToken cancel = default) => ValueTask.FromResult(Of(topic, group, change.Url));

    public ValueTask<WebhookDescription> DescribeWebhook(TopicName topic, GroupName group, CancellationToken cancel = default) => ValueTask.FromResult(Of(topic, group));

    public ValueTask<IReadOnlyList<WebhookDescription>> ListWebhooks(CancellationToken cancel = default) => ValueTask.FromResult<IReadOnlyList<WebhookDescription>>([]);

    public ValueTask RemoveWebhook(TopicName topic, GroupName group, CancellationToken cancel = default) => ValueTask.CompletedTask;

    public ValueTask<WebhookTrial> TestWebhook(TopicName topic, GroupName group, CancellationToken cancel = default) => ValueTask.FromResult(new WebhookTrial(true, "200", TimeSpan.Zero));
}

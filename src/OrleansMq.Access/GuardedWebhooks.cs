namespace OrleansMq.Access;

/// <summary>
/// Webhooks for a principal: administrators of no tenant have them all. Whoever registers one has the broker's machine call an address, and the broker's own rights read the topic, so no
/// smaller right opens it.
/// </summary>
internal sealed class GuardedWebhooks(GuardedBroker caller, IWebhookDirectory? inner) : IWebhookDirectory
{
    public async ValueTask<WebhookDescription> PutWebhook(TopicName topic, GroupName group, WebhookChange change, CancellationToken cancel = default)
    {
        var put = await Allowed().PutWebhook(topic, group, change, cancel);
        // Of the address the host: what stands behind it may be a secret.
        caller.Done(put.Created ? "createWebhook" : "alterWebhook", $"webhook {topic}/{group} at {put.Url.Authority}");
        return put;
    }

    public async ValueTask<WebhookDescription> DescribeWebhook(TopicName topic, GroupName group, CancellationToken cancel = default) => await Allowed().DescribeWebhook(topic, group, cancel);

    public async ValueTask<IReadOnlyList<WebhookDescription>> ListWebhooks(CancellationToken cancel = default) => await Allowed().ListWebhooks(cancel);

    public async ValueTask RemoveWebhook(TopicName topic, GroupName group, CancellationToken cancel = default)
    {
        await Allowed().RemoveWebhook(topic, group, cancel);
        caller.Done("removeWebhook", $"webhook {topic}/{group}");
    }

    public async ValueTask<WebhookTrial> TestWebhook(TopicName topic, GroupName group, CancellationToken cancel = default)
    {
        var directory = Allowed();
        // Before it: the address is called whatever comes of it.
        caller.Done("testWebhook", $"webhook {topic}/{group}");
        return await directory.TestWebhook(topic, group, cancel);
    }

    private IWebhookDirectory Allowed()
    {
        caller.Demand(AccessOperations.Admin, ResourceKind.Cluster, "");
        return inner ?? throw WebhookChange.NotTaken();
    }
}

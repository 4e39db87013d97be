using System.Net;

namespace OrleansMq.Webhooks;

/// <summary>Registers webhooks. Each call looks into the book first, so that it knows what other nodes have done.</summary>
internal sealed class WebhookDirectory(WebhookDesk desk, WebhookBook book, IBroker broker) : IWebhookDirectory
{
    public async ValueTask<WebhookDescription> PutWebhook(TopicName topic, GroupName group, WebhookChange change, CancellationToken cancel = default)
    {
        await Look(cancel);
        if (desk.IsInFile(topic, group))
            throw new MqException(ErrorCodes.Conflict, $"The operator's file has a webhook of {topic}/{group}; another receiver is another group.");
        // What can't be is refused before the group is touched.
        var created = book.Find(topic, group) is null;
        book.Check(topic, group, present => With(topic, group, present, change));
        await RefuseLogStyle(topic, group, cancel);
        await broker.PutGroup(topic, group, new GroupChange(), cancel);
        await book.Change(topic, group, present => With(topic, group, present, change), cancel);
        await desk.TakeUp();
        return Describe(book.Find(topic, group) ?? throw Unknown(topic, group)) with { Created = created };
    }

    public async ValueTask<WebhookDescription> DescribeWebhook(TopicName topic, GroupName group, CancellationToken cancel = default)
    {
        await Look(cancel);
        return Describe(book.Find(topic, group) ?? throw Unknown(topic, group));
    }

    public async ValueTask<IReadOnlyList<WebhookDescription>> ListWebhooks(CancellationToken cancel = default)
    {
        await Look(cancel);
        return [.. book.Webhooks.Select(Describe)];
    }

    public async ValueTask RemoveWebhook(TopicName topic, GroupName group, CancellationToken cancel = default)
    {
        await Look(cancel);
        await book.Change(topic, group, present => present is null ? throw Unknown(topic, group) : null, cancel);
        await desk.TakeUp();
    }

    public async ValueTask<WebhookTrial> TestWebhook(TopicName topic, GroupName group, CancellationToken cancel = default)
    {
        await Look(cancel);
        if (book.Find(topic, group) is null)
            throw Unknown(topic, group);
        if (desk.WhyOff(topic, group) is { } why)
            throw new MqException(ErrorCodes.Conflict, $"{topic}/{group} is not pushed: {why}.");
        try
        {
            return await (desk.Find(topic, group) ?? throw Stopping()).Ping(cancel);
        }
        catch (ObjectDisposedException)
        {
            throw Stopping();
        }
    }

    private async ValueTask RefuseLogStyle(TopicName topic, GroupName group, CancellationToken cancel)
    {
        try
        {
            if ((await broker.DescribeGroup(topic, group, cancel)).Settings.Style != GroupStyle.Queue)
                throw new MqException(ErrorCodes.Conflict, $"{topic}/{group} is a group of log style; a webhook's is queue style.");
        }
        catch (MqException unknown) when (unknown.Code == ErrorCodes.GroupUnknown)
        {
            // It will be of queue style.
        }
    }

    private async ValueTask Look(CancellationToken cancel)
    {
        try
        {
            await desk.LookIntoBook(cancel);
        }
        catch (FormatException e)
        {
            throw new MqException(ErrorCodes.Conflict, $"The webhooks that are stored can't be read by this program: {e.Message}.", inner: e);
        }
    }

    private WebhookDescription Describe(Webhook webhook) => new()
    {
        Topic = webhook.Topic,
        Group = webhook.Group,
        Url = webhook.Url,
        SecretFingerprints = [.. webhook.Secrets.Select(secret => secret.Fingerprint)],
        Timeout = webhook.Timeout,
        MaxInFlight = webhook.MaxInFlight,
        State = desk.WhyOff(webhook.Topic, webhook.Group) is not { } why && desk.Find(webhook.Topic, webhook.Group) is { } push
            ? push.StateOn(desk.Node)
            : new WebhookState { Node = desk.Node, Health = WebhookHealth.Off, Reason = desk.WhyOff(webhook.Topic, webhook.Group) ?? (desk.IsStopping ? "this node is stopping" : "it is being taken up at this moment") },
    };

    private Webhook With(TopicName topic, GroupName group, Webhook? present, WebhookChange change)
    {
        var url = change.Url is { } given ? AddressOf(given) : present?.Url ?? throw Malformed("'url' is missing: the webhook is new and needs an address");
        // What was signed for one receiver is not to be had by moving its webhook to another.
        if (present is { Secrets.Count: > 0 } && change.Secrets.Kind == ChangeKind.Keep && Uri.Compare(present.Url, url, UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase) != 0)
            throw Malformed("'secrets' is missing: the address is on another host, and secrets do not move along; give them anew, or none");
        var fresh = new Webhook { Topic = topic, Group = group, Url = url };
        present ??= fresh;
        var next = present with
        {
            Url = url,
            Secrets = change.Secrets.Kind == ChangeKind.Keep ? present.Secrets : [.. (change.Secrets.Value ?? []).Select(SecretOf)],
            Timeout = change.Timeout.Over(present.Timeout, fresh.Timeout),
            MaxInFlight = change.MaxInFlight.Over(present.MaxInFlight, fresh.MaxInFlight),
        };
        try
        {
            return next.Checked(desk.ApiRules);
        }
        catch (FormatException e)
        {
            throw Malformed(e.Message);
        }
    }

    private Uri AddressOf(Uri given)
    {
        // As it is stored, and so read again.
        if (!given.IsAbsoluteUri || !Uri.TryCreate(given.AbsoluteUri, UriKind.Absolute, out var stored))
            throw Malformed("'url' is no address");
        if (stored.OriginalString.Length > WebhookChange.MaxUrlChars)
            throw Malformed($"'url' has {stored.OriginalString.Length} characters, and {WebhookChange.MaxUrlChars} are the limit");
        // A name is looked up when it is connected to; of a number it can be said at once.
        if (IPAddress.TryParse(stored.DnsSafeHost, out var address) && !CallableAddresses.MayBeCalled(address, desk.ApiRules))
            throw Malformed($"'url': {CallableAddresses.Refusal}");
        return stored;
    }

    private static WebhookSecret SecretOf(string text, int index)
    {
        try
        {
            return WebhookSecret.Parse(text);
        }
        catch (FormatException e)
        {
            throw Malformed($"'secrets[{index}]': {e.Message}");
        }
    }

    private static MqException Malformed(string what) => new(ErrorCodes.Malformed, $"{what}.");

    private static MqException Unknown(TopicName topic, GroupName group) => new(ErrorCodes.WebhookUnknown, $"There is no webhook of {topic}/{group}.");

    private static MqException Stopping() => new(ErrorCodes.PartitionUnavailable, "This node is stopping, or the webhook was changed at this moment.", TimeSpan.FromSeconds(1));
}

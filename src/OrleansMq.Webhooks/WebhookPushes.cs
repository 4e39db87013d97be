namespace OrleansMq.Webhooks;

/// <summary>A webhook, and the rules that its address has to keep.</summary>
internal sealed record RuledWebhook(Webhook Webhook, WebhookRules Rules);

/// <summary>The pushes at work. What stays the same goes on undisturbed when others change.</summary>
internal sealed class WebhookPushes(IBroker broker, Action<string> report, TimeProvider time) : IAsyncDisposable
{
    private readonly Dictionary<(TopicName Topic, GroupName Group), (RuledWebhook Of, WebhookPush Push)> _pushes = [];

    public IReadOnlyDictionary<(TopicName Topic, GroupName Group), WebhookStatistics> Statistics
    {
        get
        {
            lock (_pushes)
                return _pushes.ToDictionary(each => each.Key, each => each.Value.Push.Statistics);
        }
    }

    public WebhookPush? Find(TopicName topic, GroupName group)
    {
        lock (_pushes)
            return _pushes.TryGetValue((topic, group), out var found) ? found.Push : null;
    }

    /// <summary>One call at a time.</summary>
    public async Task TakeUp(IReadOnlyCollection<RuledWebhook> webhooks)
    {
        var wanted = webhooks.ToDictionary(each => (each.Webhook.Topic, each.Webhook.Group));
        List<WebhookPush> ended = [];
        lock (_pushes)
        {
            foreach (var (name, present) in _pushes.ToList())
            {
                if (wanted.TryGetValue(name, out var stays) && stays == present.Of)
                    continue;
                _pushes.Remove(name);
                ended.Add(present.Push);
            }
        }

        // Before the others begin: a group is pushed to one address at a time.
        await Task.WhenAll(ended.Select(push => push.DisposeAsync().AsTask()));
        lock (_pushes)
            foreach (var (name, next) in wanted)
                if (!_pushes.ContainsKey(name))
                    _pushes[name] = (next, new WebhookPush(broker, next.Webhook, next.Rules, report, time));
    }

    public async ValueTask DisposeAsync() => await TakeUp([]);
}

namespace OrleansMq.Webhooks;

/// <summary>The registered webhooks as this process knows them, and their changes.</summary>
internal sealed class WebhookBook(IWebhookStore store)
{
    public const int MaxWebhooks = 1_000;

    /// <summary>Of the document. Every process that pushes reads it each <see cref="WebhookDesk.LookIntoBookEvery"/>.</summary>
    public const int MaxBytes = 1 << 20;

    private const int Attempts = 5;

    private Seen _seen = new([], 0);

    private sealed record Seen(IReadOnlyList<Webhook> Webhooks, long Version);

    public IReadOnlyList<Webhook> Webhooks => Volatile.Read(ref _seen).Webhooks;

    public Webhook? Find(TopicName topic, GroupName group) => Webhooks.FirstOrDefault(webhook => webhook.Topic == topic && webhook.Group == group);

    /// <exception cref="FormatException">What is stored can't be read.</exception>
    public async ValueTask Look(CancellationToken cancel) => Learn(await Load(cancel));

    /// <summary>Whether a change of what is known now would be refused; it changes nothing.</summary>
    /// <exception cref="MqException">It would be.</exception>
    public void Check(TopicName topic, GroupName group, Func<Webhook?, Webhook?> change) => Checked(With(Webhooks, topic, group, change));

    /// <summary>Puts one in the place of another of its group, or takes that away; tried again where somebody else wrote first.</summary>
    /// <param name="change">From the present one, which may be null, to the next; null takes it away.</param>
    /// <exception cref="MqException"><see cref="ErrorCodes.Conflict"/>: there is no room, or no end of others' writes.</exception>
    public async ValueTask Change(TopicName topic, GroupName group, Func<Webhook?, Webhook?> change, CancellationToken cancel)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var seen = await Load(cancel);
            var next = With(seen.Webhooks, topic, group, change);
            var document = Checked(next);
            if (await store.Save(document, seen.Version, cancel) is { } version)
            {
                Learn(new Seen(next, version));
                return;
            }
        }

        throw new MqException(ErrorCodes.Conflict, "Others change webhooks at the same moment.", TimeSpan.FromSeconds(1));
    }

    private static ReadOnlyMemory<byte> Checked(IReadOnlyList<Webhook> webhooks)
    {
        var document = WebhookDocument.Write(webhooks);
        if (document.Length > MaxBytes)
            throw new MqException(ErrorCodes.Conflict, $"The webhooks would take {document.Length} bytes, and {MaxBytes} are all there can be.");
        // What could not be read again is refused now, and not by the next process.
        _ = WebhookDocument.Read(document);
        return document;
    }

    // A look that began before a change may end after it.
    private void Learn(Seen next)
    {
        while (Volatile.Read(ref _seen) is var seen && next.Version > seen.Version && Interlocked.CompareExchange(ref _seen, next, seen) != seen)
        {
        }
    }

    private static IReadOnlyList<Webhook> With(IReadOnlyList<Webhook> webhooks, TopicName topic, GroupName group, Func<Webhook?, Webhook?> change)
    {
        var present = webhooks.FirstOrDefault(webhook => webhook.Topic == topic && webhook.Group == group);
        var next = change(present);
        if (next is not null && present is null && webhooks.Count >= MaxWebhooks)
            throw new MqException(ErrorCodes.Conflict, $"There are {MaxWebhooks} webhooks, all there can be.");
        return
        [
            .. webhooks.Where(webhook => webhook != present).Concat(next is null ? [] : [next])
                .OrderBy(webhook => webhook.Topic.Text, StringComparer.Ordinal).ThenBy(webhook => webhook.Group.Text, StringComparer.Ordinal),
        ];
    }

    private async ValueTask<Seen> Load(CancellationToken cancel)
    {
        if (await store.Load(cancel) is not { } stored)
            return new Seen([], 0);
        var seen = Volatile.Read(ref _seen);
        return stored.Version == seen.Version ? seen : new Seen(WebhookDocument.Read(stored.Bytes), stored.Version);
    }
}

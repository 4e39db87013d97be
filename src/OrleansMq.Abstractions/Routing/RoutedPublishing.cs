namespace OrleansMq;

/// <summary>What became of a message that was sent to an exchange.</summary>
/// <param name="Copies">One for each topic it went to, in ordinal order of their names.</param>
public sealed record RoutedResult(IReadOnlyList<RoutedCopy> Copies)
{
    /// <summary>It matched nothing, and no alternate took it: it is stored nowhere.</summary>
    public bool Unroutable => Copies.Count == 0;
}

/// <summary>One topic's answer.</summary>
public readonly record struct RoutedCopy(TopicName Topic, PublishResult Result);

/// <summary>Sending to an exchange, over every broker: the broker says where to, then each topic gets its messages as ever.</summary>
public static class RoutedPublishing
{
    /// <summary>
    /// Sends each message to the topics that the exchange's bindings choose for it. Each topic stores on its own: one may refuse where another took. Sent again with
    /// the same <see cref="Message.Token"/>, a message is stored where it was missing and nowhere twice.
    /// </summary>
    /// <returns>A result for each message, in the order given.</returns>
    /// <exception cref="MqException"><see cref="ErrorCodes.ExchangeUnknown"/>, or the request is malformed: nothing was sent.</exception>
    public static async ValueTask<IReadOnlyList<RoutedResult>> PublishTo(
        this IBroker broker, ExchangeName exchange, IReadOnlyList<Message> messages, PublishOptions? options = null, CancellationToken cancel = default)
    {
        if (messages.Count == 0)
            return [];
        foreach (var message in messages)
            MessageCodec.Validate(message ?? throw new MqException(ErrorCodes.Malformed, "A message is null."));
        var routes = await broker.Route(exchange, [.. messages.Select(RoutingFacts.Of)], cancel);
        var shares = Shares(routes);
        var answers = await Task.WhenAll(shares.Select(async share => (share.Key, Results: await Send(broker, share.Key, share.Value, messages, options, cancel))));
        var byTopic = answers.ToDictionary(answer => answer.Key, answer => answer.Results);
        return [.. routes.Select((topics, index) => new RoutedResult([.. topics.Select(topic => new RoutedCopy(topic, byTopic[topic][index]))]))];
    }

    /// <summary>Topic to the indexes of its messages, in the order given.</summary>
    private static Dictionary<TopicName, List<int>> Shares(IReadOnlyList<IReadOnlyList<TopicName>> routes)
    {
        var shares = new Dictionary<TopicName, List<int>>();
        for (var i = 0; i < routes.Count; i++)
        {
            foreach (var topic in routes[i])
            {
                if (!shares.TryGetValue(topic, out var share))
                    shares[topic] = share = [];
                share.Add(i);
            }
        }

        return shares;
    }

    private static async Task<Dictionary<int, PublishResult>> Send(
        IBroker broker, TopicName topic, List<int> share, IReadOnlyList<Message> messages, PublishOptions? options, CancellationToken cancel)
    {
        try
        {
            var results = await broker.Publish(topic, [.. share.Select(index => messages[index])], options, cancel);
            return Enumerable.Range(0, share.Count).ToDictionary(i => share[i], i => results[i]);
        }
        catch (MqException refused)
        {
            // The whole topic's refusal is each message's: what other topics stored must still be told.
            return share.ToDictionary(index => index, _ => new PublishResult(default, false, refused.Error));
        }
    }
}

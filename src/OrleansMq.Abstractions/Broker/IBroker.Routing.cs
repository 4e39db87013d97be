namespace OrleansMq;

/// <summary>Exchanges: names that a message is sent to, and that decide to which topics it goes.</summary>
public partial interface IBroker
{
    /// <summary>Creates the exchange, or changes its alternate where it exists.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Conflict"/>: it exists with another kind; <see cref="ErrorCodes.ExchangeUnknown"/>: the alternate is not there.</exception>
    ValueTask<ExchangeDescription> PutExchange(ExchangeName exchange, ExchangeChange change, CancellationToken cancel = default);

    ValueTask<ExchangeDescription> DescribeExchange(ExchangeName exchange, CancellationToken cancel = default);

    /// <summary>Deletes the exchange with its bindings.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Conflict"/>: another exchange leads to it.</exception>
    ValueTask DeleteExchange(ExchangeName exchange, CancellationToken cancel = default);

    /// <inheritdoc cref="ListTopics"/>
    ValueTask<Page<ExchangeName>> ListExchanges(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default);

    /// <summary>From the answer on, messages that match go to the binding's target too.</summary>
    /// <returns>False: the same binding was there already.</returns>
    /// <exception cref="MqException"><see cref="ErrorCodes.TopicUnknown"/>, <see cref="ErrorCodes.ExchangeUnknown"/>: the exchange or the target is not there.</exception>
    ValueTask<bool> Bind(ExchangeName exchange, Binding binding, CancellationToken cancel = default);

    /// <returns>False: there was no such binding.</returns>
    ValueTask<bool> Unbind(ExchangeName exchange, Binding binding, CancellationToken cancel = default);

    /// <summary>Where messages would go; nothing is sent. <see cref="RoutedPublishing.PublishTo"/> sends.</summary>
    /// <returns>For each message the topics in ordinal order, each once; none where it matches nothing and no alternate takes it.</returns>
    ValueTask<IReadOnlyList<IReadOnlyList<TopicName>>> Route(ExchangeName exchange, IReadOnlyList<RoutingFacts> messages, CancellationToken cancel = default);
}

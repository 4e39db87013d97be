namespace OrleansMq;

/// <summary>Exchanges.</summary>
public sealed partial class EmbeddedBroker
{
    public ValueTask<ExchangeDescription> PutExchange(ExchangeName exchange, ExchangeChange change, CancellationToken cancel = default) => Open(() => _exchanges.Put(exchange, change));

    public ValueTask<ExchangeDescription> DescribeExchange(ExchangeName exchange, CancellationToken cancel = default) => Open(() => _exchanges.Describe(exchange));

    public async ValueTask DeleteExchange(ExchangeName exchange, CancellationToken cancel = default)
    {
        ThrowIfClosed();
        await _exchanges.Delete(exchange);
    }

    public ValueTask<Page<ExchangeName>> ListExchanges(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default) =>
        Open(() => _exchanges.List(prefix, after, max));

    public ValueTask<bool> Bind(ExchangeName exchange, Binding binding, CancellationToken cancel = default) => Open(() => _exchanges.Bind(exchange, binding));

    public ValueTask<bool> Unbind(ExchangeName exchange, Binding binding, CancellationToken cancel = default) => Open(() => _exchanges.Unbind(exchange, binding));

    public ValueTask<IReadOnlyList<IReadOnlyList<TopicName>>> Route(ExchangeName exchange, IReadOnlyList<RoutingFacts> messages, CancellationToken cancel = default) =>
        Open(() => _exchanges.Route(exchange, messages));

    private ValueTask<T> Open<T>(Func<ValueTask<T>> ask)
    {
        ThrowIfClosed();
        return ask();
    }
}

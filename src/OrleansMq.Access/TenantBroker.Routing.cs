namespace OrleansMq.Access;

/// <summary>Exchanges. What an operator bound to something outside of the tenant is neither shown nor followed.</summary>
internal sealed partial class TenantBroker
{
    public async ValueTask<ExchangeDescription> PutExchange(ExchangeName exchange, ExchangeChange change, CancellationToken cancel = default)
    {
        if (change.Alternate.Value is { } alternate)
            change = change with { Alternate = Change<ExchangeName?>.To(_names.In(alternate)) };
        return Out(await Shown(_inner.PutExchange(_names.In(exchange), change, cancel)), exchange);
    }

    public async ValueTask<ExchangeDescription> DescribeExchange(ExchangeName exchange, CancellationToken cancel = default) =>
        Out(await Shown(_inner.DescribeExchange(_names.In(exchange), cancel)), exchange);

    public ValueTask DeleteExchange(ExchangeName exchange, CancellationToken cancel = default) => _names.Shown(_inner.DeleteExchange(_names.In(exchange), cancel));

    public async ValueTask<Page<ExchangeName>> ListExchanges(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default) =>
        _names.Out(await Shown(_inner.ListExchanges(_names.InList(prefix), _names.InList(after), max, cancel)), exchange => exchange.Text, (exchange, text) => text);

    public ValueTask<bool> Bind(ExchangeName exchange, Binding binding, CancellationToken cancel = default) => Shown(_inner.Bind(_names.In(exchange), In(binding), cancel));

    public ValueTask<bool> Unbind(ExchangeName exchange, Binding binding, CancellationToken cancel = default) => Shown(_inner.Unbind(_names.In(exchange), In(binding), cancel));

    public async ValueTask<IReadOnlyList<IReadOnlyList<TopicName>>> Route(ExchangeName exchange, IReadOnlyList<RoutingFacts> messages, CancellationToken cancel = default) =>
    [
        .. (await Shown(_inner.Route(_names.In(exchange), messages, cancel)))
            .Select(IReadOnlyList<TopicName> (topics) => [.. topics.Where(topic => _names.IsOurs(topic.Text)).Select(topic => new TopicName(_names.Out(topic.Text)))]),
    ];

    private ExchangeDescription Out(ExchangeDescription found, ExchangeName exchange) => found with
    {
        Name = exchange,
        Alternate = found.Alternate is { } alternate && _names.IsOurs(alternate.Text) ? new ExchangeName(_names.Out(alternate.Text)) : default(ExchangeName?),
        Bindings = [.. found.Bindings.Where(IsOurs).Select(Out)],
    };

    private bool IsOurs(Binding binding) => _names.IsOurs(binding.Topic?.Text ?? binding.Exchange?.Text ?? "");

    private Binding In(Binding binding) => binding with
    {
        Topic = binding.Topic is { } topic ? _names.In(topic) : default(TopicName?),
        Exchange = binding.Exchange is { } exchange ? _names.In(exchange) : default(ExchangeName?),
    };

    private Binding Out(Binding binding) => binding with
    {
        Topic = binding.Topic is { } topic ? new TopicName(_names.Out(topic.Text)) : default(TopicName?),
        Exchange = binding.Exchange is { } exchange ? new ExchangeName(_names.Out(exchange.Text)) : default(ExchangeName?),
    };
}

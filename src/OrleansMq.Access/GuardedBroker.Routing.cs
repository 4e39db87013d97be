namespace OrleansMq.Access;

/// <summary>Exchanges. Whoever sends to one needs to be allowed to send to it and, as ever, to each topic that it leads to.</summary>
public sealed partial class GuardedBroker
{
    public async ValueTask<ExchangeDescription> PutExchange(ExchangeName exchange, ExchangeChange change, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Create | AccessOperations.Alter, ResourceKind.Exchange, exchange.Text);
        // What it leads to may be asked for by way of it.
        if (change.Alternate.Value is { } alternate)
            Demand(AccessOperations.Describe, ResourceKind.Exchange, alternate.Text);
        if (!(May(AccessOperations.Create, ResourceKind.Exchange, exchange.Text) && May(AccessOperations.Alter, ResourceKind.Exchange, exchange.Text)))
            Demand(await ExchangeExists(exchange, cancel) ? AccessOperations.Alter : AccessOperations.Create, ResourceKind.Exchange, exchange.Text);
        var put = await _inner.PutExchange(exchange, change, cancel);
        Done(put.Created ? "createExchange" : "alterExchange", $"exchange {exchange}");
        return put;
    }

    public async ValueTask<ExchangeDescription> DescribeExchange(ExchangeName exchange, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Describe, ResourceKind.Exchange, exchange.Text);
        return await _inner.DescribeExchange(exchange, cancel);
    }

    public async ValueTask DeleteExchange(ExchangeName exchange, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Delete, ResourceKind.Exchange, exchange.Text);
        await _inner.DeleteExchange(exchange, cancel);
        Done("deleteExchange", $"exchange {exchange}");
    }

    public ValueTask<Page<ExchangeName>> ListExchanges(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default) => Visible(
        from => _inner.ListExchanges(prefix, from, max, cancel), after, max, exchange => exchange.Text, exchange => May(AccessOperations.Describe, ResourceKind.Exchange, exchange.Text));

    public async ValueTask<bool> Bind(ExchangeName exchange, Binding binding, CancellationToken cancel = default)
    {
        DemandBinding(exchange, binding);
        var bound = await _inner.Bind(exchange, binding, cancel);
        Done("bind", $"exchange {exchange} {binding}");
        return bound;
    }

    public async ValueTask<bool> Unbind(ExchangeName exchange, Binding binding, CancellationToken cancel = default)
    {
        DemandBinding(exchange, binding);
        var unbound = await _inner.Unbind(exchange, binding, cancel);
        Done("unbind", $"exchange {exchange} {binding}");
        return unbound;
    }

    public async ValueTask<IReadOnlyList<IReadOnlyList<TopicName>>> Route(ExchangeName exchange, IReadOnlyList<RoutingFacts> messages, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Produce, ResourceKind.Exchange, exchange.Text);
        return await _inner.Route(exchange, messages, cancel);
    }

    /// <summary>The answer says whether the target is there, so it has to be one that the caller may see.</summary>
    private void DemandBinding(ExchangeName exchange, Binding binding)
    {
        Demand(AccessOperations.Alter, ResourceKind.Exchange, exchange.Text);
        if (binding.Topic is { } topic)
            Demand(AccessOperations.Describe, ResourceKind.Topic, topic.Text);
        if (binding.Exchange is { } target)
            Demand(AccessOperations.Describe, ResourceKind.Exchange, target.Text);
    }

    private async ValueTask<bool> ExchangeExists(ExchangeName exchange, CancellationToken cancel)
    {
        try
        {
            await _inner.DescribeExchange(exchange, cancel);
            return true;
        }
        catch (MqException e) when (e.Code == ErrorCodes.ExchangeUnknown)
        {
            return false;
        }
    }
}

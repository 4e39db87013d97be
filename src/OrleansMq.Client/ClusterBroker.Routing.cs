using OrleansMq.Client;

namespace OrleansMq;

/// <summary>Exchanges.</summary>
public sealed partial class ClusterBroker
{
    public async ValueTask<ExchangeDescription> PutExchange(ExchangeName exchange, ExchangeChange change, CancellationToken cancel = default) =>
        await _failover.Ask(() => Cluster.PutExchange(exchange, change), Repeat.Freely, cancel);

    public async ValueTask<ExchangeDescription> DescribeExchange(ExchangeName exchange, CancellationToken cancel = default) =>
        await _failover.Ask(() => Cluster.DescribeExchange(exchange), Repeat.Freely, cancel);

    public async ValueTask DeleteExchange(ExchangeName exchange, CancellationToken cancel = default) =>
        await _failover.Ask(async repeated =>
        {
            try
            {
                await Cluster.DeleteExchange(exchange);
            }
            catch (MqException gone) when (repeated && gone.Code == ErrorCodes.ExchangeUnknown)
            {
                // The try that nobody heard of deleted it.
            }

            return true;
        }, Repeat.Freely, cancel);

    public async ValueTask<Page<ExchangeName>> ListExchanges(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default) =>
        await _failover.Ask(() => Cluster.ListExchanges(prefix, after, max), Repeat.Freely, cancel);

    public async ValueTask<bool> Bind(ExchangeName exchange, Binding binding, CancellationToken cancel = default) =>
        await _failover.Ask(() => Cluster.Bind(exchange, binding), Repeat.Freely, cancel);

    public async ValueTask<bool> Unbind(ExchangeName exchange, Binding binding, CancellationToken cancel = default) =>
        await _failover.Ask(() => Cluster.Unbind(exchange, binding), Repeat.Freely, cancel);

    public async ValueTask<IReadOnlyList<IReadOnlyList<TopicName>>> Route(ExchangeName exchange, IReadOnlyList<RoutingFacts> messages, CancellationToken cancel = default) =>
        await _failover.Ask(() => Cluster.Route(exchange, [.. messages]), Repeat.Freely, cancel);
}

using Orleans.Concurrency;
using OrleansMq.Client.Grains;
using OrleansMq.Server.Placement;
using OrleansMq.Server.Transactions;

namespace OrleansMq.Server;

/// <summary>Answers, on the silo that was asked, what belongs to no topic.</summary>
[StatelessWorker, Reentrant]
internal sealed class BrokerGrain(BrokerSilo silo) : Grain, IBrokerGrain
{
    public async Task<ProducerIdentity> OpenProducer(string? name) => await silo.Producers.Open(name);

    public async Task<Page<TopicName>> ListTopics(string prefix, string? after, int max)
    {
        PageSize.Check(max);
        var names = (await silo.Catalog.TopicNames())
            .Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && (after is null || string.CompareOrdinal(name, after) > 0));
        var page = new List<TopicName>();
        // A name without a document is no topic.
        foreach (var some in names.Chunk(100))
        {
            var exist = await Task.WhenAll(some.Select(name => silo.IsTopic(name)));
            for (var i = 0; i < some.Length; i++)
            {
                if (!exist[i])
                    continue;
                if (page.Count == max)
                    return new Page<TopicName>(page, page[^1].Text);
                page.Add(some[i]);
            }
        }

        return new Page<TopicName>(page, null);
    }

    public async Task<ExchangeDescription> PutExchange(ExchangeName exchange, ExchangeChange change) => await silo.Exchanges.Put(exchange, change);

    public async Task<ExchangeDescription> DescribeExchange(ExchangeName exchange) => await silo.Exchanges.Describe(exchange);

    public async Task DeleteExchange(ExchangeName exchange) => await silo.Exchanges.Delete(exchange);

    public async Task<Page<ExchangeName>> ListExchanges(string prefix, string? after, int max) => await silo.Exchanges.List(prefix, after, max);

    public async Task<bool> Bind(ExchangeName exchange, Binding binding) => await silo.Exchanges.Bind(exchange, binding);

    public async Task<bool> Unbind(ExchangeName exchange, Binding binding) => await silo.Exchanges.Unbind(exchange, binding);

    public async Task<TopicName[][]> Route(ExchangeName exchange, RoutingFacts[] messages) =>
        [.. (await silo.Exchanges.Route(exchange, messages)).Select(topics => topics.ToArray())];

    public async Task<Page<CoordinatedGroup>> ListCoordinated(string? after, int max)
    {
        PageSize.Check(max);
        var page = new List<CoordinatedGroup>();
        foreach (var name in await silo.Catalog.CoordinationNames())
        {
            if (after is not null && string.CompareOrdinal(name, after) <= 0)
                continue;
            if (page.Count == max)
                return new Page<CoordinatedGroup>(page, page[^1].Name.Text);
            try
            {
                page.Add((await GrainCalls.Ask(() => GrainFactory.GetGrain<ICoordinationGrain>(name).Describe())) with { Members = [] });
            }
            catch (MqException gone) when (gone.Code == ErrorCodes.GroupUnknown)
            {
                // A name without a document is no group.
            }
        }

        return new Page<CoordinatedGroup>(page, null);
    }

    public async Task<TransactionPartition[]> PendingTransactions(GroupName group)
    {
        var names = await silo.Catalog.PendingNames(group);
        var pending = await Task.WhenAll(names.Select(key => GrainCalls.Ask(() => GrainFactory.GetGrain<ITransactionOwner>(key).Pending(group))));
        return [.. pending.SelectMany(each => each)];
    }

    public async Task<Page<TransactionDescription>> ListTransactions(string? after, int max)
    {
        PageSize.Check(max);
        var names = (await silo.Catalog.TransactionNames()).Where(name => after is null || string.CompareOrdinal(name, after) > 0).Take(max + 1).ToList();
        var some = names.Count > max ? names[..max] : names;
        var found = await Task.WhenAll(some.Select(key => GrainCalls.Ask(() => GrainFactory.GetGrain<ITransactionOwner>(key).Describe())));
        return new Page<TransactionDescription>([.. found.OfType<TransactionDescription>()], names.Count > max ? some[^1] : null);
    }

    public async Task<ClusterDescription> DescribeCluster()
    {
        var nodes = await Task.WhenAll(silo.ActiveSilos.Select(async address =>
        {
            try
            {
                return await GrainCalls.Ask(() => GrainFactory.GetGrain<INodeGrain>(address.ToParsableString()).Describe());
            }
            catch (MqException)
            {
                // It is leaving, or its loss is not noticed yet.
                return null;
            }
        }));
        return new ClusterDescription(silo.Version, [.. nodes.OfType<NodeDescription>().OrderBy(node => node.Node, StringComparer.Ordinal)]);
    }
}

/// <summary>Speaks for one silo. Its key is the silo's address, and it lives nowhere else.</summary>
[Alias("OrleansMq.INodeGrain")]
internal interface INodeGrain : IGrainWithStringKey
{
    [Alias("Describe"), ResponseTimeout("00:00:05")]
    Task<NodeDescription> Describe();
}

[NodePlacement]
internal sealed class NodeGrain(BrokerSilo silo) : Grain, INodeGrain
{
    public Task<NodeDescription> Describe() => Task.FromResult(new NodeDescription(silo.Name, silo.Gateways));
}

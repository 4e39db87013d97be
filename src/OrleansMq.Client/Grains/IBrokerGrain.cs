namespace OrleansMq.Client.Grains;

/// <summary>What belongs to no topic; answered by any silo. For <see cref="ClusterBroker"/>; applications use <see cref="IBroker"/>.</summary>
[Alias("OrleansMq.IBrokerGrain")]
public interface IBrokerGrain : IGrainWithIntegerKey
{
    [Alias("OpenProducer"), ResponseTimeout("00:00:15")]
    Task<ProducerIdentity> OpenProducer(string? name);

    [Alias("ListTopics")]
    Task<Page<TopicName>> ListTopics(string prefix, string? after, int max);

    [Alias("PutExchange"), ResponseTimeout("00:00:15")]
    Task<ExchangeDescription> PutExchange(ExchangeName exchange, ExchangeChange change);

    [Alias("DescribeExchange")]
    Task<ExchangeDescription> DescribeExchange(ExchangeName exchange);

    [Alias("DeleteExchange"), ResponseTimeout("00:00:15")]
    Task DeleteExchange(ExchangeName exchange);

    [Alias("ListExchanges")]
    Task<Page<ExchangeName>> ListExchanges(string prefix, string? after, int max);

    [Alias("Bind"), ResponseTimeout("00:00:15")]
    Task<bool> Bind(ExchangeName exchange, Binding binding);

    [Alias("Unbind"), ResponseTimeout("00:00:15")]
    Task<bool> Unbind(ExchangeName exchange, Binding binding);

    /// <returns>The topics of each message, in the order given.</returns>
    [Alias("Route")]
    Task<TopicName[][]> Route(ExchangeName exchange, RoutingFacts[] messages);

    /// <summary>Groups whose members assign partitions themselves, in ordinal order.</summary>
    [Alias("ListCoordinated")]
    Task<Page<CoordinatedGroup>> ListCoordinated(string? after, int max);

    /// <inheritdoc cref="ITransactionCoordinator.Pending"/>
    [Alias("PendingTransactions"), ResponseTimeout("00:00:15")]
    Task<TransactionPartition[]> PendingTransactions(GroupName group);

    /// <inheritdoc cref="ITransactionCoordinator.List"/>
    [Alias("ListTransactions")]
    Task<Page<TransactionDescription>> ListTransactions(string? after, int max);

    [Alias("DescribeCluster")]
    Task<ClusterDescription> DescribeCluster();
}

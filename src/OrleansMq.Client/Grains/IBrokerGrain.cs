namespace OrleansMq.Client.Grains;

/// <summary>What belongs to no topic; answered by any silo. For <see cref="ClusterBroker"/>; applications use <see cref="IBroker"/>.</summary>
[Alias("OrleansMq.IBrokerGrain")]
public interface IBrokerGrain : IGrainWithIntegerKey
{
    [Alias("OpenProducer"), ResponseTimeout("00:00:15")]
    Task<ProducerIdentity> OpenProducer(string? name);

    [Alias("ListTopics")]
    Task<Page<TopicName>> ListTopics(string prefix, string? after, int max);

    /// <summary>Groups whose members assign partitions themselves, in ordinal order.</summary>
    [Alias("ListCoordinated")]
    Task<Page<CoordinatedGroup>> ListCoordinated(string? after, int max);

    [Alias("DescribeCluster")]
    Task<ClusterDescription> DescribeCluster();
}

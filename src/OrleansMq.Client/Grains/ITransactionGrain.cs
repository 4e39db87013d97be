namespace OrleansMq.Client.Grains;

/// <summary>
/// A transactional id. Its key is <see cref="TransactionalId.Key"/>; the id itself goes with each call, for it may be one that no key can be. For
/// <see cref="ClusterBroker"/>; applications use <see cref="ITransactionCoordinator"/>.
/// </summary>
[Alias("OrleansMq.ITransactionGrain")]
public interface ITransactionGrain : IGrainWithStringKey
{
    [Alias("Open"), ResponseTimeout("00:00:05")]
    Task<ProducerIdentity> Open(string id, TimeSpan timeout, ProducerIdentity? known);

    [Alias("AddPartitions"), ResponseTimeout("00:00:05")]
    Task<MqError?[]> AddPartitions(string id, ProducerIdentity producer, [Immutable] TransactionPartition[] partitions);

    [Alias("AddOffsets"), ResponseTimeout("00:00:05")]
    Task AddOffsets(string id, ProducerIdentity producer, GroupName group, MemberRef? member, [Immutable] GroupOffset[] offsets);

    [Alias("End"), ResponseTimeout("00:00:05")]
    Task<ProducerIdentity> End(string id, ProducerIdentity producer, bool commit, bool newEpoch);

    [Alias("Abort"), ResponseTimeout("00:00:05")]
    Task Abort(string id);
}

using OrleansMq.Client.Grains;

namespace OrleansMq.Client;

/// <summary>Transactional ids, each a grain of the cluster. A call whose answer was lost is made again: the grain's state knows what the first one did.</summary>
internal sealed class ClusterTransactions(IGrainFactory grains, Failover failover) : ITransactionCoordinator
{
    public async ValueTask<ProducerIdentity> Open(string id, TimeSpan timeout, ProducerIdentity? known = null, CancellationToken cancel = default) =>
        await failover.Ask(() => Grain(id).Open(id, timeout, known), Repeat.Freely, cancel);

    public async ValueTask<IReadOnlyList<MqError?>> AddPartitions(string id, ProducerIdentity producer, IReadOnlyList<TransactionPartition> partitions, CancellationToken cancel = default) =>
        await failover.Ask(async () =>
        {
            var errors = await Grain(id).AddPartitions(id, producer, [.. partitions]);
            // One whose silo is lost comes back: all are asked again, which changes nothing for the others.
            return Array.Find(errors, error => error?.Code is ErrorCodes.PartitionUnavailable or ErrorCodes.OutcomeUnknown) is { } away ? throw new MqException(away) : errors;
        }, Repeat.Freely, cancel);

    public async ValueTask AddOffsets(string id, ProducerIdentity producer, GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets, CancellationToken cancel = default) =>
        await failover.Ask(() => Grain(id).AddOffsets(id, producer, group, member, [.. offsets]), Repeat.Freely, cancel);

    public async ValueTask<ProducerIdentity> End(string id, ProducerIdentity producer, bool commit, bool newEpoch, CancellationToken cancel = default) =>
        await failover.Ask(() => Grain(id).End(id, producer, commit, newEpoch), Repeat.Freely, cancel);

    public async ValueTask<IReadOnlyList<TransactionPartition>> Pending(GroupName group, CancellationToken cancel = default) =>
        await failover.Ask(() => Cluster.PendingTransactions(group), Repeat.Freely, cancel);

    public async ValueTask<Page<TransactionDescription>> List(string? after = null, int max = 100, CancellationToken cancel = default) =>
        await failover.Ask(() => Cluster.ListTransactions(after, max), Repeat.Freely, cancel);

    public async ValueTask Abort(string id, CancellationToken cancel = default) => await failover.Ask(async repeated =>
    {
        try
        {
            await Grain(id).Abort(id);
        }
        catch (MqException over) when (repeated && over.Code == ErrorCodes.TransactionState)
        {
            // The try that nobody heard of aborted it.
        }

        return true;
    }, Repeat.Freely, cancel);

    private IBrokerGrain Cluster => grains.GetGrain<IBrokerGrain>(0);

    private ITransactionGrain Grain(string id) => grains.GetGrain<ITransactionGrain>(new TransactionalId(id).Key);
}

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>The transactions of a <see cref="ScriptedBroker"/>, noted there.</summary>
internal sealed class ScriptedTransactions(ScriptedBroker broker) : ITransactionCoordinator
{
    public static readonly ProducerIdentity Producer = new(7, 2);

    public static readonly TransactionDescription Open = new(
        "etl/ö", TransactionPhase.Ongoing, Producer, ScriptedBroker.Then, ScriptedBroker.Then, ScriptedBroker.Then.AddMinutes(1), [new TransactionPartition("t", 3)], [new GroupName("g")]);

    ValueTask<ProducerIdentity> ITransactionCoordinator.Open(string id, TimeSpan timeout, ProducerIdentity? known, CancellationToken cancel) =>
        broker.Change(Producer, cancel, "Transactions.Open", id, timeout, known);

    public ValueTask<IReadOnlyList<MqError?>> AddPartitions(string id, ProducerIdentity producer, IReadOnlyList<TransactionPartition> partitions, CancellationToken cancel = default) =>
        broker.Change<IReadOnlyList<MqError?>>(
            [.. partitions.Select(partition => partition.Partition == 9 ? new MqError(ErrorCodes.PartitionUnavailable, "Away.", TimeSpan.FromSeconds(2)) : null)],
            cancel, "Transactions.AddPartitions", id, producer, partitions);

    public async ValueTask AddOffsets(string id, ProducerIdentity producer, GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets, CancellationToken cancel = default) =>
        await broker.Change(0, cancel, "Transactions.AddOffsets", id, producer, group, member, offsets);

    public ValueTask<ProducerIdentity> End(string id, ProducerIdentity producer, bool commit, bool newEpoch, CancellationToken cancel = default) =>
        broker.Change(Producer, cancel, "Transactions.End", id, producer, commit, newEpoch);

    public ValueTask<IReadOnlyList<TransactionPartition>> Pending(GroupName group, CancellationToken cancel = default) =>
        broker.Look<IReadOnlyList<TransactionPartition>>([new TransactionPartition("t", 3)], cancel, "Transactions.Pending", group);

    public ValueTask<Page<TransactionDescription>> List(string? after = null, int max = 100, CancellationToken cancel = default) =>
        broker.Look(new Page<TransactionDescription>([Open], "next"), cancel, "Transactions.List", after, max);

    public async ValueTask Abort(string id, CancellationToken cancel = default) => await broker.Change(0, cancel, "Transactions.Abort", id);
}

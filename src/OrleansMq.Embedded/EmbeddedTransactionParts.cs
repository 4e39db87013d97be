using OrleansMq.Core.Transactions;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Transactions;
using OrleansMq.Records;

namespace OrleansMq.Embedded;

/// <summary>The partitions and groups of this process.</summary>
internal sealed class EmbeddedTransactionParts(EmbeddedBroker broker, GroupCoordinator groups) : ITransactionParts
{
    public async ValueTask<long> NewProducerId() => (await broker.OpenProducer()).Id;

    public async ValueTask Begin(TransactionPartition partition, OpenTransaction begun) =>
        await (await (await broker.Topic(partition.Topic)).Partition(partition.Partition)).BeginTransaction(begun);

    public async ValueTask End(TransactionPartition partition, ProducerIdentity producer, TransactionOutcome outcome, long term) =>
        await (await (await broker.Topic(partition.Topic)).Partition(partition.Partition)).EndTransaction(producer, outcome, term);

    public ValueTask CheckMember(GroupName group, MemberRef member) => groups.Check(group, member);

    public ValueTask<IReadOnlyList<MqError?>> MoveCursors(GroupName group, IReadOnlyList<GroupOffset> offsets, DecidedTerm term) => groups.CommitDecided(group, offsets, term);
}

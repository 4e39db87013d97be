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

    public async ValueTask Open(IReadOnlyList<GroupOffset> offsets)
    {
        foreach (var (topic, partition) in offsets.Select(offset => (offset.Topic, offset.Partition)).Distinct())
        {
            try
            {
                await (await broker.Topic(topic)).Partition(partition);
            }
            catch (MqException)
            {
                // Its cursor is not moved, then, and moving it says why.
            }
        }
    }

    public ValueTask<IReadOnlyList<MqError?>> MoveCursors(GroupName group, IReadOnlyList<GroupOffset> offsets, DecidedTerm term) => groups.CommitDecided(group, offsets, term);
}

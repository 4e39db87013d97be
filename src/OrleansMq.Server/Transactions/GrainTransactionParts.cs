using OrleansMq.Client.Grains;
using OrleansMq.Core.Transactions;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Transactions;
using OrleansMq.Records;
using OrleansMq.Server.Groups;
using OrleansMq.Server.Partitions;

namespace OrleansMq.Server.Transactions;

/// <summary>The partitions and groups of the cluster, as a coordinator reaches for them.</summary>
internal sealed class GrainTransactionParts(IGrainFactory grains, BrokerSilo silo) : ITransactionParts
{
    private const int MaxTopics = 1_000;

    /// <summary>What topics' names meant when they were last asked.</summary>
    private readonly Dictionary<TopicName, TopicTarget> _topics = [];

    public async ValueTask<long> NewProducerId() => (await silo.Producers.Open(null)).Id;

    public ValueTask Begin(TransactionPartition partition, OpenTransaction begun) =>
        On(partition, owner => owner.BeginTransaction(begun.Producer, begun.Key, begun.Term, begun.DueMs));

    public ValueTask End(TransactionPartition partition, ProducerIdentity producer, TransactionOutcome outcome, long term) =>
        On(partition, owner => owner.EndTransaction(producer, outcome == TransactionOutcome.Commit, term));

    public async ValueTask CheckMember(GroupName group, MemberRef member) => await GrainCalls.Ask(() => Coordination(group).Check(member));

    /// <summary>There is one activation of a partition, wherever it is: nobody is kept out by it.</summary>
    public ValueTask Open(IReadOnlyList<GroupOffset> offsets) => default;

    public async ValueTask<IReadOnlyList<MqError?>> MoveCursors(GroupName group, IReadOnlyList<GroupOffset> offsets, DecidedTerm term) =>
        await GrainCalls.Ask(() => Coordination(group).CommitDecided([.. offsets], term.Key, term.ProducerId, term.Term));

    /// <summary>A topic may have been made anew, or have grown, since its name was asked: before it is believed that something is not there, it is asked again.</summary>
    private async ValueTask On(TransactionPartition partition, Func<IPartitionOwner, Task> act)
    {
        if (_topics.TryGetValue(partition.Topic, out var known))
        {
            try
            {
                await GrainCalls.Ask(() => act(Owner(known, partition)));
                return;
            }
            catch (MqException gone) when (gone.Code is ErrorCodes.TopicUnknown or ErrorCodes.PartitionUnknown)
            {
                _topics.Remove(partition.Topic);
            }
        }

        var target = await GrainCalls.Ask(() => grains.GetGrain<ITopicGrain>(partition.Topic.Text).Resolve());
        if (target.DeadLettersOf is not null)
            throw new MqException(ErrorCodes.Conflict, $"'{partition.Topic}' are a group's dead letters: they can be read, redriven and discarded, nothing else.");
        if (_topics.Count >= MaxTopics)
            _topics.Clear();
        _topics[partition.Topic] = target;
        await GrainCalls.Ask(() => act(Owner(target, partition)));
    }

    private IPartitionOwner Owner(TopicTarget target, TransactionPartition partition) =>
        partition.Partition >= 0 && partition.Partition < target.Settings.Partitions
            ? grains.GetGrain<IPartitionOwner>(GrainKeys.Partition(target.Id, target.Topic, partition.Partition))
            : throw new MqException(ErrorCodes.PartitionUnknown, $"Topic '{target.Topic}' has {target.Settings.Partitions} partitions; {partition.Partition} was asked.");

    private ICoordinationOwner Coordination(GroupName group) => grains.GetGrain<ICoordinationOwner>(group.Text);
}

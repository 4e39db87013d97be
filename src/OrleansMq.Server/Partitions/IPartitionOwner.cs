using Orleans.Concurrency;
using OrleansMq.Client.Wire;
using OrleansMq.Core.Dedup;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Topics;
using OrleansMq.Server.Placement;
using OrleansMq.Server.Topics;

namespace OrleansMq.Server.Partitions;

/// <summary>What the topic's and the groups' grains ask of a partition's grain.</summary>
[Alias("OrleansMq.IPartitionOwner")]
internal interface IPartitionOwner : IMovableGrain
{
    /// <param name="deadLettersOf">Null: of the partition itself.</param>
    [Alias("DescribePartition"), ResponseTimeout("00:00:15")]
    Task<PartitionDescription> DescribePartition(GroupName? deadLettersOf);

    /// <summary>Tells what the topic is now; an older revision changes nothing.</summary>
    [Alias("SetView"), ResponseTimeout("00:00:05")]
    Task SetView(TopicView view);

    /// <summary>What it holds, for the limits over all partitions.</summary>
    [Alias("Holding"), ResponseTimeout("00:00:10")]
    Task<PartitionHolding> Holding();

    /// <summary>Appends that wait for room may be decided again.</summary>
    [Alias("RoomMade"), OneWay]
    Task RoomMade();

    /// <summary>The topic has so many partitions from now on: what is chosen by fewer is not let in any more. Durable when it answers.</summary>
    [Alias("Grow"), ResponseTimeout("00:00:15")]
    Task Grow(int partitions);

    [Alias("IsDrained"), ResponseTimeout("00:00:10")]
    Task<bool> IsDrained(GroupName group, int successor);

    /// <summary>Where the messages of tokens stand here, for a partition that took over keys of this one.</summary>
    [Alias("FindEarlier"), ResponseTimeout("00:00:10")]
    Task<RecordOutcome?[]> FindEarlier(TokenHash?[] tokens);

    [Alias("TakeBackAdmissions"), ResponseTimeout("00:00:10")]
    Task<long> TakeBackAdmissions(long asOf);

    /// <summary>The topic is gone: closes the log before it answers, so that it can be deleted.</summary>
    [Alias("Close"), ResponseTimeout("00:00:10")]
    Task Close();

    /// <summary>Opens the partition, so that it serves what is due.</summary>
    /// <returns>When something comes due in it next; null: nothing.</returns>
    [Alias("Wake"), ResponseTimeout("00:00:15")]
    Task<long?> Wake();

    /// <summary>Lets a transaction's batches in; see <see cref="Core.Transactions.OpenTransaction"/>.</summary>
    [Alias("BeginTransaction"), ResponseTimeout("00:00:10")]
    Task BeginTransaction(ProducerIdentity producer, string key, long term, long dueMs);

    /// <summary>Writes the marker of a transaction, where it is open.</summary>
    [Alias("EndTransaction"), ResponseTimeout("00:00:10")]
    Task EndTransaction(ProducerIdentity producer, bool commit, long term);

    [Alias("EnsureGroup"), ResponseTimeout("00:00:15")]
    Task EnsureGroup(GroupDefinition group);

    /// <param name="id">One that was made again under the name stays. Empty from a silo of an earlier release: whichever it is.</param>
    [Alias("RemoveGroup"), ResponseTimeout("00:00:10")]
    Task RemoveGroup(GroupName group, Guid id);

    /// <summary>Somebody uses an ephemeral group: it is not deleted before so long from now.</summary>
    [Alias("KeepGroup"), ResponseTimeout("00:00:10")]
    Task KeepGroup(GroupName group, Guid id, TimeSpan time);

    [Alias("DescribeGroup"), ResponseTimeout("00:00:10")]
    Task<GroupPartition> DescribeGroup(GroupName group);

    [Alias("Commit"), ResponseTimeout("00:00:10")]
    Task Commit(GroupName group, long offset, int generation);

    [Alias("Seek"), ResponseTimeout("00:00:10")]
    Task Seek(GroupName group, StartAt to);

    [Alias("Receive"), ResponseTimeout("00:00:10")]
    Task<LeasedBlock> Receive(GroupName group, string holder, int max, TimeSpan lease);

    [Alias("ReceiveDeferred"), ResponseTimeout("00:00:10")]
    Task<LeasedBlock> ReceiveDeferred(GroupName group, string holder, long[] offsets, int max, TimeSpan lease);

    [Alias("ReceiveAgain"), ResponseTimeout("00:00:10")]
    Task<LeasedBlock> ReceiveAgain(GroupName group, string holder);

    [Alias("RequestHolders"), ResponseTimeout("00:00:10")]
    Task<List<string>> RequestHolders(GroupName group);

    /// <summary>How the group stands here now.</summary>
    [Alias("Standing"), ResponseTimeout("00:00:05")]
    Task<GroupStanding> Standing(GroupName group);

    [Alias("SettleOf"), ResponseTimeout("00:00:10")]
    Task<string?[]> SettleOf(GroupName group, [Immutable] Settlement settlement, LeaseId[] leases, long? upTo);

    [Alias("Sessions"), ResponseTimeout("00:00:10")]
    Task<SessionState?[]> Sessions(GroupName group, byte[][] keys);

    [Alias("HasSessions"), ResponseTimeout("00:00:10")]
    Task<bool> HasSessions(GroupName group);

    [Alias("SetSession"), ResponseTimeout("00:00:10")]
    Task SetSession(GroupName group, [Immutable] SessionRequest request);

    [Alias("Redrive"), ResponseTimeout("00:00:25")]
    Task<int> Redrive(GroupName group, long[]? offsets, Message? replace);

    [Alias("Discard"), ResponseTimeout("00:00:25")]
    Task<int> Discard(GroupName group, long[]? offsets);

    [Alias("Reconcile"), ResponseTimeout("00:00:25")]
    Task<Reconciliation> Reconcile(GroupName group, [Immutable] ReconcileRequest request);

    [Alias("Redeliver"), ResponseTimeout("00:00:25")]
    Task<int> Redeliver(GroupName group, [Immutable] RedeliverRequest request);
}

/// <summary>Messages under leases, and how the group stands on this partition after it.</summary>
[GenerateSerializer, Immutable, Alias("OrleansMq.LeasedBlock")]
internal sealed record LeasedBlock(int Leases, DeliveryBlock Deliveries, GroupStanding Standing);

/// <summary>How a group stands on a partition.</summary>
/// <param name="Holder">Who holds the leases, where one consumer is active.</param>
[GenerateSerializer, Immutable, Alias("OrleansMq.GroupStanding")]
internal readonly record struct GroupStanding(int InFlight, string? Holder);

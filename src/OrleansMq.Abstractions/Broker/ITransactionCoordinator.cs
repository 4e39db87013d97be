namespace OrleansMq;

/// <summary>
/// Transactions over several partitions and over consumed positions: all becomes visible, or nothing does (Kafka's model). A transactional id has one producer at a
/// time; whoever opens it again fences the one before, and what that one left open is aborted.
/// </summary>
/// <remarks>
/// The producer's batches carry its id, epoch and sequence, and the transactional bit (<c>RecordBatchBuilder.IsTransactional</c>); they are appended with
/// <see cref="IBroker.Append"/> once their partition is part of the transaction. Refusals: <see cref="ErrorCodes.ProducerFenced"/>, <see cref="ErrorCodes.ProducerUnknown"/>,
/// <see cref="ErrorCodes.TransactionState"/>, and what is retriable, after which the same call may be made again.
/// </remarks>
public interface ITransactionCoordinator
{
    /// <summary>Opens a transactional id. An open transaction of it is aborted first.</summary>
    /// <param name="timeout">A transaction that is open longer is aborted, and its producer fenced. 1 ms to 15 min.</param>
    /// <param name="known">What the producer is by its own account, to go on after an error of its own: refused when another opened the id since.</param>
    /// <returns>The producer's identity, at an epoch that no one had before.</returns>
    ValueTask<ProducerIdentity> Open(string id, TimeSpan timeout, ProducerIdentity? known = null, CancellationToken cancel = default);

    /// <summary>Makes partitions part of the transaction, which begins with the first of them.</summary>
    /// <returns>For each partition null, or why it could not; one error and none of them is part of it.</returns>
    ValueTask<IReadOnlyList<MqError?>> AddPartitions(string id, ProducerIdentity producer, IReadOnlyList<TransactionPartition> partitions, CancellationToken cancel = default);

    /// <summary>Makes consumed positions part of the transaction: the group's cursors move when it commits.</summary>
    /// <param name="member">Refused when the group is in another generation; null: not asked.</param>
    ValueTask AddOffsets(string id, ProducerIdentity producer, GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets, CancellationToken cancel = default);

    /// <summary>Commits or aborts; returns when every partition has its marker and the cursors are moved. May be said again after an unknown outcome.</summary>
    /// <param name="newEpoch">The next transaction gets an epoch of its own, so that nothing late of this one can get into it. Native producers always say true.</param>
    /// <returns>The producer's identity for the next transaction.</returns>
    ValueTask<ProducerIdentity> End(string id, ProducerIdentity producer, bool commit, bool newEpoch, CancellationToken cancel = default);

    /// <summary>Which positions of a group are part of transactions that are not ended: what is committed there may still change.</summary>
    ValueTask<IReadOnlyList<TransactionPartition>> Pending(GroupName group, CancellationToken cancel = default);

    /// <summary>The transactional ids that are known, in an order that stays.</summary>
    /// <param name="after">The last page's <see cref="Page{T}.Next"/>.</param>
    /// <param name="max">1 to 1,000.</param>
    ValueTask<Page<TransactionDescription>> List(string? after = null, int max = 100, CancellationToken cancel = default);

    /// <summary>Aborts the open transaction of somebody who does not end it, and fences him.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.TransactionState"/>: none is open; <see cref="ErrorCodes.ProducerUnknown"/>: the id is not known.</exception>
    ValueTask Abort(string id, CancellationToken cancel = default);
}

public readonly record struct TransactionPartition(TopicName Topic, int Partition);

/// <summary>Where the transaction of a transactional id is.</summary>
public enum TransactionPhase
{
    /// <summary>None is open.</summary>
    Empty = 0,

    Ongoing = 1,

    /// <summary>Decided; markers and cursors are on their way, and nothing else can become of it.</summary>
    Committing = 2,

    Aborting = 3,
}

/// <summary>How a transactional id stands.</summary>
/// <param name="Since">When the open transaction began; null: none is open.</param>
/// <param name="Until">When it is aborted if nobody ends it; null: none is open, or it is decided.</param>
/// <param name="Partitions">Those that are part of it.</param>
/// <param name="Groups">Whose positions are part of it.</param>
public sealed record TransactionDescription(
    string Id, TransactionPhase Phase, ProducerIdentity Producer, DateTimeOffset LastUsed, DateTimeOffset? Since, DateTimeOffset? Until,
    IReadOnlyList<TransactionPartition> Partitions, IReadOnlyList<GroupName> Groups);

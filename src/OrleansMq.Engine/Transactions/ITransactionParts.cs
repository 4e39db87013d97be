using OrleansMq.Core.Transactions;
using OrleansMq.Engine.Groups;
using OrleansMq.Records;

namespace OrleansMq.Engine.Transactions;

/// <summary>What a coordinator reaches for: the partitions and groups of its transactions, wherever they are. Every call may come twice.</summary>
public interface ITransactionParts
{
    /// <summary>A producer id that nobody had.</summary>
    ValueTask<long> NewProducerId();

    /// <summary>Lets the producer's batches into a partition; durable when it returns.</summary>
    ValueTask Begin(TransactionPartition partition, OpenTransaction begun);

    /// <summary>Writes the marker; durable when it returns.</summary>
    /// <param name="term">The version of the document that holds the decision.</param>
    ValueTask End(TransactionPartition partition, ProducerIdentity producer, TransactionOutcome outcome, long term);

    /// <exception cref="MqException">The member is not in the group's present generation.</exception>
    ValueTask CheckMember(GroupName group, MemberRef member);

    /// <summary>Opens the partitions whose cursors are to be moved, as far as they can be: whoever had them before writes nothing there from now on.</summary>
    ValueTask Open(IReadOnlyList<GroupOffset> offsets);

    /// <summary>Moves cursors, unless a later decision of the id moved some of this group: then these were moved before that.</summary>
    /// <returns>For each offset null, or why its cursor was not moved.</returns>
    ValueTask<IReadOnlyList<MqError?>> MoveCursors(GroupName group, IReadOnlyList<GroupOffset> offsets, DecidedTerm term);
}

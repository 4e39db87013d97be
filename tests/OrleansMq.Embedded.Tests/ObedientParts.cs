using OrleansMq.Core.Transactions;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Transactions;
using OrleansMq.Records;

namespace OrleansMq.Embedded.Tests;

/// <summary>Partitions and groups that do all that they are asked.</summary>
internal sealed class ObedientParts : ITransactionParts
{
    private long _id;

    public List<(TransactionPartition Partition, ProducerIdentity Producer, TransactionOutcome Outcome, long Term)> Ended { get; } = [];

    /// <summary>Happens while a producer id is given.</summary>
    public Func<Task>? Opening { get; set; }

    public async ValueTask<long> NewProducerId()
    {
        if (Opening is { } opening)
            await opening();
        return ++_id;
    }

    public ValueTask Begin(TransactionPartition partition, OpenTransaction begun) => default;

    public ValueTask End(TransactionPartition partition, ProducerIdentity producer, TransactionOutcome outcome, long term)
    {
        Ended.Add((partition, producer, outcome, term));
        return default;
    }

    public ValueTask CheckMember(GroupName group, MemberRef member) => default;

    /// <summary>Happens while the partitions of cursors are opened.</summary>
    public Func<Task>? OpeningCursors { get; set; }

    public List<GroupOffset> Moved { get; } = [];

    public async ValueTask Open(IReadOnlyList<GroupOffset> offsets)
    {
        if (OpeningCursors is { } opening)
            await opening();
    }

    public ValueTask<IReadOnlyList<MqError?>> MoveCursors(GroupName group, IReadOnlyList<GroupOffset> offsets, DecidedTerm term)
    {
        Moved.AddRange(offsets);
        return new([.. offsets.Select(_ => (MqError?)null)]);
    }
}

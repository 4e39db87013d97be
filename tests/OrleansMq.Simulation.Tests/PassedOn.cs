using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation.Tests;

/// <summary>A storage whose logs and documents have a bug each.</summary>
internal sealed class WrongStorage(Func<IPartitionLog, IPartitionLog>? log = null, Func<IDocuments, IDocuments>? documents = null) : Planted
{
    public override IStorage Storage(IStorage storage) => new HandedOnStorage(storage, log, documents?.Invoke(storage.Documents));
}

/// <summary>A log whose planted bug is in what it writes: below a snapshot all is flushed, for that is another promise than the one that is broken.</summary>
internal class FlushedBelowSnapshot(IPartitionLog log) : HandedOnLog(log)
{
    private readonly IPartitionLog _log = log;

    public override async ValueTask SaveSnapshot(long position, ReadOnlyMemory<byte> state)
    {
        await _log.Flush();
        await base.SaveSnapshot(position, state);
    }
}

/// <summary>Transactions that are handed on.</summary>
internal class LyingTransactions(ITransactionCoordinator transactions) : ITransactionCoordinator
{
    public virtual ValueTask<ProducerIdentity> Open(string id, TimeSpan timeout, ProducerIdentity? known = null, CancellationToken cancel = default) => transactions.Open(id, timeout, known, cancel);

    public virtual ValueTask<IReadOnlyList<MqError?>> AddPartitions(string id, ProducerIdentity producer, IReadOnlyList<TransactionPartition> partitions, CancellationToken cancel = default) =>
        transactions.AddPartitions(id, producer, partitions, cancel);

    public virtual ValueTask AddOffsets(string id, ProducerIdentity producer, GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets, CancellationToken cancel = default) =>
        transactions.AddOffsets(id, producer, group, member, offsets, cancel);

    public virtual ValueTask<ProducerIdentity> End(string id, ProducerIdentity producer, bool commit, bool newEpoch, CancellationToken cancel = default) => transactions.End(id, producer, commit, newEpoch, cancel);

    public ValueTask<IReadOnlyList<TransactionPartition>> Pending(GroupName group, CancellationToken cancel = default) => transactions.Pending(group, cancel);

    public ValueTask<Page<TransactionDescription>> List(string? after = null, int max = 100, CancellationToken cancel = default) => transactions.List(after, max, cancel);

    public ValueTask Abort(string id, CancellationToken cancel = default) => transactions.Abort(id, cancel);
}

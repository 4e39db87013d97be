using OrleansMq.Engine.Storage;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation.Tests;

/// <summary>A storage whose logs and documents have a bug each.</summary>
internal sealed class WrongStorage(Func<IPartitionLog, IPartitionLog>? log = null, Func<IDocuments, IDocuments>? documents = null) : Planted
{
    public override IStorage Storage(IStorage storage) => new Wrapped(storage, log ?? (static log => log), documents?.Invoke(storage.Documents) ?? storage.Documents);

    private sealed class Wrapped(IStorage storage, Func<IPartitionLog, IPartitionLog> log, IDocuments documents) : IStorage
    {
        public IDocuments Documents => documents;

        public ValueTask CreateLog(LogId id, LogDefinition definition) => storage.CreateLog(id, definition);

        public async ValueTask<IPartitionLog> OpenLog(LogId id) => log(await storage.OpenLog(id));

        public ValueTask DeleteLog(LogId id) => storage.DeleteLog(id);

        public ValueTask DisposeAsync() => storage.DisposeAsync();
    }
}

/// <summary>A log that hands everything on; a planted bug overrides what it breaks.</summary>
internal class PassedOn(IPartitionLog log) : IPartitionLog
{
    public LogId Id => log.Id;
    public ulong Incarnation => log.Incarnation;
    public int Epoch => log.Epoch;
    public long Start => log.Start;
    public long End => log.End;
    public IReadOnlyList<long> Segments => log.Segments;
    public virtual LogSnapshot? Snapshot => log.Snapshot;

    public ValueTask Cut(long position) => log.Cut(position);

    public virtual ValueTask Append(ReadOnlyMemory<byte> frames, bool flush) => log.Append(frames, flush);

    public virtual ValueTask Flush() => log.Flush();

    public virtual ValueTask<int> Read(long position, Memory<byte> destination) => log.Read(position, destination);

    public void Roll() => log.Roll();

    public ValueTask TrimBefore(long position) => log.TrimBefore(position);

    public virtual async ValueTask SaveSnapshot(long position, ReadOnlyMemory<byte> state)
    {
        // Below the snapshot all is flushed: that is another promise than the one that is broken.
        await log.Flush();
        await log.SaveSnapshot(position, state);
    }

    public virtual ValueTask DisposeAsync() => log.DisposeAsync();
}

/// <summary>Documents that are handed on.</summary>
internal class PassedOnDocuments(IDocuments documents) : IDocuments
{
    public virtual ValueTask<Document?> Get(string key) => documents.Get(key);

    public virtual ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion) => documents.Put(key, bytes, expectedVersion);

    public virtual ValueTask Delete(string key, long expectedVersion) => documents.Delete(key, expectedVersion);
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

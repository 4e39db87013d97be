using OrleansMq.Engine.Storage;

namespace OrleansMq.Conformance.Storage;

/// <summary>A storage that hands everything on; a story puts its own logs or documents before those that are there, or waits before a log is made, opened or deleted.</summary>
public sealed class HandedOnStorage(IStorage storage, Func<IPartitionLog, IPartitionLog>? log = null, IDocuments? documents = null, Func<LogId, Task>? deleting = null, Func<LogId, Task>? opening = null, Func<LogId, Task>? creating = null) : IStorage
{
    public IDocuments Documents => documents ?? storage.Documents;

    public bool CanRewrite => storage.CanRewrite;

    public async ValueTask CreateLog(LogId id, LogDefinition definition)
    {
        await (creating?.Invoke(id) ?? Task.CompletedTask);
        await storage.CreateLog(id, definition);
    }

    public async ValueTask<IPartitionLog> OpenLog(LogId id)
    {
        await (opening?.Invoke(id) ?? Task.CompletedTask);
        return await storage.OpenLog(id) is var opened && log is null ? opened : log(opened);
    }

    public async ValueTask DeleteLog(LogId id)
    {
        await (deleting?.Invoke(id) ?? Task.CompletedTask);
        await storage.DeleteLog(id);
    }

    public ValueTask DisposeAsync() => storage.DisposeAsync();
}

/// <summary>A log that hands everything on; a story overrides what it is about.</summary>
public class HandedOnLog(IPartitionLog log) : IPartitionLog
{
    public LogId Id => log.Id;
    public ulong Incarnation => log.Incarnation;
    public int Epoch => log.Epoch;
    public long Start => log.Start;
    public long End => log.End;
    public IReadOnlyList<long> Segments => log.Segments;
    public long KnownDurable => log.KnownDurable;
    public long StoredBytes => log.StoredBytes;
    public virtual LogSnapshot? Snapshot => log.Snapshot;

    public ValueTask Cut(long position) => log.Cut(position);

    public virtual ValueTask Append(ReadOnlyMemory<byte> frames, bool flush) => log.Append(frames, flush);

    public virtual ValueTask Flush() => log.Flush();

    public virtual ValueTask<int> Read(long position, Memory<byte> destination) => log.Read(position, destination);

    public void Roll() => log.Roll();

    public virtual ValueTask<ILogRewriting> Rewrite(long from) => log.Rewrite(from);

    public virtual ValueTask TrimBefore(long position) => log.TrimBefore(position);

    public virtual ValueTask SaveSnapshot(long position, ReadOnlyMemory<byte> state) => log.SaveSnapshot(position, state);

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await log.DisposeAsync();
    }
}

/// <summary>Documents that are handed on.</summary>
public class HandedOnDocuments(IDocuments documents) : IDocuments
{
    public virtual ValueTask<Document?> Get(string key) => documents.Get(key);

    public virtual ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion) => documents.Put(key, bytes, expectedVersion);

    public virtual ValueTask Delete(string key, long expectedVersion) => documents.Delete(key, expectedVersion);
}

namespace OrleansMq.Engine.Storage;

/// <summary>
/// Storage whose documents, creations and deletions fail as the broker's callers may see it. Opening is left alone: a topic answers for its partitions.
/// A conflict of versions passes through, for whoever wrote at the same time as another starts again.
/// </summary>
public sealed class AnsweringStorage(IStorage storage) : IStorage
{
    public IDocuments Documents { get; } = new AnsweringDocuments(storage.Documents);

    public bool CanRewrite => storage.CanRewrite;

    public async ValueTask CreateLog(LogId id, LogDefinition definition)
    {
        try
        {
            await storage.CreateLog(id, definition);
        }
        catch (StorageException error)
        {
            throw WriteFailed(error);
        }
    }

    public ValueTask<IPartitionLog> OpenLog(LogId id) => storage.OpenLog(id);

    public async ValueTask DeleteLog(LogId id)
    {
        try
        {
            await storage.DeleteLog(id);
        }
        catch (StorageException error)
        {
            throw WriteFailed(error);
        }
    }

    public ValueTask DisposeAsync() => storage.DisposeAsync();

    private static MqException ReadFailed(StorageException error) => error is LogDamagedException
        ? new MqException(ErrorCodes.PartitionDamaged, error.Message, null, error)
        : new MqException(ErrorCodes.PartitionUnavailable, error.Message, TimeSpan.FromSeconds(1), error);

    private static MqException WriteFailed(StorageException error) => error switch
    {
        LogFullException => new MqException(ErrorCodes.DiskFull, error.Message, TimeSpan.FromSeconds(1), error),
        LogFailedException => new MqException(ErrorCodes.OutcomeUnknown, error.Message, TimeSpan.FromSeconds(1), error),
        _ => ReadFailed(error),
    };

    private sealed class AnsweringDocuments(IDocuments documents) : IDocuments
    {
        public async ValueTask<Document?> Get(string key)
        {
            try
            {
                return await documents.Get(key);
            }
            catch (StorageException error)
            {
                throw ReadFailed(error);
            }
        }

        public async ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion)
        {
            try
            {
                return await documents.Put(key, bytes, expectedVersion);
            }
            catch (StorageException error) when (error is not DocumentConflictException)
            {
                throw WriteFailed(error);
            }
        }

        public async ValueTask Delete(string key, long expectedVersion)
        {
            try
            {
                await documents.Delete(key, expectedVersion);
            }
            catch (StorageException error) when (error is not DocumentConflictException)
            {
                throw WriteFailed(error);
            }
        }
    }
}

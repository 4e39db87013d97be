namespace OrleansMq.Engine.Storage;

/// <summary>
/// The storage port: logs of partitions and small versioned documents. Implementations pass the contract classes
/// <c>LogContract</c> and <c>DocumentContract</c>.
/// </summary>
public interface IStorage : IAsyncDisposable
{
    IDocuments Documents { get; }

    /// <summary>Whether its logs can be rewritten (<see cref="IPartitionLog.Rewrite"/>), which compaction needs.</summary>
    bool CanRewrite => false;

    /// <summary>
    /// Makes an empty log, durably, with a fresh incarnation. Creating what exists with the same definition's topic is not an
    /// error (a creation that was cut off is repeated); the existing log is left as it is.
    /// </summary>
    /// <param name="definition">Kept in the manifest, so that a lost topic document can be put back.</param>
    ValueTask CreateLog(LogId id, LogDefinition definition);

    /// <summary>
    /// Opens a log that exists at the next epoch; whoever held it before can append no more. Opening never creates.
    /// </summary>
    /// <exception cref="LogMissingException">There is no such log here.</exception>
    ValueTask<IPartitionLog> OpenLog(LogId id);

    /// <summary>Removes a log and its space; one that does not exist is not an error.</summary>
    ValueTask DeleteLog(LogId id);
}

/// <summary>Names one log.</summary>
public readonly record struct LogId(Guid TopicId, int Partition);

/// <summary>What a manifest repeats of the topic.</summary>
/// <param name="TopicName">The topic's name.</param>
/// <param name="Definition">The topic's document as stored.</param>
public sealed record LogDefinition(string TopicName, ReadOnlyMemory<byte> Definition);

using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace OrleansMq.Engine.Storage;

/// <summary>
/// Storage in memory, for embedded tests: the same promises, kept until the object is gone. Bounded by nothing but memory. Disposing
/// of it closes its logs and keeps what is in them, so that a restart can be played.
/// </summary>
public sealed class VolatileStorage : IStorage
{
    private readonly ConcurrentDictionary<LogId, VolatileBytes> _logs = new();
    private readonly Func<ulong> _drawIncarnation;
    private readonly long _segmentBytes;

    /// <param name="drawIncarnation">Draws a new log's incarnation; default random.</param>
    /// <param name="segmentBytes">Size at which a log goes on in a new segment, so that trimming frees memory; default 4 MiB.</param>
    public VolatileStorage(Func<ulong>? drawIncarnation = null, long segmentBytes = 4L << 20)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(segmentBytes);
        _drawIncarnation = drawIncarnation ?? (() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)));
        _segmentBytes = segmentBytes;
    }

    public bool CanRewrite => true;

    public IDocuments Documents { get; } = new VolatileDocuments();

    public ValueTask CreateLog(LogId id, LogDefinition definition)
    {
        var log = _logs.GetOrAdd(id, _ => new VolatileBytes(_drawIncarnation(), definition, _segmentBytes));
        return log.Definition.TopicName == definition.TopicName
            ? default
            : ValueTask.FromException(new InvalidOperationException($"Log {id} belongs to topic '{log.Definition.TopicName}', not '{definition.TopicName}'."));
    }

    public ValueTask<IPartitionLog> OpenLog(LogId id) => _logs.TryGetValue(id, out var bytes)
        ? ValueTask.FromResult<IPartitionLog>(new VolatileLog(id, bytes))
        : ValueTask.FromException<IPartitionLog>(new LogMissingException($"Log {id} does not exist here."));

    public ValueTask DeleteLog(LogId id)
    {
        if (_logs.TryRemove(id, out var bytes))
            bytes.Delete(id);
        return default;
    }

    public ValueTask DisposeAsync()
    {
        foreach (var bytes in _logs.Values)
            bytes.Close();
        return default;
    }
}

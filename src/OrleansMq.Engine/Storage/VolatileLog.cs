namespace OrleansMq.Engine.Storage;

/// <summary>One opening of a volatile log. Everything is done when the call returns.</summary>
internal sealed class VolatileLog : IPartitionLog
{
    private readonly VolatileBytes _bytes;
    private volatile Exception? _over;

    public VolatileLog(LogId id, VolatileBytes bytes)
    {
        Id = id;
        _bytes = bytes;
        Epoch = bytes.Open(this);
    }

    public LogId Id { get; }

    public ulong Incarnation => _bytes.Incarnation;

    public int Epoch { get; }

    public long Start => _bytes.Start;

    public long End => _bytes.End;

    public IReadOnlyList<long> Segments => _bytes.Segments;

    public long KnownDurable => Math.Max(Start, _bytes.Snapshot?.Position ?? 0);

    public LogSnapshot? Snapshot => _bytes.Snapshot;

    public ValueTask Cut(long position) => Do(bytes => bytes.Cut(position));

    public ValueTask Append(ReadOnlyMemory<byte> frames, bool flush) => Do(bytes => bytes.Append(frames.Span));

    public ValueTask Flush() => Do(_ => { });

    public ValueTask<int> Read(long position, Memory<byte> destination)
    {
        try
        {
            return ValueTask.FromResult(_bytes.As(this, bytes => bytes.Read(position, destination.Span)));
        }
        catch (Exception e)
        {
            return ValueTask.FromException<int>(e);
        }
    }

    public void Roll() => _bytes.AskForRoll();

    public ValueTask TrimBefore(long position) => Do(bytes => bytes.TrimBefore(position));

    public long StoredBytes => _bytes.StoredBytes;

    public async ValueTask<ILogRewriting> Rewrite(long from)
    {
        await Do(bytes => bytes.CheckRewrite(from));
        return new Rewriting(this, from);
    }

    public ValueTask SaveSnapshot(long position, ReadOnlyMemory<byte> state) => Do(bytes => bytes.SaveSnapshot(position, state.Span));

    public ValueTask DisposeAsync()
    {
        _bytes.Close(this);
        return default;
    }

    internal void EndWith(Exception reason) => _over ??= reason;

    internal void ThrowIfOver()
    {
        if (_over is { } reason)
            throw reason switch
            {
                LogFencedException => new LogFencedException(reason.Message),
                LogMissingException => new LogMissingException(reason.Message),
                _ => new ObjectDisposedException(nameof(VolatileLog)),
            };
    }

    private ValueTask Do(Action<VolatileBytes> use)
    {
        try
        {
            _bytes.As(this, bytes =>
            {
                use(bytes);
                return true;
            });
            return default;
        }
        catch (Exception e)
        {
            return ValueTask.FromException(e);
        }
    }

    private sealed class Rewriting(VolatileLog log, long from) : ILogRewriting
    {
        private readonly List<byte[]> _content = [];
        private long _to;

        public ValueTask Write(ReadOnlyMemory<byte> frames)
        {
            if (!frames.IsEmpty)
                _content.Add(frames.ToArray());
            return default;
        }

        public ValueTask Seal(long to)
        {
            _to = to;
            return default;
        }

        public ValueTask Place() => log.Do(bytes => bytes.Replace(from, _to, _content));

        public ValueTask DisposeAsync() => default;
    }
}

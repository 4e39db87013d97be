namespace OrleansMq.Engine.Storage;

/// <summary>What outlives an opening of a volatile log: its bytes, its snapshot, and which opening may write.</summary>
internal sealed class VolatileBytes(ulong incarnation, LogDefinition definition, long segmentBytes)
{
    private sealed class Segment(long first)
    {
        public readonly long First = first;
        public readonly List<(long Position, byte[] Bytes)> Chunks = [];
        public long End = first;
    }

    // Guards everything below. Ascending, never empty, without gaps.
    private readonly Lock _gate = new();
    private readonly List<Segment> _segments = [new Segment(0)];
    private LogSnapshot? _snapshot;
    private VolatileLog? _writer;
    private int _epoch;
    private bool _rollAsked;

    public ulong Incarnation { get; } = incarnation;

    public LogDefinition Definition { get; } = definition;

    public int Open(VolatileLog writer)
    {
        lock (_gate)
        {
            _writer?.EndWith(new LogFencedException($"Log {writer.Id}: opened again at an epoch above {_epoch}."));
            _writer = writer;
            return ++_epoch;
        }
    }

    public void Close(VolatileLog? only = null)
    {
        lock (_gate)
        {
            if (only is null || only == _writer)
                _writer?.EndWith(new ObjectDisposedException("volatile log"));
        }
    }

    public void Delete(LogId id)
    {
        lock (_gate)
            _writer?.EndWith(new LogMissingException($"Log {id} was deleted."));
    }

    /// <summary>Runs what one opening asks, unless that opening is over.</summary>
    public T As<T>(VolatileLog writer, Func<VolatileBytes, T> use)
    {
        lock (_gate)
        {
            writer.ThrowIfOver();
            return use(this);
        }
    }

    public long Start => Locked(() => _segments[0].First);

    public long End => Locked(() => _segments[^1].End);

    public IReadOnlyList<long> Segments => Locked(() => _segments.ConvertAll(segment => segment.First));

    public LogSnapshot? Snapshot => Locked(() => _snapshot);

    public void AskForRoll() => Locked(() => _rollAsked = true);

    public void Append(ReadOnlySpan<byte> frames)
    {
        if (_segments[^1] is var newest && newest.End > newest.First && (_rollAsked || newest.End - newest.First >= segmentBytes))
            _segments.Add(newest = new Segment(newest.End));
        _rollAsked = false;
        if (frames.IsEmpty)
            return;
        newest.Chunks.Add((newest.End, frames.ToArray()));
        newest.End += frames.Length;
    }

    public void Cut(long position)
    {
        if (position < Start || position > End)
            throw new ArgumentOutOfRangeException(nameof(position), position, $"The log goes from {Start} to {End}.");
        while (_segments[^1].First > position)
            _segments.RemoveAt(_segments.Count - 1);
        var newest = _segments[^1];
        newest.Chunks.RemoveAll(chunk => chunk.Position >= position);
        if (newest.Chunks is [.., var (first, bytes)] && first + bytes.Length > position)
            newest.Chunks[^1] = (first, bytes[..(int)(position - first)]);
        newest.End = position;
        if (_snapshot?.Position > position)
            _snapshot = null;
    }

    public int Read(long position, Span<byte> destination)
    {
        if (position < Start)
            throw new LogTrimmedException($"Position {position} was removed; the log starts at {Start}.");
        if (position >= End || destination.IsEmpty)
            return 0;
        var segment = _segments.FindLast(segment => segment.First <= position)!;
        var chunks = segment.Chunks;
        if (chunks.Count == 0 || position >= chunks[^1].Position + chunks[^1].Bytes.Length)
        {
            // A rewriting left less than there was.
            destination = destination[..(int)Math.Min(destination.Length, segment.End - position)];
            destination.Clear();
            return destination.Length;
        }

        var count = 0;
        for (var index = IndexOf(chunks, position); index < chunks.Count && count < destination.Length; index++)
        {
            var (first, bytes) = chunks[index];
            var piece = bytes.AsSpan((int)(position + count - first));
            piece = piece[..Math.Min(piece.Length, destination.Length - count)];
            piece.CopyTo(destination[count..]);
            count += piece.Length;
        }
        return count;
    }

    public void TrimBefore(long position)
    {
        while (_segments.Count > 1 && _segments[1].First <= position)
            _segments.RemoveAt(0);
    }

    public long StoredBytes => Locked(() => _segments.Sum(segment => segment.Chunks.Sum(chunk => (long)chunk.Bytes.Length)));

    public void CheckRewrite(long from)
    {
        if (!_segments.SkipLast(1).Any(segment => segment.First == from))
            throw new LogTrimmedException($"No segment that is full begins at position {from}; the log starts at {Start}.");
    }

    public void Replace(long from, long to, IEnumerable<byte[]> content)
    {
        CheckRewrite(from);
        if (!_segments.Exists(segment => segment.First == to))
            throw new ArgumentOutOfRangeException(nameof(to), to, "No segment begins there.");
        var made = new Segment(from) { End = to };
        var at = from;
        foreach (var bytes in content)
        {
            made.Chunks.Add((at, bytes));
            at += bytes.Length;
        }

        if (at > to)
            throw new ArgumentException($"What is to stand from {from} to {to} reaches to {at}.");
        var first = _segments.FindIndex(segment => segment.First == from);
        _segments.RemoveRange(first, _segments.FindIndex(segment => segment.First == to) - first);
        _segments.Insert(first, made);
    }

    public void SaveSnapshot(long position, ReadOnlySpan<byte> state)
    {
        if (position < Start || position > End)
            throw new ArgumentOutOfRangeException(nameof(position), position, $"A snapshot stands between the log's start {Start} and end {End}.");
        _snapshot = new LogSnapshot(position, state.ToArray());
    }

    private static int IndexOf(List<(long Position, byte[] Bytes)> chunks, long position)
    {
        var low = 0;
        var high = chunks.Count - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (chunks[middle].Position <= position)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return high;
    }

    private T Locked<T>(Func<T> get)
    {
        lock (_gate)
            return get();
    }
}

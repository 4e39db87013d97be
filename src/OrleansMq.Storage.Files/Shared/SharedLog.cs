using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;
using OrleansMq.Storage.Files.Logs;

namespace OrleansMq.Storage.Files.Shared;

/// <summary>Where a log lies and with what it works.</summary>
internal sealed record SharedLogPlace(LogId Id, string Folder, IDisk Disk, IIoScheduler Io, OpenSegments Open, FileStorageOptions Options, Action<SharedLog> Closed, Action BeforeRewriting)
{
    public override string ToString() => $"Log {Folder}";
}

/// <summary>
/// One opening of a log on a shared volume. It writes only to files that it made itself, changes the manifest only by compare-and-swap, and
/// looks at the manifest after each append and each flush, before the bytes count: whoever lost the log and does not know yet acknowledges nothing, gives nothing out
/// and damages nothing.
/// </summary>
/// <remarks>
/// Locks as in <see cref="FileLog"/>: <c>_appending</c>, <c>_upkeep</c>, <c>_flushing</c>, <c>_listing</c>, in this order. A later opening gets an append
/// that was under way here whole, in part or not at all, and cuts it to whole frames; what this opening writes after that lies beyond the cut.
/// </remarks>
internal sealed partial class SharedLog : IPartitionLog
{
    private readonly SharedLogPlace _place;
    private readonly Ownership _owner;
    private readonly Lock _appending = new();
    private readonly Lock _upkeep = new();
    private readonly Lock _flushing = new();
    private readonly Lock _listing = new();

    // Swapped whole under _listing, ascending, never empty.
    private volatile Segment[] _segments;

    // Written under _appending; the bytes below are written, and may be read.
    private long _end;

    // Written under _flushing; the bytes below are durable and were this opening's to acknowledge.
    private long _durable;

    // Owned by _appending.
    private long _reserveStep;

    // Where the next segment was asked to begin.
    private long _rollAt = -1;

    // The last one begun. Owned by _upkeep.
    private SharedRewriting? _rewriting;

    // Whether the newest segment was made by this opening and not cut: only such a one is written to. Owned by _appending.
    private bool _newestIsOurs;

    // Why every further call is refused; set once.
    private volatile Exception? _over;

    internal SharedLog(SharedLogPlace place, Ownership owner, SegmentExtent[] segments)
    {
        _place = place;
        _owner = owner;
        _segments = [.. segments.Select(found => new Segment(place.Disk, found.Path, found.Base, found.StoredEnd) { WrittenTo = found.End, FlushedTo = found.End })];
        _end = _durable = segments[^1].End;
        _reserveStep = place.Options.FirstReserveBytes;
        Epoch = owner.Manifest.Epoch;
    }

    public LogId Id => _place.Id;

    public ulong Incarnation => _owner.Manifest.Incarnation;

    public int Epoch { get; }

    public long Start => _segments[0].Base;

    public long End => Volatile.Read(ref _end);

    public IReadOnlyList<long> Segments => [.. _segments.Select(segment => segment.Base)];

    public long KnownDurable => _owner.Manifest.Snapshots.Select(snapshot => snapshot.Position).Append(Start).Max();

    /// <summary>The newest in the manifest that reads back.</summary>
    public LogSnapshot? Snapshot => _owner.Manifest.Snapshots.Reverse().Select(TryReadSnapshot).FirstOrDefault(snapshot => snapshot is not null);

    public void Roll() => Volatile.Write(ref _rollAt, End);

    public ValueTask Cut(long position) => Run(() => CutNow(position));

    public ValueTask Append(ReadOnlyMemory<byte> frames, bool flush) => Run(() => AppendNow(frames.Span, flush));

    public ValueTask Flush()
    {
        var target = End;
        return _over is null && Volatile.Read(ref _durable) >= target ? default : Run(() => FlushTo(target));
    }

    public ValueTask<int> Read(long position, Memory<byte> destination)
    {
        try
        {
            ThrowIfOver();
            if (FindUse(position, destination.Length, out var zeros) is not { } use)
            {
                destination.Span[..zeros].Clear();
                return new ValueTask<int>(zeros);
            }
            return use.TryReadCached(destination.Span, out var count)
                ? new ValueTask<int>(count)
                : _place.Io.Compute(() => Translated(() => use.ReadWaiting(destination.Span)));
        }
        catch (Exception e)
        {
            return ValueTask.FromException<int>(Translate(e));
        }
    }

    public ValueTask TrimBefore(long position) => Run(() => TrimNow(position));

    public ValueTask SaveSnapshot(long position, ReadOnlyMemory<byte> state) => Run(() => SaveSnapshotNow(position, state));

    public async ValueTask DisposeAsync()
    {
        await _place.Io.Run(() => EndWith(_over ?? new ObjectDisposedException($"{_place.Folder} (the log was closed)")));
        _place.Closed(this);
    }

    /// <summary>Ends this opening: waits for what writes, refuses everything after it, closes the files.</summary>
    internal void EndWith(Exception reason)
    {
        lock (_appending)
        lock (_upkeep)
        lock (_flushing)
        {
            if (_over is null && _newestIsOurs)
                _place.Open.GiveReservedSpaceBack(_segments[^1], _end);
            _over ??= reason;
            foreach (var segment in _segments)
                _place.Open.Forget(segment);
        }
    }

    /// <summary>Holds the segment that the position lies in; null at the end, and where a rewriting left nothing.</summary>
    /// <param name="zeros">How many are read in place of what is not there.</param>
    private ReadUse? FindUse(long position, int count, out int zeros)
    {
        zeros = 0;
        while (true)
        {
            var end = End;
            if (position >= end || count == 0)
                return null;
            var segments = _segments;
            var index = ReadUse.IndexOf(segments, position);
            if (index >= 0)
            {
                var segment = segments[index];
                var segmentEnd = index + 1 < segments.Length ? segments[index + 1].Base : end;
                if (segment.StoredEnd <= position)
                {
                    zeros = (int)Math.Min(count, segmentEnd - position);
                    return null;
                }

                if (_place.Open.TryAcquire(segment, out var file))
                    return new ReadUse(segment, file, segment.OffsetOf(position), (int)Math.Min(count, (segment.StoredEnd ?? segmentEnd) - position));
            }

            ThrowIfOver();
            // Another was put in its place meanwhile: look again.
            if (_segments == segments)
                throw new LogTrimmedException($"{_place}: position {position} was removed; the log starts at {Start}.");
        }
    }

    private LogSnapshot? TryReadSnapshot(SharedFile snapshot)
    {
        try
        {
            return SnapshotFile.Read(_place.Disk, Path.Join(_place.Folder, snapshot.SnapshotName), _owner.Manifest.Identity, snapshot.Position);
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            return null;
        }
        catch (DiskException e)
        {
            throw Translate(e);
        }
    }

    private ValueTask Run(Action job) => new(_place.Io.Run(() => Translated(() =>
    {
        job();
        return true;
    })));

    private T Translated<T>(Func<T> job)
    {
        try
        {
            return job();
        }
        catch (Exception e) when (e is DiskException or LogFencedException)
        {
            throw Translate(e);
        }
    }

    private Exception Translate(Exception e) => e switch
    {
        DiskException { IsRefusal: true } full => new LogFullException($"{_place}: {full.Message}. Nothing was written.", full),
        DiskException failed => Failed(failed),
        LogFencedException fenced => Ended(fenced),
        _ => e,
    };

    private Exception Failed(DiskException failed) =>
        Ended(new LogFailedException($"{_place}: {failed.Message}. Nothing more is acknowledged from this opening; open the log again when the volume is well.", failed));

    private Exception Ended(Exception reason)
    {
        Interlocked.CompareExchange(ref _over, reason, null);
        return Refusal(_over!);
    }

    private void ThrowIfOver()
    {
        if (_over is { } reason)
            throw Refusal(reason);
    }

    /// <summary>A fresh exception for each caller: one object thrown on many threads loses its traces.</summary>
    private static Exception Refusal(Exception reason) => reason switch
    {
        LogFailedException failed => new LogFailedException(failed.Message, failed.InnerException),
        LogFencedException fenced => new LogFencedException(fenced.Message),
        LogMissingException missing => new LogMissingException(missing.Message),
        ObjectDisposedException disposed => new ObjectDisposedException(disposed.ObjectName),
        _ => reason,
    };
}

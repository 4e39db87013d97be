using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Logs;

/// <summary>One opening of a log in a folder.</summary>
/// <remarks>
/// <para>Locks, in the order in which they are taken: <c>_appending</c> (the end of the log), <c>_upkeep</c> (manifest, snapshots,
/// removing), <c>_flushing</c>, <c>_listing</c> (held for an instant). Only jobs on the I/O scheduler hold one while the disk is waited for,
/// except that an append without flush writes into the page cache on the caller's time.</para>
/// <para>Only one flush of a log runs at a time: the system tells of a failed write once for each open file, so that of two flushes
/// side by side one could be told yes for pages the other was told are lost.</para>
/// </remarks>
internal sealed partial class FileLog : IPartitionLog
{
    private readonly FileLogPlace _place;
    private readonly SnapshotShelf _snapshots;
    private readonly Lock _appending = new();
    private readonly Lock _upkeep = new();
    private readonly Lock _flushing = new();
    private readonly Lock _listing = new();

    // Owned by _upkeep: ended with this opening, or it would go on beside the next.
    private FileRewriting? _rewriting;

    // Owned by _upkeep.
    private LogManifest _manifest;

    // Swapped whole under _listing, ascending, never empty.
    private volatile Segment[] _segments;

    // Written under _appending; the bytes below are written, and may be read.
    private long _end;

    // Written under _flushing; the bytes below are durable. Never above _end.
    private long _durable;

    // Owned by _appending.
    private long _reserveStep;

    // Where the next segment was asked to begin: an append that finds the newest segment older than this rolls first.
    private long _rollAt = -1;

    // Why every further call is refused; set once.
    private volatile Exception? _over;

    internal FileLog(FileLogPlace place, LogManifest manifest, SegmentChain chain, SnapshotShelf snapshots)
    {
        _place = place;
        _manifest = manifest;
        _snapshots = snapshots;
        _segments = [.. chain.Segments.Select(found => new Segment(place.Disk, found.Path, found.Base, found.StoredEnd) { WrittenTo = found.End, FlushedTo = found.End })];
        _end = _durable = chain.End;
        _reserveStep = place.Options.FirstReserveBytes;
        Epoch = manifest.Epoch;
        Incarnation = manifest.Identity.Incarnation;
    }

    public LogId Id => _place.Id;

    public ulong Incarnation { get; }

    public int Epoch { get; }

    public long Start => _segments[0].Base;

    public long End => Volatile.Read(ref _end);

    public IReadOnlyList<long> Segments => [.. _segments.Select(segment => segment.Base)];

    public long KnownDurable => Math.Max(Start, _snapshots.Reach);

    public LogSnapshot? Snapshot
    {
        get
        {
            try
            {
                return _snapshots.Newest;
            }
            catch (DiskException e)
            {
                throw Translate(e);
            }
        }
    }

    public void Roll() => Volatile.Write(ref _rollAt, End);

    public ValueTask Cut(long position) => Run(() => CutNow(position));

    public ValueTask Append(ReadOnlyMemory<byte> frames, bool flush) =>
        flush || RollIsDue ? Run(() => AppendNow(frames.Span, flush)) : Inline(() => AppendNow(frames.Span, false));

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
            if (use.TryReadCached(destination.Span, out var count))
                return new ValueTask<int>(count);
            return _place.Io.Compute(() => ReadWaiting(use, destination.Span));
        }
        catch (Exception e)
        {
            return ValueTask.FromException<int>(Translate(e));
        }
    }

    public ValueTask TrimBefore(long position) => Run(() => TrimNow(position));

    public ValueTask SaveSnapshot(long position, ReadOnlyMemory<byte> state) => Run(() =>
    {
        lock (_upkeep)
        {
            ThrowIfOver();
            if (position < Start || position > Volatile.Read(ref _durable))
                throw new ArgumentOutOfRangeException(nameof(position), position, $"A snapshot stands between the log's start {Start} and what is durable, {_durable}.");
            _snapshots.Save(position, state);
        }
    });

    public async ValueTask DisposeAsync()
    {
        if (_over is null)
            await _place.Io.Run(() => EndWith(new ObjectDisposedException($"{_place.Folder} (the log was closed)")));
        else
            EndWith(_over);
        _place.Closed(this);
    }

    /// <summary>After a failure: up to where bytes are certain. The page cache may show more than the disk has.</summary>
    internal long? CertainUpTo => _over is LogFailedException ? Volatile.Read(ref _durable) : null;

    /// <summary>Ends this opening: waits for what writes, refuses everything after it, closes the files.</summary>
    internal void EndWith(Exception reason)
    {
        lock (_appending)
        lock (_upkeep)
        lock (_flushing)
        {
            if (_over is null)
                _place.Open.GiveReservedSpaceBack(_segments[^1], _end);
            _over ??= reason;
            _rewriting?.Abandon();
            foreach (var segment in _segments)
                _place.Open.Forget(segment);
        }
    }

    private ValueTask Run(Action job) => new(_place.Io.Run(() =>
    {
        try
        {
            job();
        }
        catch (DiskException e)
        {
            throw Translate(e);
        }
    }));

    private ValueTask Inline(Action job)
    {
        try
        {
            job();
            return default;
        }
        catch (Exception e)
        {
            return ValueTask.FromException(Translate(e));
        }
    }

    private Exception Translate(Exception e) => e switch
    {
        DiskException { IsRefusal: true } full => new LogFullException($"{_place}: {full.Message}. Nothing was written.", full),
        DiskException failed => Fail(failed),
        _ => e,
    };

    private Exception Fail(DiskException e)
    {
        Interlocked.CompareExchange(ref _over, new LogFailedException($"{_place}: {e.Message}. Nothing more is acknowledged from this opening; open the log again when the disk is well.", e), null);
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

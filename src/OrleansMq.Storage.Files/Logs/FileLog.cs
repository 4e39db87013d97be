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
internal sealed class FileLog : IPartitionLog
{
    private readonly FileLogPlace _place;
    private readonly SnapshotShelf _snapshots;
    private readonly Lock _appending = new();
    private readonly Lock _upkeep = new();
    private readonly Lock _flushing = new();
    private readonly Lock _listing = new();

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
        _segments = [.. chain.Segments.Select(found => new Segment(place.Disk, found.Path, found.Base) { WrittenTo = found.End, FlushedTo = found.End })];
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
            if (FindUse(position, destination.Length) is not { } use)
                return new ValueTask<int>(0);
            if (TryReadCached(use, destination.Span, out var count))
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
                GiveReservedSpaceBack();
            _over ??= reason;
            foreach (var segment in _segments)
                _place.Open.Forget(segment);
        }
    }

    private bool RollIsDue => _segments[^1] is var newest
        && (Volatile.Read(ref _rollAt) > newest.Base || End - newest.Base >= _place.Options.SegmentBytes);

    // ---- appending

    private void AppendNow(ReadOnlySpan<byte> frames, bool flush)
    {
        long end;
        lock (_appending)
        {
            ThrowIfOver();
            if (RollIsDue)
                RollNow();
            Write(_segments[^1], frames);
            end = End;
        }
        if (flush)
            FlushTo(end);
    }

    private void Write(Segment segment, ReadOnlySpan<byte> frames)
    {
        if (!_place.Open.TryAcquire(segment, out var file))
            throw new InvalidOperationException($"{segment.Path}: the newest segment was removed.");
        try
        {
            var offset = segment.OffsetOf(_end);
            Reserve(segment, file, offset + frames.Length);
            Volatile.Write(ref segment.WrittenTo, _end + frames.Length);
            WriteOrTakeBack(file, frames, offset);
            Volatile.Write(ref _end, _end + frames.Length);
        }
        finally
        {
            segment.Release();
        }
    }

    /// <summary>Asks for a good step ahead, and for just what is needed when the disk has no more.</summary>
    private void Reserve(Segment segment, IDiskFile file, long needed)
    {
        if (needed <= segment.ReservedTo)
            return;
        var from = Math.Max(segment.ReservedTo, segment.OffsetOf(_end));
        var wanted = Math.Max(needed, Math.Min(from + _reserveStep, SegmentHeader.Size + _place.Options.SegmentBytes));
        try
        {
            file.Reserve(from, wanted - from);
        }
        catch (DiskException e) when (e.IsRefusal && wanted > needed)
        {
            file.Reserve(from, (wanted = needed) - from);
        }
        segment.ReservedTo = wanted;
        _reserveStep = Math.Min(2 * _reserveStep, _place.Options.ReserveBytes);
    }

    /// <summary>
    /// Space was reserved, but not every file system keeps that promise: what was written of a refused append is taken back, durably,
    /// or a crash would bring it back after the caller was told that it is not there.
    /// </summary>
    private void WriteOrTakeBack(IDiskFile file, ReadOnlySpan<byte> frames, long offset)
    {
        try
        {
            file.Write(frames, offset);
        }
        catch (DiskException e) when (e.IsRefusal)
        {
            TakeBack(file, offset);
            throw;
        }
    }

    private void TakeBack(IDiskFile file, long offset)
    {
        lock (_flushing)
        {
            try
            {
                file.SetLength(offset);
                file.FlushInUse();
            }
            catch (DiskException e)
            {
                throw Fail(e);
            }
        }
        _segments[^1].ReservedTo = 0;
    }

    // ---- flushing

    /// <summary>
    /// Makes everything below the target durable. What is covered is read before which segment is newest: if a roll comes between,
    /// it has flushed the older one itself.
    /// </summary>
    private void FlushTo(long target)
    {
        lock (_flushing)
        {
            ThrowIfOver();
            if (_durable >= target)
                return;
            var covered = End;
            var segment = _segments[^1];
            try
            {
                FlushSegment(segment);
            }
            catch (DiskException e)
            {
                // Before the lock is given up: the next flush would be told yes.
                throw Fail(e);
            }
            Volatile.Write(ref segment.FlushedTo, Math.Max(segment.FlushedTo, covered));
            Volatile.Write(ref _durable, covered);
        }
    }

    private void FlushSegment(Segment segment)
    {
        if (!_place.Open.TryAcquire(segment, out var file))
            throw new InvalidOperationException($"{segment.Path}: the newest segment was removed.");
        try
        {
            file.FlushInUse();
        }
        finally
        {
            segment.Release();
        }
    }

    // ---- rolling

    /// <summary>
    /// The old segment is flushed before the new one exists, so that only the newest can be torn; the new one is durable and in the
    /// manifest before anything is written to it, so that its loss would be noticed.
    /// </summary>
    private void RollNow()
    {
        FlushTo(End);
        GiveReservedSpaceBack();
        var made = MakeSegment(End);
        lock (_upkeep)
            _manifest = (_manifest with { LastSegment = made.Base }).Save(_place.Disk, _place.ManifestPath);
        lock (_listing)
            _segments = [.. _segments, made];
    }

    private Segment MakeSegment(long basePosition)
    {
        var path = Path.Join(_place.Folder, SegmentHeader.FileName(basePosition));
        SegmentMaker.Make(_place.Disk, path, _manifest.Identity, basePosition, Epoch).Dispose();
        return new Segment(_place.Disk, path, basePosition) { WrittenTo = basePosition, FlushedTo = basePosition };
    }

    private void GiveReservedSpaceBack()
    {
        var newest = _segments[^1];
        if (newest.ReservedTo <= newest.OffsetOf(_end) || !_place.Open.TryAcquire(newest, out var file))
            return;
        try
        {
            file.SetLength(newest.OffsetOf(_end));
            newest.ReservedTo = 0;
        }
        catch (DiskException)
        {
            // The space stays reserved until the segment is trimmed; no byte is in doubt.
        }
        finally
        {
            newest.Release();
        }
    }

    // ---- cutting and trimming

    /// <summary>Newest segments first, each name durable before the next, so that what survives a crash has no gap.</summary>
    private void CutNow(long position)
    {
        lock (_appending)
        lock (_upkeep)
        {
            ThrowIfOver();
            if (position < Start || position > _end)
                throw new ArgumentOutOfRangeException(nameof(position), position, $"The log goes from {Start} to {_end}.");
            _snapshots.RemoveAbove(position);
            var kept = _segments.TakeWhile(segment => segment.Base <= position).ToArray();
            var dropped = _segments[kept.Length..];
            if (dropped.Length > 0)
                _manifest = (_manifest with { LastSegment = kept[^1].Base }).Save(_place.Disk, _place.ManifestPath);
            lock (_listing)
                _segments = kept;
            foreach (var segment in dropped.Reverse())
            {
                _place.Open.Forget(segment);
                _place.Disk.Remove(segment.Path);
                _place.Disk.FlushNames(_place.Folder);
            }
            lock (_flushing)
                Shorten(kept[^1], position);
        }
    }

    private void Shorten(Segment segment, long position)
    {
        if (!_place.Open.TryAcquire(segment, out var file))
            throw new InvalidOperationException($"{segment.Path}: the newest segment was removed.");
        try
        {
            file.SetLength(segment.OffsetOf(position));
            file.FlushInUse();
        }
        finally
        {
            segment.Release();
        }
        segment.ReservedTo = 0;
        segment.WrittenTo = segment.FlushedTo = position;
        _rollAt = -1;
        Volatile.Write(ref _durable, position);
        Volatile.Write(ref _end, position);
    }

    /// <summary>The manifest moves first; files before its first segment belong to nobody and go now or at the next opening.</summary>
    private void TrimNow(long position)
    {
        lock (_upkeep)
        {
            ThrowIfOver();
            var segments = _segments;
            var count = Enumerable.Range(1, segments.Length - 1).TakeWhile(next => segments[next].Base <= position).Count();
            if (count == 0)
                return;
            _manifest = (_manifest with { FirstSegment = segments[count].Base }).Save(_place.Disk, _place.ManifestPath);
            lock (_listing)
                _segments = _segments[count..];
            foreach (var segment in segments[..count])
            {
                _place.Open.Forget(segment);
                _place.Disk.RemoveIfPossible(segment.Path);
            }
        }
    }

    // ---- reading

    private readonly record struct ReadUse(Segment Segment, IDiskFile File, long Offset, int Count);

    /// <summary>Holds the segment that the position lies in; null at the end.</summary>
    private ReadUse? FindUse(long position, int count)
    {
        var end = End;
        if (position >= end || count == 0)
            return null;
        var segments = _segments;
        var index = IndexOf(segments, position);
        if (index < 0 || !_place.Open.TryAcquire(segments[index], out var file))
        {
            ThrowIfOver();
            throw new LogTrimmedException($"{_place}: position {position} was removed; the log starts at {Start}.");
        }
        var segmentEnd = index + 1 < segments.Length ? segments[index + 1].Base : end;
        return new ReadUse(segments[index], file, segments[index].OffsetOf(position), (int)Math.Min(count, segmentEnd - position));
    }

    /// <summary>The last segment that begins at or below the position; -1 if none does.</summary>
    private static int IndexOf(Segment[] segments, long position)
    {
        var low = 0;
        var high = segments.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (segments[middle].Base <= position)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return high;
    }

    private static bool TryReadCached(ReadUse use, Span<byte> destination, out int count)
    {
        var stillHeld = false;
        try
        {
            stillHeld = !use.File.TryReadCached(destination[..use.Count], use.Offset, out count);
            return stillHeld || count > 0 ? !stillHeld : throw Short(use);
        }
        finally
        {
            if (!stillHeld)
                use.Segment.Release();
        }
    }

    private int ReadWaiting(ReadUse use, Span<byte> destination)
    {
        try
        {
            var count = use.File.Read(destination[..use.Count], use.Offset);
            return count > 0 ? count : throw Short(use);
        }
        catch (DiskException e)
        {
            throw Translate(e);
        }
        finally
        {
            use.Segment.Release();
        }
    }

    private static LogDamagedException Short(ReadUse use) =>
        new($"{use.Segment.Path}: the file ends before offset {use.Offset}, where the log goes on.");

    // ---- ending in doubt

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

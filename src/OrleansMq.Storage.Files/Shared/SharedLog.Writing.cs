using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;
using OrleansMq.Storage.Files.Logs;

namespace OrleansMq.Storage.Files.Shared;

/// <summary>How bytes get in, and which files they lie in.</summary>
internal sealed partial class SharedLog
{
    private bool RollIsDue => !_newestIsOurs
        || (_segments[^1] is var newest && (Volatile.Read(ref _rollAt) > newest.Base || End - newest.Base >= _place.Options.SegmentBytes));

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
        else
            // A lease is given when it is written: the next owner has granted it anew by now, or has seen it settled.
            Confirm();
    }

    /// <summary>
    /// The old segment is flushed before the new one exists. An opening's first append comes here too: the segment before it may still be
    /// written to by one who does not know, so it ends where this begins, whatever its file holds beyond.
    /// </summary>
    private void RollNow()
    {
        FlushTo(End);
        if (_newestIsOurs)
            _place.Open.GiveReservedSpaceBack(_segments[^1], _end);
        var file = new SharedFile(End, Epoch, _place.Options.DrawIncarnation());
        var path = Path.Join(_place.Folder, file.SegmentName);
        SegmentMaker.Make(_place.Disk, path, _owner.Manifest.Identity, file.Position, Epoch).Dispose();
        ChangeOrRemove(path, manifest => manifest with
        {
            Segments = [.. manifest.Segments.Where(segment => segment.Position < file.Position), file],
            CutAt = null,
        });
        var made = new Segment(_place.Disk, path, file.Position) { WrittenTo = file.Position, FlushedTo = file.Position };
        Segment[] empty;
        lock (_listing)
        {
            empty = [.. _segments.Where(segment => segment.Base == file.Position)];
            _segments = [.. _segments.Where(segment => segment.Base < file.Position), made];
        }
        Drop(empty);
        _newestIsOurs = true;
    }

    private void Write(Segment segment, ReadOnlySpan<byte> frames)
    {
        var file = Acquire(segment);
        try
        {
            var offset = segment.OffsetOf(_end);
            Reserve(segment, file, offset + frames.Length);
            Volatile.Write(ref segment.WrittenTo, _end + frames.Length);
            // Never taken back: a later opening may have read the whole frames among what was written, and counts on them.
            file.OverwriteInUse(frames, offset);
            Volatile.Write(ref _end, _end + frames.Length);
        }
        finally
        {
            segment.Release();
        }
    }

    /// <summary>Asks for a good step ahead, and for just what is needed when the volume has no more.</summary>
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
                Confirm();
            }
            catch (Exception e) when (e is DiskException or LogFencedException)
            {
                // Before the lock is given up: the next flush would be told yes.
                throw Translate(e);
            }
            Volatile.Write(ref segment.FlushedTo, Math.Max(segment.FlushedTo, covered));
            Volatile.Write(ref _durable, covered);
        }
    }

    /// <summary>What is written is there: where nobody can be asked whose the log is, this opening is over, and nothing counts as refused.</summary>
    private void Confirm()
    {
        try
        {
            ConfirmWithRoom();
        }
        catch (DiskException e)
        {
            throw Failed(e);
        }
    }

    private void ConfirmWithRoom()
    {
        try
        {
            _owner.Confirm();
        }
        catch (DiskException e) when (e.Error == DiskError.Exhausted)
        {
            _place.Open.CloseIdle();
            _owner.Confirm();
        }
    }

    private void FlushSegment(Segment segment)
    {
        var file = Acquire(segment);
        try
        {
            file.FlushInUse();
        }
        finally
        {
            segment.Release();
        }
    }

    /// <summary>The manifest says where the log ends; no file is shortened. The next append begins a segment there.</summary>
    private void CutNow(long position)
    {
        lock (_appending)
        lock (_upkeep)
        {
            ThrowIfOver();
            if (position < Start || position > _end)
                throw new ArgumentOutOfRangeException(nameof(position), position, $"The log goes from {Start} to {_end}.");
            _owner.Change(manifest => manifest with
            {
                Segments = [.. manifest.Segments.Where(segment => segment.Position <= position)],
                Snapshots = [.. manifest.Snapshots.Where(snapshot => snapshot.Position <= position)],
                CutAt = position,
            });
            Segment[] dropped;
            lock (_flushing)
            lock (_listing)
            {
                dropped = [.. _segments.Where(segment => segment.Base > position)];
                _segments = [.. _segments.Where(segment => segment.Base <= position)];
                _newestIsOurs = false;
                _rollAt = -1;
                _segments[^1].WrittenTo = _segments[^1].FlushedTo = position;
                Volatile.Write(ref _durable, position);
                Volatile.Write(ref _end, position);
            }
            Drop(dropped);
        }
    }

    /// <summary>The manifest moves first; files that it does not name go now or at a later opening.</summary>
    private void TrimNow(long position)
    {
        lock (_upkeep)
        {
            ThrowIfOver();
            var segments = _segments;
            var count = Enumerable.Range(1, segments.Length - 1).TakeWhile(next => segments[next].Base <= position).Count();
            if (count == 0)
                return;
            var first = segments[count].Base;
            _owner.Change(manifest => manifest with { Segments = [.. manifest.Segments.Where(segment => segment.Position >= first)] });
            lock (_listing)
                _segments = [.. _segments.Where(segment => segment.Base >= first)];
            Drop(segments[..count]);
        }
    }

    private void SaveSnapshotNow(long position, ReadOnlyMemory<byte> state)
    {
        lock (_upkeep)
        {
            ThrowIfOver();
            if (position < Start || position > Volatile.Read(ref _durable))
                throw new ArgumentOutOfRangeException(nameof(position), position, $"A snapshot stands between the log's start {Start} and what is durable, {_durable}.");
            var made = new SharedFile(position, Epoch, _place.Options.DrawIncarnation());
            var path = Path.Join(_place.Folder, made.SnapshotName);
            _place.Disk.Replace(path, SnapshotFile.EncodeHeader(_owner.Manifest.Identity, position, state.Span), state);
            var before = _owner.Manifest.Snapshots;
            ChangeOrRemove(path, manifest => manifest with { Snapshots = [.. manifest.Snapshots.Where(other => other.Position < position).TakeLast(1), made] });
            foreach (var old in before.Except(_owner.Manifest.Snapshots))
                _place.Disk.RemoveIfPossible(Path.Join(_place.Folder, old.SnapshotName));
        }
    }

    private void ChangeOrRemove(string madeFile, Func<SharedManifest, SharedManifest> change)
    {
        try
        {
            _owner.Change(change);
        }
        catch (LogFencedException)
        {
            _place.Disk.RemoveIfPossible(madeFile);
            throw;
        }
    }

    private void Drop(IEnumerable<Segment> segments)
    {
        foreach (var segment in segments)
        {
            _place.Open.Forget(segment);
            _place.Disk.RemoveIfPossible(segment.Path);
        }
    }

    private IDiskFile Acquire(Segment segment)
    {
        if (_place.Open.TryAcquire(segment, out var file))
            return file;
        ThrowIfOver();
        throw new LogFencedException($"{segment.Path}: the segment that was written to was removed.");
    }
}

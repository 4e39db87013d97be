using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Logs;
/// <summary>Rolling, cutting and trimming segments.</summary>
internal sealed partial class FileLog
{
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
        if (newest.ReservedTo <= newest.OffsetOf(_end))
            return;
        try
        {
            if (!_place.Open.TryAcquire(newest, out var file))
                return;
            try
            {
                file.SetLength(newest.OffsetOf(_end));
                newest.ReservedTo = 0;
            }
            finally
            {
                newest.Release();
            }
        }
        catch (DiskException)
        {
            // The space stays reserved until the segment is trimmed, or the file is gone; no byte is in doubt.
        }
    }

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
}

using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Logs;
/// <summary>How bytes get in, and when they are certain.</summary>
internal sealed partial class FileLog
{
    private bool RollIsDue => _segments[^1] is var newest
        && (Volatile.Read(ref _rollAt) > newest.Base || End - newest.Base >= _place.Options.SegmentBytes);

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
}

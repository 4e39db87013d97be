namespace OrleansMq.Storage.Files.Logs;

/// <summary>
/// Which segments are open, over all logs, the longest unused first; beyond the capacity those are closed. An idle log ends up with
/// no open file where others need them.
/// </summary>
internal sealed class OpenSegments(int capacity)
{
    private readonly LinkedList<Segment> _byUse = new();

    /// <summary>Runs the use with the segment open; false if the segment was removed.</summary>
    public bool TryAcquire(Segment segment, out Disk.IDiskFile file)
    {
        file = null!;
        if (Open(segment) is not { } opened)
            return false;
        file = opened;
        Touch(segment);
        return true;
    }

    /// <summary>Shortens no byte: the file ends where the last whole append did. Space that can't be given back stays reserved until the segment is trimmed.</summary>
    /// <param name="end">Position of the log's end.</param>
    public void GiveReservedSpaceBack(Segment segment, long end)
    {
        if (segment.ReservedTo <= segment.OffsetOf(end))
            return;
        try
        {
            if (!TryAcquire(segment, out var file))
                return;
            try
            {
                file.SetLength(segment.OffsetOf(end));
                segment.ReservedTo = 0;
            }
            finally
            {
                segment.Release();
            }
        }
        catch (Disk.DiskException)
        {
            // No byte is in doubt; the segment may be gone, removed by another process.
        }
    }

    public void Forget(Segment segment)
    {
        lock (_byUse)
        {
            if (segment.Place is { List: not null } place)
                _byUse.Remove(place);
        }
        segment.Retire();
    }

    private Disk.IDiskFile? Open(Segment segment)
    {
        try
        {
            return segment.Acquire();
        }
        catch (Disk.DiskException e) when (e.Error == Disk.DiskError.Exhausted)
        {
            CloseIdle();
            return segment.Acquire();
        }
    }

    /// <summary>Where the process may open no more files.</summary>
    public void CloseIdle() => CloseIdle(keep: 0);

    private void Touch(Segment segment)
    {
        bool tooMany;
        lock (_byUse)
        {
            segment.Place ??= new LinkedListNode<Segment>(segment);
            if (_byUse.Last != segment.Place)
            {
                if (segment.Place.List is not null)
                    _byUse.Remove(segment.Place);
                _byUse.AddLast(segment.Place);
            }
            tooMany = _byUse.Count > capacity;
        }
        if (tooMany)
            CloseIdle(capacity);
    }

    /// <summary>Looks at each that is too many once; those in use go to the young end and are looked at again another time.</summary>
    private void CloseIdle(int keep)
    {
        foreach (var segment in TakeOldest(keep))
        {
            if (!segment.CloseIfIdle())
                PutBack(segment);
        }
    }

    private List<Segment> TakeOldest(int keep)
    {
        var taken = new List<Segment>();
        lock (_byUse)
        {
            while (_byUse.Count > keep && _byUse.First is { } oldest)
            {
                _byUse.RemoveFirst();
                taken.Add(oldest.Value);
            }
        }
        return taken;
    }

    private void PutBack(Segment segment)
    {
        lock (_byUse)
        {
            if (segment.Place is { List: null } place)
                _byUse.AddLast(place);
        }
    }
}

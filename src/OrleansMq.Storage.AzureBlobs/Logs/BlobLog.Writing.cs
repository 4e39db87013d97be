using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs.Blobs;
using OrleansMq.Storage.AzureBlobs.Formats;

namespace OrleansMq.Storage.AzureBlobs.Logs;
/// <summary>How bytes get in, and when they are certain.</summary>
internal sealed partial class BlobLog
{
    public ValueTask Append(ReadOnlyMemory<byte> frames, bool flush)
    {
        try
        {
            ThrowIfOver();
            if (frames.IsEmpty)
                return flush ? Flush() : default;
            long end;
            lock (_listing)
            {
                // Memory is bounded: beyond it an append waits, as if it had asked to.
                flush |= _pendingBytes + frames.Length > _place.Options.AcceptedBytes;
                _pending.Enqueue(new Pending(_end, flush ? frames : frames.ToArray(), BeginsSegment()));
                _pendingBytes += frames.Length;
                end = _end += frames.Length;
            }
            return flush ? new ValueTask(CommitTo(end)) : default;
        }
        catch (Exception e)
        {
            return ValueTask.FromException(e);
        }
    }

    public ValueTask Flush()
    {
        try
        {
            ThrowIfOver();
            long end;
            lock (_listing)
            {
                if (_durable >= _end)
                    return default;
                end = _end;
            }
            return new ValueTask(CommitTo(end));
        }
        catch (Exception e)
        {
            return ValueTask.FromException(e);
        }
    }

    private bool BeginsSegment()
    {
        var newest = _segments[^1].Position;
        foreach (var append in _pending)
            if (append.Begins)
                newest = append.Position;
        if (_closedAt != LogManifest.Open && _pending.Count == 0)
            return true;
        return _end > newest && (_rollAt > newest || _end - newest >= _place.Options.BlobBytes);
    }

    /// <summary>
    /// Returns when everything below the target is in the blob. Who comes while a request is under way waits for the gate, and the next request takes what all of
    /// them brought.
    /// </summary>
    private async Task CommitTo(long target)
    {
        await _writing.WaitAsync();
        try
        {
            await CommitWhileWriting(target);
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task CommitWhileWriting(long target)
    {
        try
        {
            ThrowIfOver();
            while (Volatile.Read(ref _durable) < target)
            {
                await CommitRun(NextRun());
                ThrowIfOver();
            }
        }
        catch (StorageException reason)
        {
            // Callers get their buffers back: no reader may look into them any more.
            var ended = Ended(reason);
            lock (_listing)
                _pending.Clear();
            throw ended;
        }
        catch (ObjectDisposedException)
        {
            lock (_listing)
                _pending.Clear();
            throw;
        }
    }

    /// <summary>As many whole appends as one request takes, at least one, and all of one segment.</summary>
    private List<Pending> NextRun()
    {
        var run = new List<Pending>();
        var bytes = 0L;
        lock (_listing)
        {
            foreach (var append in _pending)
            {
                if (run.Count > 0 && (append.Begins || bytes + append.Bytes.Length > _place.Options.AppendBytes))
                    break;
                run.Add(append);
                bytes += append.Bytes.Length;
            }
        }
        return run;
    }

    private async Task CommitRun(List<Pending> run)
    {
        var bytes = Joined(run);
        var first = run[0].Position;
        var blocks = (bytes.Length + _place.Options.AppendBytes - 1) / _place.Options.AppendBytes;
        if (_tail is null || run[0].Begins || (_tail.Length > 0 && _tail.Blocks + blocks > _place.Options.BlobBlocks))
            await BeginSegment(first);
        var tail = _tail!;
        var from = tail.Length;
        for (var at = 0; at < bytes.Length; at += _place.Options.AppendBytes)
            await AppendBlock(tail, bytes.Slice(at, Math.Min(_place.Options.AppendBytes, bytes.Length - at)));
        _place.Cache.Add(tail.Name, from, bytes.Span);
        lock (_listing)
        {
            for (var n = 0; n < run.Count; n++)
                _pendingBytes -= _pending.Dequeue().Bytes.Length;
            _durable = first + bytes.Length;
            Changed();
        }
    }

    private async Task AppendBlock(SegmentTail tail, ReadOnlyMemory<byte> block)
    {
        try
        {
            await tail.Append(block, ThrowIfOver);
        }
        catch (BlobFault fault) when (fault.Kind == BlobFaultKind.Missing)
        {
            throw await WhyMissing(tail.Name);
        }
    }

    private static ReadOnlyMemory<byte> Joined(List<Pending> run)
    {
        if (run is [var single])
            return single.Bytes;
        var joined = new byte[run.Sum(append => append.Bytes.Length)];
        var at = 0;
        foreach (var append in run)
        {
            append.Bytes.Span.CopyTo(joined.AsSpan(at));
            at += append.Bytes.Length;
        }
        return joined;
    }

    /// <summary>
    /// The blob is there before the manifest names it, and the manifest names it before anything is appended: so whoever opens next finds every byte that was acknowledged.
    /// </summary>
    private async Task BeginSegment(long position)
    {
        await _upkeep.WaitAsync();
        try
        {
            ThrowIfOver();
            var current = _manifest.Current;
            var piece = new BlobPiece(position, Epoch, current.Sequence + 1);
            var tail = await SegmentTail.Create(_place, _place.SegmentName(current, piece), Epoch, ThrowIfOver);
            // One that was cut down to nothing, or not made yet, gives its place up.
            var replaced = current.Newest.Position == position ? current.Newest : default;
            await _manifest.Replace(
                manifest => manifest with
                {
                    ClosedAt = LogManifest.Open,
                    Segments = [.. manifest.Segments.Where(segment => segment.Position < position), piece],
                },
                ThrowIfOver);
            _tail = tail;
            ShowManifest();
            if (replaced.IsMade)
                await RemoveIfPossible(_place.SegmentName(current, replaced));
        }
        finally
        {
            _upkeep.Release();
        }
    }

    private void ShowManifest()
    {
        lock (_listing)
        {
            _segments = _manifest.Current.Segments;
            _closedAt = _manifest.Current.ClosedAt;
            Changed();
        }
    }

    private void Changed()
    {
        _changed = true;
        _openedSnapshot = null;
    }
}

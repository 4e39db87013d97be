using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs.Blobs;
using OrleansMq.Storage.AzureBlobs.Formats;

namespace OrleansMq.Storage.AzureBlobs.Logs;
/// <summary>How bytes get out.</summary>
internal sealed partial class BlobLog
{
    /// <summary>A committed piece of a segment: what a read falls into.</summary>
    /// <param name="Length">The segment's bytes that count and are there; its blob may hold more behind a cut.</param>
    /// <param name="Zeros">How many are read as zeros behind them.</param>
    private readonly record struct Extent(BlobPiece Segment, string Blob, long Length, long Zeros)
    {
        public int EndIn(long page, int pageBytes) => (int)Math.Min(pageBytes, Length - page * pageBytes);
    }

    // A hint and nothing more: the page read last, to tell who reads on from who looks something up.
    private PageKey _lastPage;

    public ValueTask<int> Read(long position, Memory<byte> destination)
    {
        try
        {
            ThrowIfOver();
            Extent extent;
            lock (_listing)
            {
                if (position < _segments[0].Position)
                    throw new LogTrimmedException($"{_place}: position {position} was removed; the log starts at {_segments[0].Position}.");
                if (position >= _end || destination.IsEmpty)
                    return new ValueTask<int>(0);
                if (position >= _durable)
                    return new ValueTask<int>(ReadPending(position, destination.Span));
                extent = ExtentAt(position);
            }
            var offset = position - extent.Segment.Position;
            if (offset >= extent.Length)
            {
                var zeros = destination.Span[..(int)Math.Min(destination.Length, extent.Length + extent.Zeros - offset)];
                zeros.Clear();
                return new ValueTask<int>(zeros.Length);
            }
            var key = new PageKey(extent.Blob, offset / _place.Cache.PageBytes);
            var within = (int)(offset % _place.Cache.PageBytes);
            var wanted = destination[..(int)Math.Min(destination.Length, extent.Length - offset)];
            var count = _place.Cache.Read(key, within, wanted.Span);
            FetchAhead(extent, key);
            return count > 0 ? new ValueTask<int>(count) : new ValueTask<int>(ReadFetching(extent, key, within, position, wanted));
        }
        catch (Exception e)
        {
            return ValueTask.FromException<int>(e);
        }
    }

    private int ReadPending(long position, Span<byte> destination)
    {
        var append = _pending.First(append => append.End > position);
        var bytes = append.Bytes.Span[(int)(position - append.Position)..];
        bytes = bytes[..Math.Min(bytes.Length, destination.Length)];
        bytes.CopyTo(destination);
        return bytes.Length;
    }

    /// <summary>The segment that a durable position lies in.</summary>
    private Extent ExtentAt(long position)
    {
        var low = 0;
        var high = _segments.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_segments[middle].Position <= position)
                low = middle;
            else
                high = middle - 1;
        }
        var end = low + 1 < _segments.Count ? _segments[low + 1].Position : _durable;
        var length = end - _segments[low].Position;
        var stored = _segments[low].IsRewritten ? Math.Min(length, _segments[low].Stored) : length;
        return new Extent(_segments[low], _place.Names.Segment(Id, Incarnation, _segments[low]), stored, length - stored);
    }

    private async Task<int> ReadFetching(Extent extent, PageKey key, int within, long position, Memory<byte> wanted)
    {
        byte[] page;
        try
        {
            page = await Fetch(extent, key);
        }
        catch (BlobFault fault) when (fault.Kind == BlobFaultKind.Missing)
        {
            ThrowIfOver();
            if (IsReplaced(extent.Segment))
                return await Read(position, wanted);
            if (extent.Segment.Position < Start)
                throw new LogTrimmedException($"{_place}: position {extent.Segment.Position} was removed; the log starts at {Start}.");
            throw Ended(await WhyMissing(extent.Blob));
        }
        catch (StorageException reason)
        {
            throw Ended(reason);
        }
        var count = Math.Min(wanted.Length, page.Length - within);
        page.AsMemory(within, count).CopyTo(wanted);
        return count;
    }

    /// <summary>Another was put in its place meanwhile.</summary>
    private bool IsReplaced(BlobPiece segment)
    {
        lock (_listing)
            return segment.Position >= _segments[0].Position && !_segments.Contains(segment);
    }

    /// <summary>The whole page: who reads a part of it will most likely want the rest.</summary>
    private Task<byte[]> Fetch(Extent extent, PageKey key)
    {
        var end = extent.EndIn(key.Number, _place.Cache.PageBytes);
        return _place.Cache.Fetch(key, end, () => _place.Attempts.Repeat(
            $"reading {extent.Blob}",
            async cancel =>
            {
                var bytes = new byte[end];
                await _place.Blobs.Read(extent.Blob, key.Number * _place.Cache.PageBytes, bytes, cancel);
                return bytes;
            }));
    }

    /// <summary>Who goes on from the page before gets the next one fetched while he is at this one.</summary>
    private void FetchAhead(Extent extent, PageKey key)
    {
        var goesOn = key != _lastPage && (_lastPage == key with { Number = key.Number - 1 } || key.Number == 0);
        _lastPage = key;
        var next = key with { Number = key.Number + 1 };
        var pageBytes = _place.Cache.PageBytes;
        if (goesOn && next.Number * pageBytes < extent.Length && !_place.Cache.Holds(next, extent.EndIn(next.Number, pageBytes)))
            Forget(Fetch(extent, next));

        // Whoever wants the page tries for himself, and hears of it.
        static void Forget(Task fetch) => fetch.ContinueWith(static done => done.Exception, TaskContinuationOptions.ExecuteSynchronously);
    }
}

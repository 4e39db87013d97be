using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Logs;

/// <summary>Other content for segments that are full.</summary>
internal sealed partial class FileLog
{
    public long StoredBytes => Segment.StoredBytes(_segments, End);

    public async ValueTask<ILogRewriting> Rewrite(long from)
    {
        FileRewriting? rewriting = null;
        await Run(() =>
        {
            lock (_upkeep)
            {
                ThrowIfOver();
                IndexOfFull(from);
                if (_rewriting is { IsOver: false })
                    throw new InvalidOperationException($"{_place}: it is being rewritten already.");
                _rewriting = rewriting = new FileRewriting(this, from, Path.Join(_place.Folder, SegmentHeader.FileName(from)));
            }
        });
        return rewriting!;
    }

    private int IndexOfFull(long from) => Segment.IndexOfFull(_segments, from)
        ?? throw new LogTrimmedException($"{_place}: no segment that is full begins at position {from}; the log starts at {Start}.");

    /// <summary>
    /// The new file takes the first one's name, which is one step to whoever looks after a crash; it says where it ends, so that the others, which go next, belong to nobody
    /// from then on. Called with the upkeep's lock. The folder's format is raised before: an earlier release would take a gap for damage.
    /// </summary>
    private void PlaceNow(FileRewriting rewriting, string made, long storedEnd)
    {
        var first = IndexOfFull(rewriting.From);
        var next = Array.FindIndex(_segments, segment => segment.Base == rewriting.To);
        if (next <= first)
            throw new LogTrimmedException($"{_place}: no segment begins at position {rewriting.To} any more.");
        var replaced = _segments[first..next];
        _place.Disk.Rename(made, replaced[0].Path);
        lock (_listing)
            _segments = [.. _segments[..first], new Segment(_place.Disk, replaced[0].Path, rewriting.From, storedEnd) { WrittenTo = storedEnd, FlushedTo = storedEnd }, .. _segments[next..]];
        foreach (var segment in replaced)
            _place.Open.Forget(segment);
        _place.Disk.FlushNames(_place.Folder);
        foreach (var segment in replaced[1..])
            _place.Disk.RemoveIfPossible(segment.Path);
    }

    /// <summary>The file beside the segments: it takes the first one's name.</summary>
    private sealed class FileRewriting(FileLog log, long from, string path)
        : RewrittenSegment(log._place.Disk, path + Durably.TemporaryEnding, log._manifest.Identity, log.Epoch, from, log._upkeep)
    {
        protected override ValueTask Run(Action job) => log.Run(job);

        protected override void ThrowIfOver() => log.ThrowIfOver();

        protected override void PlaceNow(long storedEnd) => log.PlaceNow(this, Made, storedEnd);

        protected override LogFullException Failed(DiskException error) => new($"{log._place}: {error.Message}. The segments are as they were.", error);
    }
}

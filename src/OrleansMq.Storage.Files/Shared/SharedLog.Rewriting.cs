using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Logs;

namespace OrleansMq.Storage.Files.Shared;

/// <summary>Other content for segments that are full: a file of this opening's own, and the manifest that names it in place of theirs.</summary>
internal sealed partial class SharedLog
{
    public long StoredBytes => Segment.StoredBytes(_segments, End);

    public async ValueTask<ILogRewriting> Rewrite(long from)
    {
        SharedRewriting? rewriting = null;
        await Run(() =>
        {
            lock (_upkeep)
            {
                ThrowIfOver();
                IndexOfFull(from);
                if (_rewriting is { IsOver: false })
                    throw new InvalidOperationException($"{_place}: it is being rewritten already.");
                _rewriting = rewriting = new SharedRewriting(this, new SharedFile(from, Epoch, _place.Options.DrawIncarnation()));
            }
        });
        return rewriting!;
    }

    private int IndexOfFull(long from) => Segment.IndexOfFull(_segments, from)
        ?? throw new LogTrimmedException($"{_place}: no segment that is full begins at position {from}; the log starts at {Start}.");

    /// <summary>
    /// The manifest changes in one step, and only if it is this opening's still: one who lost the log has made a file that nobody names. Called with the upkeep's lock.
    /// </summary>
    private void PlaceNow(SharedRewriting rewriting, string path, long storedEnd)
    {
        var first = IndexOfFull(rewriting.File.Position);
        if (Array.FindIndex(_segments, segment => segment.Base == rewriting.To) <= first)
            throw new LogTrimmedException($"{_place}: no segment begins at position {rewriting.To} any more.");
        _place.BeforeRewriting();
        var file = rewriting.File;
        rewriting.MayBeNamed = true;
        bool Stays(long position) => position < file.Position || position >= rewriting.To;
        _owner.Change(manifest => manifest with
        {
            Format = SharedManifest.RewrittenFormat,
            Segments = [.. manifest.Segments.Where(segment => segment.Position < file.Position), file, .. manifest.Segments.Where(segment => segment.Position >= rewriting.To)],
        });
        var made = new Segment(_place.Disk, path, file.Position, storedEnd) { WrittenTo = storedEnd, FlushedTo = storedEnd };
        Segment[] replaced;
        lock (_listing)
        {
            replaced = [.. _segments.Where(segment => !Stays(segment.Base))];
            _segments = [.. _segments.Where(segment => segment.Base < file.Position), made, .. _segments.Where(segment => segment.Base >= rewriting.To)];
        }
        Drop(replaced);
    }

    /// <summary>A file whose name is drawn for it, and nobody else's.</summary>
    private sealed class SharedRewriting(SharedLog log, SharedFile file)
        : RewrittenSegment(log._place.Disk, Path.Join(log._place.Folder, file.SegmentName), log._owner.Manifest.Identity, log.Epoch, file.Position, log._upkeep)
    {
        public SharedFile File { get; } = file;

        /// <summary>Set before the manifest is to name the file. A change that fails leaves it open whether it does, so the file stays from then on: whoever opens the log next knows.</summary>
        public bool MayBeNamed { get; set; }

        protected override bool IsNobodys => !MayBeNamed;

        protected override ValueTask Run(Action job) => log.Run(job);

        protected override void ThrowIfOver() => log.ThrowIfOver();

        protected override void Sealed() => log._place.Disk.FlushNames(log._place.Folder);

        protected override void PlaceNow(long storedEnd) => log.PlaceNow(this, Made, storedEnd);

        protected override LogFullException Failed(DiskException error)
        {
            // Whoever took the log over removes files that are nobody's.
            if (error.Error == DiskError.Missing)
                log._owner.Confirm();
            return new($"{log._place}: {error.Message}. The segments are as they were.", error);
        }
    }
}

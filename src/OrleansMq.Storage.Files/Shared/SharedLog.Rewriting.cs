using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;
using OrleansMq.Storage.Files.Logs;

namespace OrleansMq.Storage.Files.Shared;

/// <summary>Other content for segments that are full: a file of this opening's own, and the manifest that names it in place of theirs.</summary>
internal sealed partial class SharedLog
{
    public long StoredBytes
    {
        get
        {
            var (segments, end) = (_segments, End);
            var bytes = 0L;
            for (var i = 0; i < segments.Length; i++)
                bytes += (segments[i].StoredEnd ?? (i + 1 < segments.Length ? segments[i + 1].Base : end)) - segments[i].Base;
            return bytes;
        }
    }

    public async ValueTask<ILogRewriting> Rewrite(long from)
    {
        SharedRewriting? rewriting = null;
        await Run(() =>
        {
            lock (_upkeep)
            {
                ThrowIfOver();
                IndexOfFull(_segments, from);
                if (_rewriting is { IsOver: false })
                    throw new InvalidOperationException($"{_place}: it is being rewritten already.");
                _rewriting = rewriting = new SharedRewriting(this, new SharedFile(from, Epoch, _place.Options.DrawIncarnation()));
            }
        });
        return rewriting!;
    }

    private int IndexOfFull(Segment[] segments, long from) => Array.FindIndex(segments, segment => segment.Base == from) is >= 0 and var index && index < segments.Length - 1
        ? index
        : throw new LogTrimmedException($"{_place}: no segment that is full begins at position {from}; the log starts at {Start}.");

    /// <summary>
    /// The manifest changes in one step, and only if it is this opening's still: one who lost the log has made a file that nobody names. Called with the upkeep's lock.
    /// </summary>
    private void PlaceNow(SharedRewriting rewriting, string path, long storedEnd)
    {
        var first = IndexOfFull(_segments, rewriting.File.Position);
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

    /// <summary>A file that is to take the place of some segments. Its name is drawn for it, and nobody else's.</summary>
    private sealed class SharedRewriting(SharedLog log, SharedFile file) : ILogRewriting
    {
        private readonly Lock _gate = new();
        private readonly string _path = Path.Join(log._place.Folder, file.SegmentName);
        private IDiskFile? _open;
        private long _end = file.Position;
        private bool _sealed;

        public SharedFile File { get; } = file;

        public long To { get; private set; }

        /// <summary>Placed, failed or abandoned.</summary>
        public bool IsOver { get; private set; }

        /// <summary>Set before the manifest is to name the file. A change that fails leaves it open whether it does, so the file stays from then on: whoever opens the log next knows.</summary>
        public bool MayBeNamed { get; set; }

        public ValueTask Write(ReadOnlyMemory<byte> frames) => Do(() =>
        {
            _open ??= log._place.Disk.Open(_path, DiskOpenMode.Create);
            var offset = SegmentHeader.Size + _end - File.Position;
            // So that a full volume shows here and not at the flush.
            _open.Reserve(offset, frames.Length);
            _open.Write(frames.Span, offset);
            _end += frames.Length;
        });

        public ValueTask Seal(long to) => Do(() =>
        {
            if (_open is null || to < _end)
                throw new InvalidOperationException($"{_path}: what was written from {File.Position} to {_end} can't end at {to}.");
            To = to;
            _open.Write(SegmentHeader.Encode(log._owner.Manifest.Identity, File.Position, log.Epoch, to), 0);
            _open.Flush();
            _open.Dispose();
            _open = null;
            log._place.Disk.FlushNames(log._place.Folder);
            _sealed = true;
        });

        public ValueTask Place() => log.Run(() =>
        {
            lock (log._upkeep)
            lock (_gate)
                Step(() =>
                {
                    if (!_sealed)
                        throw new InvalidOperationException($"{_path}: it is not sealed.");
                    log.PlaceNow(this, _path, _end);
                    IsOver = true;
                });
        });

        public async ValueTask DisposeAsync()
        {
            if (!IsOver)
                await log._place.Io.Run(Abandon);
        }

        private void Abandon()
        {
            lock (_gate)
            {
                if (IsOver)
                    return;
                IsOver = true;
                _open?.Dispose();
                _open = null;
                if (!MayBeNamed)
                    log._place.Disk.RemoveIfPossible(_path);
            }
        }

        private void Step(Action step)
        {
            log.ThrowIfOver();
            if (IsOver)
                throw new LogTrimmedException($"{_path}: the rewriting is over.");
            step();
        }

        /// <summary>Nothing of the log is in the new file until it is placed: what goes wrong before is a refusal, whatever the volume called it.</summary>
        private ValueTask Do(Action step) => log.Run(() =>
        {
            try
            {
                lock (_gate)
                    Step(step);
            }
            catch (DiskException e) when (!_sealed)
            {
                // Whoever took the log over removes files that are nobody's.
                if (e.Error == DiskError.Missing)
                    log._owner.Confirm();
                Abandon();
                throw new LogFullException($"{log._place}: {e.Message}. The segments are as they were.", e);
            }
        });
    }
}

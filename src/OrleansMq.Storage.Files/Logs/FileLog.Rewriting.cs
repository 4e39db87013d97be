using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Logs;

/// <summary>Other content for segments that are full.</summary>
internal sealed partial class FileLog
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

    private int IndexOfFull(long from) => Array.FindIndex(_segments, segment => segment.Base == from) is >= 0 and var index && index < _segments.Length - 1
        ? index
        : throw new LogTrimmedException($"{_place}: no segment that is full begins at position {from}; the log starts at {Start}.");

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
        _place.BeforeRewriting();
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

    /// <summary>The file beside the segments that is to take the place of some.</summary>
    private sealed class FileRewriting(FileLog log, long from, string path) : ILogRewriting
    {
        private readonly Lock _gate = new();
        private readonly string _made = path + Durably.TemporaryEnding;
        private IDiskFile? _file;
        private long _end = from;
        private long _reservedTo;
        private bool _sealed;

        public long From { get; } = from;

        public long To { get; private set; }

        /// <summary>Placed, failed or abandoned.</summary>
        public bool IsOver { get; private set; }

        public ValueTask Write(ReadOnlyMemory<byte> frames) => Do(() =>
        {
            _file ??= log._place.Disk.Open(_made, DiskOpenMode.Create);
            var offset = SegmentHeader.Size + _end - From;
            // So that a full disk shows here and not at the flush.
            if (offset + frames.Length > _reservedTo)
            {
                _file.Reserve(offset, frames.Length);
                _reservedTo = offset + frames.Length;
            }
            _file.Write(frames.Span, offset);
            _end += frames.Length;
        });

        public ValueTask Seal(long to) => Do(() =>
        {
            if (_file is null || to < _end)
                throw new InvalidOperationException($"{_made}: what was written from {From} to {_end} can't end at {to}.");
            To = to;
            _file.Write(SegmentHeader.Encode(log._manifest.Identity, From, log.Epoch, to), 0);
            _file.Flush();
            _file.Dispose();
            _file = null;
            _sealed = true;
        });

        public ValueTask Place() => log.Run(() =>
        {
            // In the order in which whoever ends the opening takes them.
            lock (log._upkeep)
            lock (_gate)
                Step(() =>
                {
                    if (!_sealed)
                        throw new InvalidOperationException($"{_made}: it is not sealed.");
                    log.PlaceNow(this, _made, _end);
                    IsOver = true;
                });
        });

        public ValueTask DisposeAsync()
        {
            if (!IsOver)
                return log.Run(Abandon);
            return default;
        }

        public void Abandon()
        {
            lock (_gate)
            {
                if (IsOver)
                    return;
                IsOver = true;
                _file?.Dispose();
                _file = null;
                log._place.Disk.RemoveIfPossible(_made);
            }
        }

        private void Step(Action step)
        {
            log.ThrowIfOver();
            if (IsOver)
                throw new LogTrimmedException($"{_made}: the rewriting is over.");
            step();
        }

        /// <summary>Nothing of the log is in the new file until it is placed: what goes wrong before is a refusal, whatever the disk called it.</summary>
        private ValueTask Do(Action step) => log.Run(() =>
        {
            try
            {
                lock (_gate)
                    Step(step);
            }
            catch (DiskException e) when (!_sealed)
            {
                Abandon();
                throw new LogFullException($"{log._place}: {e.Message}. The segments are as they were.", e);
            }
        });
    }
}

using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs.Formats;

namespace OrleansMq.Storage.AzureBlobs.Logs;

/// <summary>Other content for segments that are full: a blob of a name never used before, and the manifest that names it in place of theirs.</summary>
internal sealed partial class BlobLog
{
    // Owned by _upkeep: the one that is under way, whose blob no manifest names yet, and whether what cut-off ones left was looked for.
    private BlobRewriting? _rewriting;
    private bool _lookedForStrays;

    public long StoredBytes
    {
        get
        {
            lock (_listing)
            {
                var bytes = 0L;
                for (var i = 0; i < _segments.Count; i++)
                    bytes += _segments[i].IsRewritten ? _segments[i].Stored : (i + 1 < _segments.Count ? _segments[i + 1].Position : _end) - _segments[i].Position;
                return bytes;
            }
        }
    }

    /// <remarks>The manifest is written with nothing changed but its sequence: so no two blobs have one name, and whoever lost the log hears of it before any work.</remarks>
    public async ValueTask<ILogRewriting> Rewrite(long from)
    {
        BlobRewriting? rewriting = null;
        await Upkeep(async () =>
        {
            if (_rewriting is { IsOver: false })
                throw new InvalidOperationException($"{_place}: it is being rewritten already.");
            if (IndexOfFull(_manifest.Current, from) < 0)
                return;
            await _manifest.Replace(manifest => manifest, ThrowIfOver);
            _rewriting = rewriting = new BlobRewriting(this, new BlobPiece(from, Epoch, _manifest.Current.Sequence));
        });
        return rewriting ?? throw new LogTrimmedException($"{_place}: no segment that is full begins at position {from}; the log starts at {Start}.");
    }

    private static int IndexOfFull(LogManifest manifest, long position)
    {
        for (var i = 0; i + 1 < manifest.Segments.Count; i++)
            if (manifest.Segments[i].Position == position)
                return i;
        return -1;
    }

    /// <summary>One conditional writing of the manifest: another opening's makes it fail, and then the new blob is nobody's. Blobs that it names no more go when the rewriting is disposed of.</summary>
    /// <returns>The manifest before; null: one of the segments was removed.</returns>
    private async Task<LogManifest?> PlaceDuringUpkeep(BlobPiece made, long to)
    {
        var before = _manifest.Current;
        if (IndexOfFull(before, made.Position) < 0 || before.Segments.All(segment => segment.Position != to))
            return null;
        await _manifest.Replace(
            manifest => manifest with
            {
                Segments = [.. manifest.Segments.Where(segment => segment.Position < made.Position), made, .. manifest.Segments.Where(segment => segment.Position >= to)],
            },
            ThrowIfOver);
        ShowManifest();
        return before;
    }

    /// <summary>A blob that is to take the place of some segments.</summary>
    private sealed class BlobRewriting(BlobLog log, BlobPiece piece) : ILogRewriting
    {
        private readonly string _name = log._place.Names.Segment(log.Id, log.Incarnation, piece);
        private readonly MemoryStream _waiting = new();
        private SegmentTail? _blob;
        private long _to;
        private bool _sealed;
        private LogManifest? _before;

        public string Name => _name;

        /// <summary>Placed and done with, failed or abandoned.</summary>
        public bool IsOver { get; private set; }

        public ValueTask Write(ReadOnlyMemory<byte> frames) => Do(async () =>
        {
            _waiting.Write(frames.Span);
            if (_waiting.Length >= log._place.Options.AppendBytes)
                await HandOn();
        });

        public ValueTask Seal(long to) => Do(async () =>
        {
            await HandOn();
            if (_blob is null || to < piece.Position + _blob.Length)
                throw new InvalidOperationException($"{_name}: what was written of it can't end at {to}.");
            _to = to;
            _sealed = true;
        });

        public async ValueTask Place()
        {
            if (!_sealed)
                throw new InvalidOperationException($"{_name}: it is not sealed.");
            await log.Upkeep(async () => _before = await log.PlaceDuringUpkeep(piece with { Stored = (int)_blob!.Length }, _to));
            if (_before is null)
                throw new LogTrimmedException($"{log._place}: no segments from position {piece.Position} to {_to} any more.");
        }

        public async ValueTask DisposeAsync()
        {
            await _waiting.DisposeAsync();
            if (IsOver)
                return;
            IsOver = true;
            // Of an opening that is over: whoever has the log next removes what is nobody's.
            if (log._over is null)
                await log.Upkeep(Clear);
        }

        private async Task Clear()
        {
            if (_before is not null)
                await log.RemoveUnnamed(_before);
            else if (_blob is not null)
                await log.RemoveIfPossible(_name);
            if (!log._lookedForStrays)
                await log.RemoveStrays();
            log._lookedForStrays = true;
        }

        private async Task HandOn()
        {
            _blob ??= await SegmentTail.Create(log._place, _name, log.Epoch, log.ThrowIfOver);
            var (bytes, block) = (_waiting.GetBuffer().AsMemory(0, (int)_waiting.Length), log._place.Options.AppendBytes);
            for (var at = 0; at < bytes.Length; at += block)
                await log.AppendBlock(_blob, bytes.Slice(at, Math.Min(block, bytes.Length - at)));
            _waiting.SetLength(0);
        }

        /// <summary>Nothing of the log is in the new blob until it is placed: a service that gives no answer is a refusal.</summary>
        private async ValueTask Do(Func<Task> step)
        {
            log.ThrowIfOver();
            if (IsOver)
                throw new LogTrimmedException($"{_name}: the rewriting is over.");
            try
            {
                await step();
            }
            catch (LogFailedException e)
            {
                await DisposeAsync();
                throw new LogFullException($"{log._place}: {e.Message} The segments are as they were.", e);
            }
            catch (StorageException reason)
            {
                throw log.Ended(reason);
            }
        }
    }
}

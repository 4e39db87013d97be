using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs.Formats;

namespace OrleansMq.Storage.AzureBlobs.Logs;

/// <summary>One opening of a log on append blobs.</summary>
/// <remarks>
/// <para>What is <c>accepted</c> alone waits in memory (<see cref="_pending"/>) until somebody wants it durable, or too much waits; one request at a time takes all that has gathered.</para>
/// <para>Gates, in the order in which they are taken: <c>_writing</c> (the tail blob), <c>_upkeep</c> (the manifest and what it names), <c>_listing</c> (a lock,
/// held for an instant).</para>
/// <para>Why an older opening can do no harm: docs/decisions/0020-fencing-append-blobs.md.</para>
/// </remarks>
internal sealed partial class BlobLog : IPartitionLog
{
    private readonly LogPlace _place;
    private readonly SemaphoreSlim _writing = new(1);
    private readonly SemaphoreSlim _upkeep = new(1);
    private readonly Lock _listing = new();

    // Owned by _upkeep.
    private readonly ManifestBlob _manifest;

    // Owned by _writing. Null: the next bytes begin a new blob.
    private SegmentTail? _tail;

    // The rest is guarded by _listing. What the manifest names as segments, and where the last of them ends for good, if it does.
    private IReadOnlyList<BlobPiece> _segments;
    private long _closedAt;

    // Appends not committed yet, in order; together they are the bytes from _durable to _end.
    private readonly Queue<Pending> _pending = new();
    private long _pendingBytes;
    private long _durable;
    private long _end;

    // Where the next segment was asked to begin: an append that finds the newest segment older than this begins one.
    private long _rollAt = -1;

    // As it was opened, until the first change; afterwards it is read again when asked for, and not held in memory.
    private LogSnapshot? _openedSnapshot;
    private bool _changed;

    // Why every further call is refused; set once.
    private volatile Exception? _over;

    private BlobLog(LogPlace place, ManifestBlob manifest, SegmentTail? tail, LogSnapshot? snapshot)
    {
        (_place, _manifest, _tail, _openedSnapshot) = (place, manifest, tail, snapshot);
        _segments = manifest.Current.Segments;
        _closedAt = manifest.Current.ClosedAt;
        _end = _durable = EndOf(manifest.Current, tail);
        Epoch = manifest.Current.Epoch;
        Incarnation = manifest.Current.Identity.Incarnation;
    }

    /// <summary>An append that waits.</summary>
    /// <param name="Begins">It begins a segment.</param>
    private readonly record struct Pending(long Position, ReadOnlyMemory<byte> Bytes, bool Begins)
    {
        public long End => Position + Bytes.Length;
    }

    /// <summary>
    /// The manifest first: from then on the older opening can't change which blob is the tail. Then that blob: from then on the older opening can't append.
    /// Only then is its length asked for.
    /// </summary>
    public static async Task<BlobLog> Open(LogPlace place)
    {
        var manifest = await ManifestBlob.TakeNextEpoch(place, place.Options.DrawMark());
        var current = manifest.Current;
        var tail = current.ClosedAt == LogManifest.Open ? await SegmentTail.TakeOver(place, place.SegmentName(current, current.Newest), current.Epoch) : null;
        return new BlobLog(place, manifest, tail, await FindSnapshot(place, current, EndOf(current, tail)));
    }

    public LogId Id => _place.Id;

    public ulong Incarnation { get; }

    public int Epoch { get; }

    public long Start
    {
        get
        {
            lock (_listing)
                return _segments[0].Position;
        }
    }

    public long End
    {
        get
        {
            lock (_listing)
                return _end;
        }
    }

    public IReadOnlyList<long> Segments
    {
        get
        {
            // A segment that was cut down to nothing gives its place to the one that begins there next.
            lock (_listing)
                return [.. _segments.Select(segment => segment.Position).Concat(_pending.Where(append => append.Begins).Select(append => append.Position)).Distinct()];
        }
    }

    public long KnownDurable => _manifest.Current.Snapshots.Select(snapshot => snapshot.Position).Append(Start).Max();

    public LogSnapshot? Snapshot
    {
        get
        {
            lock (_listing)
            {
                if (!_changed)
                    return _openedSnapshot;
            }
            // The port asks without waiting, and nobody but tests asks after an opening's first append: on a thread that may block.
            return Task.Run(ReadNewestSnapshot).GetAwaiter().GetResult();
        }
    }

    public void Roll()
    {
        lock (_listing)
            _rollAt = _end;
    }

    public async ValueTask DisposeAsync()
    {
        if (_over is null)
        {
            try
            {
                await CommitTo(End);
            }
            catch (StorageException lost)
            {
                _place.Notify($"{_place}: closing it could not write what was accepted and not yet durable: {lost.Message}");
            }
            catch (ObjectDisposedException)
            {
                // Two closed it at once.
            }
        }
        EndWith(new ObjectDisposedException($"{_place} (the log was closed)"));
        _place.Closed(this);
    }

    /// <summary>Refuses everything from now on; what is under way ends at its next look.</summary>
    internal void EndWith(Exception reason) => Interlocked.CompareExchange(ref _over, reason, null);

    private static long EndOf(LogManifest manifest, SegmentTail? tail) => tail is null ? manifest.ClosedAt : manifest.Newest.Position + tail.Length;

    private void ThrowIfOver()
    {
        if (_over is { } reason)
            throw Refusal(reason);
    }

    /// <summary>What ends this opening: remembered, so that every later call says the same.</summary>
    private Exception Ended(StorageException reason)
    {
        EndWith(reason);
        return Refusal(_over!);
    }

    /// <summary>A blob of this log is not where it should be: who took it?</summary>
    private async Task<StorageException> WhyMissing(string blob)
    {
        try
        {
            await _manifest.StillOurs();
            return new LogDamagedException($"{blob} is missing: the manifest names it. Restore it from a copy.");
        }
        catch (StorageException reason)
        {
            return reason;
        }
    }

    /// <summary>A fresh exception for each caller: one object thrown on many threads loses its traces.</summary>
    private static Exception Refusal(Exception reason) => reason switch
    {
        LogFailedException failed => new LogFailedException(failed.Message, failed.InnerException),
        LogFencedException fenced => new LogFencedException(fenced.Message),
        LogMissingException missing => new LogMissingException(missing.Message),
        LogDamagedException damaged => new LogDamagedException(damaged.Message),
        ObjectDisposedException disposed => new ObjectDisposedException(disposed.ObjectName),
        _ => reason,
    };
}

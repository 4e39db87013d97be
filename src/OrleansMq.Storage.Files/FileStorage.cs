using System.Collections.Concurrent;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Documents;
using OrleansMq.Storage.Files.Formats;
using OrleansMq.Storage.Files.Journaling;
using OrleansMq.Storage.Files.Logs;

namespace OrleansMq.Storage.Files;

/// <summary>
/// Logs and documents in a folder of this machine. What is acknowledged has been through fdatasync, and so have the names of the
/// files it lies in. One process at a time uses a folder.
/// </summary>
/// <remarks>docs/formats.md draws the files. The folder's layout: see <see cref="DataFolder"/>.</remarks>
public sealed class FileStorage : IStorage
{
    /// <summary>Flushes side by side when what a journal speaks of is settled.</summary>
    private const int CheckpointThreads = 8;

    /// <summary>Who waits for a journal waits with all others for one flush: the more, the fewer flushes.</summary>
    private const int JournalThreads = 64;

    private readonly FileStorageOptions _options;
    private readonly IDisk _disk;
    private readonly IIoScheduler _io;
    private readonly IoThreads? _ownThreads;
    private readonly IoThreads? _checkpointThreads;
    private readonly JournaledDisk? _journaled;
    private readonly DataFolder _folder;
    private readonly IDisposable _lock;
    private readonly OpenSegments _segments;

    // The newest opening of each log; it is fenced when the next one begins.
    private readonly ConcurrentDictionary<LogId, FileLog> _logs = new();

    // Up to where a log whose flush failed is certain. Pages beyond look written and may not be on the disk, and no later flush would
    // say so: the next opening writes again what it is about to believe.
    private readonly ConcurrentDictionary<LogId, long> _suspect = new();

    // Made by this process and never opened: all that it is was flushed.
    private readonly ConcurrentDictionary<LogId, bool> _fresh = new();

    // Creating, opening and deleting one log exclude each other.
    private readonly Lock[] _turns = [.. Enumerable.Range(0, 64).Select(_ => new Lock())];

    /// <summary>Takes the folder; makes it if it is missing.</summary>
    /// <param name="options">Where and how.</param>
    /// <param name="disk">Default: this machine's.</param>
    /// <param name="io">Where blocking calls run, and the journal's checkpoints; default: <see cref="FileStorageOptions.FlushThreads"/> threads of its own.</param>
    /// <exception cref="DataFolderException">Another process holds the folder, or it is of a newer version.</exception>
    public FileStorage(FileStorageOptions options, IDisk? disk = null, IIoScheduler? io = null)
    {
        _options = options.Validated();
        _disk = disk ?? LocalDisk.ForThisMachine();
        _folder = new DataFolder(_disk, options.Directory);
        _io = io ?? (_ownThreads = new IoThreads(options.Journal ? Math.Max(JournalThreads, options.FlushThreads) : options.FlushThreads));
        _lock = TakeFolder();
        try
        {
            // Threads of their own: those of the logs may all be waiting for the journal.
            _journaled = JournaledDisk.Take(_disk, _folder, _options, io ?? (_checkpointThreads = new IoThreads(CheckpointThreads)), CheckpointThreads, Notify);
            _disk = _journaled ?? _disk;
            RemoveDeleted();
        }
        catch (Exception e)
        {
            EndJournal();
            _lock.Dispose();
            _ownThreads?.Dispose();
            _checkpointThreads?.Dispose();
            if (e is DiskException)
                throw new DataFolderException($"The data folder {_folder.Root} can't be used: {e.Message}.", e);
            throw;
        }
        _segments = new OpenSegments(options.OpenSegments);
        Documents = new FileDocuments(_disk, _io, _folder.Documents);
    }

    public IDocuments Documents { get; }

    public bool CanRewrite => true;

    public ValueTask CreateLog(LogId id, LogDefinition definition) => Run(id, () => Create(id, definition));

    public ValueTask<IPartitionLog> OpenLog(LogId id)
    {
        return OpenOnThread();

        async ValueTask<IPartitionLog> OpenOnThread()
        {
            IPartitionLog? opened = null;
            await Run(id, () => opened = Open(id));
            return opened!;
        }
    }

    public ValueTask DeleteLog(LogId id) => Run(id, () => Delete(id));

    public async ValueTask DisposeAsync()
    {
        foreach (var log in _logs.Values)
            await log.DisposeAsync();
        _logs.Clear();
        EndJournal();
        _lock.Dispose();
        _ownThreads?.Dispose();
        _checkpointThreads?.Dispose();
    }

    private void EndJournal()
    {
        try
        {
            _journaled?.Dispose();
        }
        catch (DiskException e)
        {
            Notify(new StorageNotice(_folder.Journal, $"It could not be settled: {e.Message}. The next start applies it."));
        }
    }

    private IDisposable TakeFolder()
    {
        try
        {
            _disk.MakeDirectoryDurably(_folder.Root);
            var held = _folder.LockAlone();
            try
            {
                _folder.Prepare();
                return held;
            }
            catch
            {
                held.Dispose();
                throw;
            }
        }
        catch (DiskException e)
        {
            throw new DataFolderException($"The data folder {_folder.Root} can't be used: {e.Message}.", e);
        }
    }

    private void RemoveDeleted()
    {
        foreach (var entry in _disk.List(_folder.Deleted))
            _disk.RemoveTree(Path.Join(_folder.Deleted, entry.Name));
    }

    /// <summary>
    /// A log exists when its manifest does. All names are flushed together at the end: what is cut off before is no log to anybody, also where the manifest's
    /// name came to the disk and the segment's did not (<see cref="WasCutOff"/>).
    /// </summary>
    private void Create(LogId id, LogDefinition definition)
    {
        var place = PlaceOf(id);
        var topic = _folder.TopicFolder(id.TopicId);
        _disk.MakeDirectory(topic);
        _disk.MakeDirectory(place.Folder);
        var existing = TryReadManifest(place);
        if (existing is not null && existing.Definition.TopicName != definition.TopicName)
            throw new InvalidOperationException($"{place} belongs to topic '{existing.Definition.TopicName}', not '{definition.TopicName}'.");
        if (existing is null || WasCutOff(place, existing))
        {
            var identity = existing?.Identity ?? new LogIdentity(_options.DrawIncarnation(), id.TopicId, id.Partition);
            SegmentMaker.Write(_disk, Path.Join(place.Folder, SegmentHeader.FileName(0)), identity, 0, 0).Dispose();
            new LogManifest { Identity = identity, Definition = definition, Epoch = 0, FirstSegment = 0, LastSegment = 0 }.WriteNew(_disk, place.ManifestPath);
        }
        foreach (var parent in new[] { place.Folder, topic, _folder.Logs })
            _disk.FlushNames(parent);
        if (existing is null)
            _fresh[id] = true;
    }

    /// <summary>Whether it was being made when the power went: never opened, and without its first segment.</summary>
    private bool WasCutOff(FileLogPlace place, LogManifest manifest) =>
        manifest.Epoch == 0 && !manifest.EpochInDoubt && !_disk.Exists(Path.Join(place.Folder, SegmentHeader.FileName(0)));

    /// <summary>
    /// Fences whoever had it, flushes what the page cache may still hold from before (the opener is about to believe what it
    /// reads), and only then takes the next epoch.
    /// </summary>
    private FileLog Open(LogId id)
    {
        var place = PlaceOf(id);
        var manifest = TryReadManifest(place) ?? throw new LogMissingException($"{place} does not exist here.");
        if (_logs.TryGetValue(id, out var before))
        {
            before.EndWith(new LogFencedException($"{place}: opened again at an epoch above {before.Epoch}."));
            Closed(before);
            manifest = TryReadManifest(place)!;
        }
        if (WasCutOff(place, manifest))
            throw new LogMissingException($"{place} does not exist here: it was being made when the power went.");
        var fresh = _fresh.TryRemove(id, out _);
        if (!fresh)
        {
            SlotFile.Settle(_disk, place.ManifestPath, manifest.Identity.Incarnation);
            foreach (var parent in new[] { place.Folder, _folder.TopicFolder(id.TopicId), _folder.Logs })
                _disk.FlushNames(parent);
        }
        var chain = SegmentChain.Read(_disk, place.Folder, manifest);
        if (!fresh)
            MakeCertain(id, manifest.Identity, chain.Segments[^1]);
        var snapshots = new SnapshotShelf(_disk, place.Folder, manifest.Identity);
        snapshots.Survey(chain.Start, chain.End, Notify);
        var opened = TakeEpoch(place, manifest, chain);
        Tidy(place, chain);
        return _logs[id] = new FileLog(place, opened, chain, snapshots);
    }

    /// <summary>
    /// Flushes the newest segment; the older ones were flushed before it was made. What no frame says was durable is written again first: the flush
    /// that failed may have been another process's, and its pages look clean.
    /// </summary>
    private void MakeCertain(LogId id, LogIdentity identity, SegmentExtent newest)
    {
        using var file = _disk.Open(newest.Path, DiskOpenMode.ReadWrite);
        try
        {
            if (_suspect.TryGetValue(id, out var certain))
                Notify(new StorageNotice(newest.Path, $"A flush failed before; the bytes from position {certain} on are written again."));
            else
                certain = TailOfSegment.KnownDurable(file, newest, identity);
            TailOfSegment.WriteAgain(file, SegmentHeader.Size + Math.Max(0, certain - newest.Base));
            file.FlushInUse();
        }
        catch (DiskException)
        {
            _suspect[id] = 0;
            throw;
        }
        _suspect.TryRemove(id, out _);
    }

    private void Closed(FileLog log)
    {
        if (log.CertainUpTo is { } certain)
            _suspect[log.Id] = certain;
        _logs.TryRemove(new KeyValuePair<LogId, FileLog>(log.Id, log));
    }

    /// <summary>An epoch that may have been taken is not taken again.</summary>
    private LogManifest TakeEpoch(FileLogPlace place, LogManifest manifest, SegmentChain chain)
    {
        if (manifest.EpochInDoubt)
            Notify(new StorageNotice(place.ManifestPath, $"One of its two slots does not read back; epoch {manifest.Epoch + 1} may have been taken and is passed over."));
        return (manifest with
        {
            Epoch = manifest.Epoch + (manifest.EpochInDoubt ? 2 : 1),
            Sequence = manifest.Sequence + (manifest.EpochInDoubt ? 2UL : 0UL),
            LastSegment = chain.Segments[^1].Base,
        }).Save(_disk, place.ManifestPath);
    }

    private void Tidy(FileLogPlace place, SegmentChain chain)
    {
        foreach (var leftover in chain.Leftovers)
            _disk.RemoveIfPossible(leftover);
        if (chain.Torn is not { } torn)
            return;
        _disk.Remove(torn);
        _disk.FlushNames(place.Folder);
        Notify(new StorageNotice(torn, "The segment was being made when the power went; it held nothing and was removed."));
    }

    /// <summary>Out of the way with one rename, so that a deletion that is cut off is never half a log.</summary>
    private void Delete(LogId id)
    {
        var place = PlaceOf(id);
        if (_logs.TryRemove(id, out var open))
            open.EndWith(new LogMissingException($"{place} was deleted."));
        _suspect.TryRemove(id, out _);
        _fresh.TryRemove(id, out _);
        var topic = _folder.TopicFolder(id.TopicId);
        var tomb = Path.Join(_folder.Deleted, $"{id.TopicId:N}-{id.Partition}-{_options.DrawIncarnation():x16}");
        var found = Tolerating(DiskError.Missing, () => _disk.Rename(place.Folder, tomb));
        // Also where an earlier attempt renamed it and did not come to this.
        _disk.FlushNames(_folder.Deleted);
        Tolerating(DiskError.Missing, () => _disk.FlushNames(topic));
        // With its last partition the topic's folder goes; an empty one that stays is only a name.
        _disk.RemoveDirectoryIfEmpty(topic);
        if (found)
            _disk.RemoveTree(tomb);
    }

    private static bool Tolerating(DiskError error, Action call)
    {
        try
        {
            call();
            return true;
        }
        catch (DiskException e) when (e.Error == error)
        {
            return false;
        }
    }

    private LogManifest? TryReadManifest(FileLogPlace place)
    {
        try
        {
            return LogManifest.Read(_disk, place.ManifestPath, place.Id);
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            return null;
        }
    }

    private FileLogPlace PlaceOf(LogId id) => new(id, _folder.LogFolder(id), _disk, _io, _segments, _options, Closed, () => _folder.RaiseForRewriting());

    private void Notify(StorageNotice notice) => _options.OnNotice?.Invoke(notice);

    private ValueTask Run(LogId id, Action job) => new(_io.Run(() =>
    {
        try
        {
            lock (_turns[(id.GetHashCode() & int.MaxValue) % _turns.Length])
                job();
        }
        catch (DiskException e)
        {
            throw e.IsRefusal
                ? new LogFullException($"{PlaceOf(id)}: {e.Message}.", e)
                : new LogFailedException($"{PlaceOf(id)}: {e.Message}.", e);
        }
    }));
}

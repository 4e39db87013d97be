using System.Collections.Concurrent;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;
using OrleansMq.Storage.Files.Logs;

namespace OrleansMq.Storage.Files.Shared;

/// <summary>
/// Logs and documents in a folder that several processes, on one machine or on several, use at once: a cluster's shared volume. There is no
/// lock on the folder or in it; who opens a log takes it from whoever had it.
/// </summary>
/// <remarks>What the volume must promise: <see cref="SharedCell"/> and docs/operations.md. A folder of <see cref="FileStorage"/> is not one of these.</remarks>
public sealed class SharedFileStorage : IStorage
{
    private readonly FileStorageOptions _options;
    private readonly IDisk _disk;
    private readonly IIoScheduler _io;
    private readonly IoThreads? _ownThreads;
    private readonly DataFolder _folder;
    private readonly OpenSegments _segments;

    // The newest opening of each log in this process.
    private readonly ConcurrentDictionary<LogId, SharedLog> _logs = new();

    // Creating, opening and deleting one log exclude each other within this process.
    private readonly Lock[] _turns = [.. Enumerable.Range(0, 64).Select(_ => new Lock())];

    /// <inheritdoc cref="FileStorage(FileStorageOptions, IDisk?, IIoScheduler?)"/>
    /// <exception cref="DataFolderException">The folder can't be used, is not a shared one, or is of a newer version.</exception>
    public SharedFileStorage(FileStorageOptions options, IDisk? disk = null, IIoScheduler? io = null)
    {
        _options = options.Validated();
        _disk = disk ?? LocalDisk.ForThisMachine();
        _folder = new DataFolder(_disk, options.Directory, shared: true);
        PrepareFolder();
        _io = io ?? (_ownThreads = new IoThreads(options.FlushThreads));
        _segments = new OpenSegments(options.OpenSegments);
        Documents = new SharedDocuments(_disk, _io, _folder, options.DrawIncarnation);
    }

    public IDocuments Documents { get; }

    public bool CanRewrite => true;

    public ValueTask CreateLog(LogId id, LogDefinition definition) => Run(id, () => Create(id, definition));

    public async ValueTask<IPartitionLog> OpenLog(LogId id)
    {
        IPartitionLog? opened = null;
        await Run(id, () => opened = Open(id));
        return opened!;
    }

    public ValueTask DeleteLog(LogId id) => Run(id, () => Delete(id));

    public async ValueTask DisposeAsync()
    {
        foreach (var log in _logs.Values)
            await log.DisposeAsync();
        _logs.Clear();
        _ownThreads?.Dispose();
    }

    private void PrepareFolder()
    {
        try
        {
            _disk.MakeDirectoryDurably(_folder.Root);
            _folder.Prepare();
            foreach (var entry in _disk.List(_folder.Deleted))
                RemoveTreeIfPossible(Path.Join(_folder.Deleted, entry.Name));
        }
        catch (DiskException e)
        {
            throw new DataFolderException($"The data folder {_folder.Root} can't be used: {e.Message}.", e);
        }
    }

    /// <summary>Made beside its place with its first segment and put there by one rename: never half a log, and never two.</summary>
    private void Create(LogId id, LogDefinition definition)
    {
        _disk.MakeDirectoryDurably(_folder.TopicFolder(id.TopicId));
        var cell = CellOf(id);
        if (TryReadManifest(cell, id) is null)
        {
            var segment = new SharedFile(0, 0, _options.DrawIncarnation());
            var manifest = SharedManifest.New(id, definition, _options.DrawIncarnation(), segment);
            if (cell.Make(_folder.Making, manifest.Encode(), inside =>
                SegmentMaker.Make(_disk, Path.Join(inside, segment.SegmentName), manifest.Identity, 0, 0).Dispose()) is not null)
                return;
        }
        if (TryReadManifest(cell, id) is { } existing && existing.TopicName != definition.TopicName)
            throw new InvalidOperationException($"Log {cell.Folder} belongs to topic '{existing.TopicName}', not '{definition.TopicName}'.");
    }

    /// <summary>
    /// Takes the log first and looks at its files afterwards: what its owner acknowledged before is in them, for the owner looks at the
    /// manifest between the flush and the acknowledgement.
    /// </summary>
    private SharedLog Open(LogId id)
    {
        var cell = CellOf(id);
        if (_logs.TryRemove(id, out var before))
            before.EndWith(new LogFencedException($"Log {cell.Folder}: opened again at an epoch above {before.Epoch}."));
        var owner = Ownership.Take(cell, id) ?? throw new LogMissingException($"Log {cell.Folder} does not exist here.");
        var manifest = owner.Manifest;
        var segments = manifest.Segments.Select((file, index) => Extent(cell.Folder, manifest, file, index)).ToArray();
        MakeCertain(manifest, segments[^1]);
        CheckSnapshots(cell.Folder, manifest, segments[^1].End);
        RemoveWhatIsNobodys(cell.Folder, manifest);
        owner.Confirm();
        var place = new SharedLogPlace(id, cell.Folder, _disk, _io, _segments, _options, Closed, () => _folder.RaiseForRewriting(_options.DrawIncarnation()));
        return _logs[id] = new SharedLog(place, owner, segments);
    }

    /// <exception cref="LogDamagedException">A segment is missing, is not this log's, or does not reach the next.</exception>
    private SegmentExtent Extent(string folder, SharedManifest manifest, SharedFile file, int index)
    {
        var path = Path.Join(folder, file.SegmentName);
        try
        {
            using var opened = _disk.Open(path, DiskOpenMode.Read);
            var header = new byte[SegmentHeader.Size];
            if (opened.ReadUpTo(header, 0) < header.Length || !SegmentHeader.Is(header, manifest.Identity, file.Position))
                throw new LogDamagedException($"{path}: the segment's header does not read back as written.");
            var end = file.Position + opened.Length - SegmentHeader.Size;
            var newest = index == manifest.Segments.Count - 1;
            var mustEnd = newest ? manifest.CutAt : manifest.Segments[index + 1].Position;
            if (SegmentHeader.RewrittenEnd(header) is { } rewrittenEnd)
                return end <= rewrittenEnd && (mustEnd ?? rewrittenEnd) <= rewrittenEnd
                    ? new SegmentExtent(path, file.Position, mustEnd ?? rewrittenEnd, Math.Min(end, mustEnd ?? end))
                    : throw new LogDamagedException($"{path}: the segment was rewritten to end at position {rewrittenEnd}, has bytes up to {end}, and must go to {mustEnd}.");
            return mustEnd <= end || mustEnd is null
                ? new SegmentExtent(path, file.Position, mustEnd ?? end)
                : throw new LogDamagedException($"{path}: the segment ends at position {end}; it must go to {mustEnd}.");
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            throw new LogDamagedException($"{path}: the segment is missing.");
        }
    }

    /// <summary>As on a disk of one's own: what no frame says was durable is written again, and then flushed. The one before may be writing the same bytes there.</summary>
    private void MakeCertain(SharedManifest manifest, SegmentExtent newest)
    {
        // One that was rewritten was flushed before it was named.
        if (newest.StoredEnd is not null)
            return;
        using var file = _disk.Open(newest.Path, DiskOpenMode.ReadWrite);
        var certain = TailOfSegment.KnownDurable(file, newest, manifest.Identity);
        TailOfSegment.WriteAgain(file, SegmentHeader.Size + Math.Max(0, certain - newest.Base));
        file.FlushInUse();
    }

    private static void CheckSnapshots(string folder, SharedManifest manifest, long end)
    {
        foreach (var snapshot in manifest.Snapshots)
        {
            if (snapshot.Position > end)
                throw new LogDamagedException($"{folder}: a snapshot was taken at position {snapshot.Position}, but the log ends at {end}: bytes that were durable are missing.");
        }
    }

    /// <summary>Files of earlier openings that the manifest does not name, and can't come to name any more. Later openings' are let be.</summary>
    private void RemoveWhatIsNobodys(string folder, SharedManifest manifest)
    {
        var named = manifest.Segments.Select(file => file.SegmentName).Concat(manifest.Snapshots.Select(file => file.SnapshotName)).ToHashSet();
        foreach (var entry in _disk.List(folder))
        {
            if (SharedFile.EpochOf(entry.Name) is { } epoch && epoch < manifest.Epoch && !named.Contains(entry.Name))
                _disk.RemoveIfPossible(Path.Join(folder, entry.Name));
        }
    }

    /// <summary>Out of the way with one rename; whoever has it open finds no manifest any more.</summary>
    private void Delete(LogId id)
    {
        var folder = _folder.LogFolder(id);
        if (_logs.TryRemove(id, out var open))
            open.EndWith(new LogMissingException($"Log {folder} was deleted."));
        var tomb = Path.Join(_folder.Deleted, $"{id.TopicId:N}-{id.Partition}-{_options.DrawIncarnation():x16}");
        try
        {
            _disk.Rename(folder, tomb);
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            return;
        }
        _disk.FlushNames(_folder.Deleted);
        _disk.FlushNames(_folder.TopicFolder(id.TopicId));
        RemoveTreeIfPossible(tomb);
    }

    /// <summary>Another process may be removing the same, or writing into it for a moment still; the next start looks again.</summary>
    private void RemoveTreeIfPossible(string path)
    {
        try
        {
            _disk.RemoveTree(path);
        }
        catch (DiskException e)
        {
            _options.OnNotice?.Invoke(new StorageNotice(path, $"A deleted log is not quite gone: {e.Message}."));
        }
    }

    private static SharedManifest? TryReadManifest(SharedCell cell, LogId id) =>
        cell.Read() is var (_, bytes) ? SharedManifest.Decode(bytes, cell.Folder, id) : null;

    private SharedCell CellOf(LogId id) => new(_disk, _folder.LogFolder(id), _options.DrawIncarnation);

    private void Closed(SharedLog log) => _logs.TryRemove(new KeyValuePair<LogId, SharedLog>(log.Id, log));

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
                ? new LogFullException($"Log {_folder.LogFolder(id)}: {e.Message}.", e)
                : new LogFailedException($"Log {_folder.LogFolder(id)}: {e.Message}.", e);
        }
    }));
}

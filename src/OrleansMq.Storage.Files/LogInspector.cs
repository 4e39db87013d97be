using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Documents;
using OrleansMq.Storage.Files.Formats;
using OrleansMq.Storage.Files.Journaling;
using OrleansMq.Storage.Files.Logs;
using OrleansMq.Storage.Files.Repair;

namespace OrleansMq.Storage.Files;

/// <summary>
/// Looks at a data folder that no one writes, and changes nothing: no epoch is taken, nothing is cut. While it is open a broker that
/// wants the folder is told that it is in use.
/// </summary>
public sealed class LogInspector : IDisposable
{
    private readonly IDisk _disk;
    private readonly DataFolder _folder;
    private readonly IDisposable _lock;
    private int _inJournal;

    private LogInspector(IDisk disk, DataFolder folder)
    {
        _disk = disk;
        _folder = folder;
        _lock = folder.LockShared();
    }

    /// <exception cref="DataFolderException">It is no data folder, in use, or of a newer version.</exception>
    public static LogInspector Open(string directory, IDisk? disk = null)
    {
        disk ??= LocalDisk.ForThisMachine();
        var inspector = new LogInspector(disk, new DataFolder(disk, directory));
        try
        {
            inspector._folder.CheckFormat();
            inspector._inJournal = JournalImage.Read(disk, inspector._folder.Journal).Records.Count;
            return inspector;
        }
        catch (DiskException e)
        {
            inspector.Dispose();
            throw new DataFolderException($"{directory}: {e.Message}", e);
        }
        catch
        {
            inspector.Dispose();
            throw;
        }
    }

    /// <summary>Why no broker starts on the folder, although it may read back.</summary>
    public IEnumerable<string> Problems()
    {
        if (RepairMark.Read(_disk, _folder) is { IsEmpty: false } mark)
            yield return $"{_folder.Repairing}: a repair was cut off, or failed, at {mark.Named}: run mq doctor --repair{(mark.NeedsAcceptLoss ? " --accept-loss" : "")} again, to its end; no broker starts before";
    }

    /// <summary>What whoever reads on has to know of the folder as a whole.</summary>
    public IEnumerable<string> Notes()
    {
        if (_inJournal > 0)
            yield return $"the journal holds {_inJournal} changes that the next start of a broker applies; after a power failure the files are behind them";
        foreach (var shard in ShardNames.In(_disk, _folder.Documents))
        {
            if (TryRead(shard, out var view, out _) && view.Scan.Torn is > 0 and var torn)
                yield return $"{view.Path}: {torn} bytes at its end are no whole record, as after a loss of power; the next start of a broker cuts them";
        }

        if (ShardEnds.DamagedIn(_disk, _folder.Documents) is { Count: > 0 } unknown)
            yield return $"{Path.Join(_folder.Documents, ShardEnds.FileName)}: {unknown.Count} of its entries do not read back, the first of {ShardNames.FileOf(unknown[0])}; nothing of documents is in it, and it is written again with their next change";
        if (FormerShard.In(_disk, _folder.Documents).ToList() is { Count: > 0 } former)
            yield return $"{_folder.Documents}: {former.Count} folders hold documents as earlier versions wrote them, which were not looked at; a broker of this version moves them into files";
    }

    /// <summary>Every log that has a folder, also one whose manifest is lost.</summary>
    public IEnumerable<LogId> Logs() => LogsIn(_disk, _folder);

    internal static IEnumerable<LogId> LogsIn(IDisk disk, DataFolder folder)
    {
        foreach (var topic in disk.ListOrEmpty(folder.Logs))
        {
            if (!Guid.TryParseExact(topic.Name, "N", out var topicId))
                continue;
            foreach (var partition in disk.ListOrEmpty(folder.TopicFolder(topicId)))
            {
                if (int.TryParse(partition.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                    yield return new LogId(topicId, number);
            }
        }
    }

    /// <summary>Reads a log from its first byte to its last. <paramref name="visit"/> sees each whole frame up to the first bad place.</summary>
    public LogInspection Inspect(LogId id, FrameScan.Visit? visit = null)
    {
        var folder = _folder.LogFolder(id);
        var found = new LogInspection { Id = id, Folder = folder };
        try
        {
            var manifest = LogManifest.Read(_disk, Path.Join(folder, LogManifest.FileName), id);
            found = found with
            {
                Incarnation = manifest.Identity.Incarnation,
                Epoch = manifest.Epoch,
                Definition = manifest.Definition,
                Snapshots = Snapshots(folder, manifest),
            };
            if (manifest.EpochInDoubt)
                found = found.With($"{Path.Join(folder, LogManifest.FileName)}: one of its two slots does not read back");
            if (!SlotFile.GapsAreEmpty(_disk.ReadWhole(Path.Join(folder, LogManifest.FileName))))
                found = found.With($"{Path.Join(folder, LogManifest.FileName)}: there is something between its slots, where nothing is ever written; the slots themselves are whole");
            return Walk(found, SegmentChain.Read(_disk, folder, manifest), manifest.Identity, visit);
        }
        catch (Exception e) when (e is StorageException or DiskException)
        {
            return found.With(e.Message);
        }
    }

    /// <summary>Every document that counts, and every place in their files that does not read back.</summary>
    public IEnumerable<DocumentInspection> Documents()
    {
        foreach (var shard in ShardNames.In(_disk, _folder.Documents))
        {
            if (!TryRead(shard, out var view, out var failure))
            {
                yield return failure;
                continue;
            }

            foreach (var record in view.Records)
                yield return Inspect(view, record);
            foreach (var span in view.Scan.Damage)
                yield return new DocumentInspection(view.Path, null, null, Named(view, span));
        }

        foreach (var shard in ShardEnds.MissingIn(_disk, _folder.Documents))
            yield return new DocumentInspection(Path.Join(_folder.Documents, ShardNames.FileOf(shard)), null, null, $"is missing, and {ShardEnds.FileName} says that it was there");
    }

    private bool TryRead(int shard, [NotNullWhen(true)] out ShardView? view, [NotNullWhen(false)] out DocumentInspection? failure)
    {
        try
        {
            (view, failure) = (ShardView.Read(_disk, _folder.Documents, shard, believesEnds: _inJournal == 0), null);
            return true;
        }
        catch (DiskException e)
        {
            (view, failure) = (null, new DocumentInspection(Path.Join(_folder.Documents, ShardNames.FileOf(shard)), null, null, e.Message));
            return false;
        }
    }

    private static DocumentInspection Inspect(ShardView view, in DocumentRecord record)
    {
        var key = ShardView.KeyOf(record);
        return view.Index.IsInDoubt(record.Digest)
            ? new DocumentInspection(view.Path, key, null, $"the document '{key}' may have been changed by what does not read back, and is not served")
            : new DocumentInspection(view.Path, key, ShardView.DocumentOf(record), null);
    }

    private static string Named(ShardView view, in DamagedSpan span) => span switch
    {
        { Only: { } key } when key == default => $"bytes {span.From} to {span.To} do not read back: from where versions go on",
        { Only: { } key } => $"bytes {span.From} to {span.To} do not read back: a change of {view.NameOf(key)}{(view.Index.Damaged.Contains(key) ? ", which is not served" : ", which was changed again since")}",
        _ => $"bytes {span.From} to {span.To} do not read back: changes of documents of which nothing says whose they are",
    };

    public void Dispose() => _lock.Dispose();

    private List<SnapshotInspection> Snapshots(string folder, LogManifest manifest)
    {
        var snapshots = new List<SnapshotInspection>();
        foreach (var entry in _disk.List(folder))
        {
            if (!SnapshotFile.TryParseName(entry.Name, out var position))
                continue;
            var path = Path.Join(folder, entry.Name);
            using var snapshot = SnapshotFile.Read(_disk, path, manifest.Identity, position);
            using var file = _disk.Open(path, DiskOpenMode.Read);
            snapshots.Add(new SnapshotInspection(position, file.Length, snapshot is not null));
        }
        return snapshots;
    }

    private LogInspection Walk(LogInspection found, SegmentChain chain, LogIdentity identity, FrameScan.Visit? visit)
    {
        using var reader = new ChainReader(_disk, chain);
        var tail = FrameScan.Walk(reader.Read, chain.Start, chain.End, chain.Segments[^1].Base, identity, visit);
        found = found with
        {
            Segments = [.. chain.Segments.Select(segment => new SegmentInspection(segment.Path, segment.Base, segment.End))],
            Tail = tail,
        };
        if (chain.Start > 0 && !found.Snapshots.Any(snapshot => snapshot.IsWhole && snapshot.Position >= chain.Start))
            found = found.With($"{found.Folder}: the log begins at position {chain.Start} and no snapshot of what was before reads back");
        if (found.Snapshots.Select(snapshot => snapshot.Position).DefaultIfEmpty().Max() is var newest && newest > tail.Position)
            found = found.With($"The snapshot at position {newest} lies beyond the last whole frame, which ends at {tail.Position}: durable bytes are missing");
        if (tail.Kind == LogTailKind.Clean)
            return found;
        var segment = chain.Segments.Last(segment => segment.Base <= tail.Position);
        var offset = SegmentHeader.Size + tail.Position - segment.Base;
        found = found with { BadFile = segment.Path, BadOffset = offset };
        return tail.Kind == LogTailKind.Damaged
            ? found.With($"{segment.Path}: damaged at offset {offset} (position {tail.Position})")
            : found;
    }

    /// <summary>Reads by position over the segments.</summary>
    private sealed class ChainReader(IDisk disk, SegmentChain chain) : IDisposable
    {
        private int _index = -1;
        private IDiskFile? _file;

        public int Read(long position, Span<byte> destination)
        {
            var index = chain.Segments.Count - 1;
            while (chain.Segments[index].Base > position)
                index--;
            var segment = chain.Segments[index];
            if (index != _index)
            {
                _file?.Dispose();
                _file = disk.Open(segment.Path, DiskOpenMode.Read);
                _index = index;
            }
            var count = (int)Math.Min(destination.Length, segment.End - position);
            if (position >= segment.StoredEnd && count > 0)
            {
                destination[..count].Clear();
                return count;
            }

            return count <= 0 ? 0 : _file!.Read(destination[..count], SegmentHeader.Size + position - segment.Base);
        }

        public void Dispose() => _file?.Dispose();
    }
}

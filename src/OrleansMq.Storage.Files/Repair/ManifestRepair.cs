using System.Globalization;
using System.Text.Json;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>Everything that a manifest says is known from elsewhere too, but for openings that wrote nothing.</summary>
internal sealed class ManifestRepair(RepairContext context, LogId id, string folder)
{
    /// <summary>More openings than will have come since the last one that left a trace.</summary>
    private const int EpochsInDoubt = 1 << 16;

    private readonly string _path = Path.Join(folder, LogManifest.FileName);

    /// <summary>The manifest, mended; null where it can't be, and then the report says why.</summary>
    public LogManifest? Run()
    {
        if (!context.Disk.Exists(_path))
            return Rebuild(default, "it was missing");
        var file = context.Disk.ReadWhole(_path);
        LogManifest manifest;
        try
        {
            var (identity, definition) = LogManifest.DecodeFixed(file, _path);
            if (identity.TopicId != id.TopicId || identity.Partition != id.Partition)
                return Rebuild(default, "it was another log's");
            manifest = LogManifest.WithSlot(identity, definition, SlotFile.Read(file, _path, identity.Incarnation));
        }
        catch (LogDamagedException)
        {
            return Rebuild(file, "it did not read back");
        }

        if (manifest.EpochInDoubt)
            manifest = WriteSlot(manifest);
        if (!SlotFile.GapsAreEmpty(context.Disk.ReadWhole(_path)))
        {
            context.Copies.Keep(_path);
            SlotFile.ClearGaps(context.Disk, _path);
            context.Report.Did(_path, "what stood between its slots was made zeros again");
        }

        return manifest;
    }

    /// <summary>The epoch that the lost slot may have held is passed over, as an opening would; both slots read back then.</summary>
    private LogManifest WriteSlot(LogManifest manifest)
    {
        context.Copies.Keep(_path);
        // The slot that is lost may be the one that a trim wrote. A file whose header does not read back is there all the same.
        var first = Math.Max(manifest.FirstSegment, Files().Select(file => file.Base).DefaultIfEmpty().Min());
        var moved = first != manifest.FirstSegment && HasSnapshotFrom(manifest.Identity, first);
        var saved = (manifest with { Epoch = manifest.Epoch + 1, Sequence = manifest.Sequence + 2, FirstSegment = moved ? first : manifest.FirstSegment }).Save(context.Disk, _path);
        context.Report.Did(_path, $"the slot that did not read back was written anew; epoch {saved.Epoch} is passed over" + (moved ? $"; the log begins at position {first}, where a trim left it" : ""));
        return saved;
    }

    private bool HasSnapshotFrom(LogIdentity identity, long position) => SnapshotsOf.Whole(context.Disk, folder, identity).Exists(whole => whole >= position);

    private LogManifest? Rebuild(ReadOnlyMemory<byte> file, string why)
    {
        var segments = Segments().ToList();
        if (segments.Count == 0)
            return Left("it can't be made again: no segment beside it tells whose log this is. Restore it from a copy");
        var identity = segments[^1].Log;
        if (segments.Exists(segment => segment.Log != identity))
            return Left("it can't be made again: the segments beside it are of several logs. Restore it from a copy");
        if (DefinitionFromElsewhere(file) is not { } definition)
            return Left("it can't be made again: neither another partition's manifest nor a topic's document tells which topic this is. Restore it from a copy");
        var made = Slots(file, identity, definition) ?? new LogManifest
        {
            Identity = identity,
            Definition = definition,
            Epoch = Math.Max(segments.Max(segment => segment.Epoch), NewestEpoch(segments[^1].Path, identity, segments[^1].Base)) + EpochsInDoubt,
            FirstSegment = Files()[0].Base,
            LastSegment = Files().Last(file => file.Length > SegmentHeader.Size || file.Base == segments[^1].Base).Base,
        };
        made = made with { Epoch = made.Epoch + (made.EpochInDoubt ? 1 : 0), Sequence = SlotFile.FirstSequence, EpochInDoubt = false };
        context.Copies.Keep(_path);
        made.WriteNew(context.Disk, _path);
        context.Report.Did(_path, $"{why}; it was made again from the segments and what else tells of topic '{definition.TopicName}'; the log is at epoch {made.Epoch}");
        return made;
    }

    private LogManifest? Left(string why)
    {
        context.Report.Leave(_path, why);
        return null;
    }

    private LogManifest? Slots(ReadOnlyMemory<byte> file, LogIdentity identity, LogDefinition definition)
    {
        try
        {
            return file.IsEmpty ? null : LogManifest.WithSlot(identity, definition, SlotFile.Read(file, _path, identity.Incarnation));
        }
        catch (LogDamagedException)
        {
            return null;
        }
    }

    /// <summary>Every file with a segment's name: what it holds is not to be passed over because its header does not read back.</summary>
    private List<(string Path, long Base, long Length)> Files()
    {
        var files = new List<(string, long, long)>();
        foreach (var entry in context.Disk.ListOrEmpty(folder))
        {
            if (entry.IsDirectory || !SegmentHeader.TryParseName(entry.Name, out var position))
                continue;
            var path = Path.Join(folder, entry.Name);
            using var file = context.Disk.Open(path, DiskOpenMode.Read);
            files.Add((path, position, file.Length));
        }

        return files;
    }

    /// <summary>Of those the ones that say whose they are.</summary>
    private IEnumerable<(string Path, long Base, LogIdentity Log, int Epoch)> Segments()
    {
        foreach (var (path, position, _) in Files())
        {
            using var file = context.Disk.Open(path, DiskOpenMode.Read);
            var header = new byte[SegmentHeader.Size];
            if (file.ReadUpTo(header, 0) == header.Length && SegmentHeader.MadeBy(header) is var (log, epoch) && log.TopicId == id.TopicId && log.Partition == id.Partition)
                yield return (path, position, log, epoch);
        }
    }

    private int NewestEpoch(string path, LogIdentity identity, long first)
    {
        using var file = context.Disk.Open(path, DiskOpenMode.Read);
        var epoch = 0;
        FrameScan.Walk(
            (position, destination) => file.Read(destination, SegmentHeader.Size + position - first), first, first + file.Length - SegmentHeader.Size, first, identity,
            (in FrameHeader header, ReadOnlySpan<byte> _) => epoch = Math.Max(epoch, header.Epoch));
        return epoch;
    }

    /// <summary>The file's own, another partition's, or that of the topic's document.</summary>
    private LogDefinition? DefinitionFromElsewhere(ReadOnlyMemory<byte> file)
    {
        var topic = context.Folder.TopicFolder(id.TopicId);
        var files = context.Disk.ListOrEmpty(topic).Where(entry => entry.Name != id.Partition.ToString(CultureInfo.InvariantCulture))
            .Select(entry => Path.Join(topic, entry.Name, LogManifest.FileName)).Where(context.Disk.Exists).Select(path => (ReadOnlyMemory<byte>)context.Disk.ReadWhole(path));
        foreach (var manifest in files.Prepend(file))
        {
            try
            {
                var (identity, definition) = LogManifest.DecodeFixed(manifest, _path);
                if (identity.TopicId == id.TopicId)
                    return definition;
            }
            catch (LogDamagedException)
            {
            }
        }

        return DefinitionFromDocuments(context, id.TopicId);
    }

    /// <summary>A topic's document as it is now; null where none reads back.</summary>
    public static LogDefinition? DefinitionFromDocuments(RepairContext context, Guid topicId)
    {
        foreach (var shard in context.Disk.ListOrEmpty(context.Folder.Documents))
            foreach (var entry in context.Disk.ListOrEmpty(Path.Join(context.Folder.Documents, shard.Name)))
                if ((entry.Name.StartsWith("d-topics%2f", StringComparison.Ordinal) || entry.Name.StartsWith("h-", StringComparison.Ordinal))
                    && DocumentFile.Decode(context.Disk.ReadWhole(Path.Join(context.Folder.Documents, shard.Name, entry.Name))) is var (_, document) && NameOf(document.Bytes, topicId) is { } name)
                    return new LogDefinition(name, document.Bytes);
        return null;
    }

    private static string? NameOf(ReadOnlyMemory<byte> content, Guid topicId)
    {
        try
        {
            using var json = JsonDocument.Parse(content);
            return json.RootElement.TryGetProperty("id", out var topic) && topic.TryGetGuid(out var found) && found == topicId ? json.RootElement.GetProperty("name").GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

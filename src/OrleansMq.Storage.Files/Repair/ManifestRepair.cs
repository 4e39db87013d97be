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

    private Action? _write;

    /// <summary>What is lost of it may have named a newer segment than any that is there.</summary>
    public bool MayGoOn { get; private set; }

    /// <summary>Writes it, once what it may not have told is passed over: a manifest that reads back is believed.</summary>
    public void Finish() => _write?.Invoke();

    /// <summary>The manifest as it will be; null where it can't be made, and then the report says why.</summary>
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
            return InDoubt(manifest, file);
        if (!SlotFile.GapsAreEmpty(file))
            _write = ClearGaps;
        return manifest;
    }

    private void ClearGaps()
    {
        if (SlotFile.GapsAreEmpty(context.Disk.ReadWhole(_path)))
            return;
        context.Copies.Keep(_path);
        SlotFile.ClearGaps(context.Disk, _path);
        context.Report.Did(_path, "what stood between its slots was made zeros again");
    }

    /// <summary>The epoch that the lost slot may have held is passed over, as an opening would; both slots read back then.</summary>
    private LogManifest InDoubt(LogManifest manifest, ReadOnlyMemory<byte> file)
    {
        var files = Files();
        // The slot that is lost may be the one that a trim wrote. A file whose header does not read back is there all the same.
        var first = Math.Max(manifest.FirstSegment, files.Select(each => each.Base).DefaultIfEmpty().Min());
        var moved = first != manifest.FirstSegment && NothingWasBefore(manifest, first);
        // Or the one that a roll wrote.
        MayGoOn = files.Select(each => each.Base).DefaultIfEmpty().Max() <= manifest.LastSegment && !LostSlotNamedNoNewer(manifest, file);
        var made = manifest with { Epoch = manifest.Epoch + 1, Sequence = manifest.Sequence + 2, FirstSegment = moved ? first : manifest.FirstSegment };
        _write = () =>
        {
            context.Copies.Keep(_path);
            var saved = made.Save(context.Disk, _path);
            context.Report.Did(_path, $"the slot that did not read back was written anew; epoch {saved.Epoch} is passed over" + (moved ? $"; the log begins at position {first}, where a trim left it" : ""));
            ClearGaps();
        };
        return made;
    }

    /// <summary>As far as what is left of the slot tells: it was the older one, or the newer and named the same.</summary>
    private static bool LostSlotNamedNoNewer(LogManifest manifest, ReadOnlyMemory<byte> file) =>
        SlotFile.LeftOfOther(file, manifest.Sequence, manifest.Identity.Incarnation) is { } left && LogManifest.LastSegmentIn(left.Content.Span) is var last
        && (last == manifest.LastSegment || (left.Sequence < manifest.Sequence && last < manifest.LastSegment));

    /// <summary>
    /// Whether it makes no difference that no segment in front of a position is there: the state, from its snapshot on as far as frames are whole, keeps no message and waits for nothing that
    /// stood there.
    /// </summary>
    private bool NothingWasBefore(LogManifest manifest, long first)
    {
        using var newest = SnapshotsOf.Newest(context.Disk, folder, manifest.Identity, first);
        if (newest is null || SegmentPlan.Of(context.Disk, folder, manifest with { FirstSegment = first }, SnapshotsOf.Reach(context.Disk, folder)).Plan is not { } plan)
            return false;
        using (plan)
            return new Rehearsal(plan, manifest.Identity, manifest.Epoch).Play(newest, [], plan.End).State is { } state && state.LeastLanePosition >= first
                && FirstOffset(plan, manifest.Identity) <= state.Start;
    }

    /// <summary>The first offset that stands, or would, in a log; null where its first frames don't read back.</summary>
    private static long? FirstOffset(SegmentPlan plan, LogIdentity identity)
    {
        long? first = null;
        FrameScan.Walk(plan.Read, plan.Start, plan.End, plan.Segments[^1].Base, identity, (in FrameHeader header, ReadOnlySpan<byte> _) => first ??= header.Lane == Lane.Main ? header.BaseOffset : null);
        return first;
    }

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
        var known = Slots(file, identity, definition);
        var files = Files();
        var made = known ?? new LogManifest
        {
            Identity = identity,
            Definition = definition,
            Epoch = Math.Max(segments.Max(segment => segment.Epoch), NewestEpoch(segments[^1].Path, identity, segments[^1].Base)) + EpochsInDoubt,
            FirstSegment = files[0].Base,
            LastSegment = files.Last(file => file.Length > SegmentHeader.Size || file.Base == segments[^1].Base).Base,
        };
        if (known is null && made.FirstSegment > 0 && !NothingWasBefore(made, made.FirstSegment))
            return Left($"it can't be made again: nothing shows that the log has lost nothing before position {made.FirstSegment}, where its first segment begins. Restore it from a copy");
        // Nothing else tells which segment was the newest.
        MayGoOn = known is null || (known.EpochInDoubt && files[^1].Base <= known.LastSegment && !LostSlotNamedNoNewer(known, file));
        made = made with { Epoch = made.Epoch + (made.EpochInDoubt ? 1 : 0), Sequence = SlotFile.FirstSequence, EpochInDoubt = false };
        _write = () =>
        {
            context.Copies.Keep(_path);
            made.WriteNew(context.Disk, _path);
            context.Report.Did(_path, $"{why}; it was made again from the segments and what else tells of topic '{definition.TopicName}'; the log is at epoch {made.Epoch}");
        };
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

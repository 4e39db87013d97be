using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Logs;

/// <summary>A segment as found.</summary>
/// <param name="StoredEnd">Of one that was rewritten: where the file's bytes end, at or before the segment's end. Null of another.</param>
internal readonly record struct SegmentExtent(string Path, long Base, long End, long? StoredEnd = null);

/// <summary>The segments of a log as they lie on the disk, each proved to be the one that belongs in its place.</summary>
/// <param name="Segments">From the manifest's first segment on, without a gap; at least one.</param>
/// <param name="Leftovers">Files that a change which was cut off left behind: they belong to nobody.</param>
/// <param name="Torn">The header of a segment that was being made when the power went; no data is in it.</param>
internal sealed record SegmentChain(IReadOnlyList<SegmentExtent> Segments, IReadOnlyList<string> Leftovers, string? Torn)
{
    public long Start => Segments[0].Base;

    public long End => Segments[^1].End;

    /// <exception cref="LogDamagedException">A segment that must be there is missing, is not this log's, or does not meet the next.</exception>
    public static SegmentChain Read(IDisk disk, string folder, LogManifest manifest)
    {
        var names = disk.List(folder).Where(entry => !entry.IsDirectory).Select(entry => entry.Name).ToList();
        var leftovers = names.Where(name => name.EndsWith(Durably.TemporaryEnding, StringComparison.Ordinal)).ToList();
        var bases = new List<long>();
        foreach (var name in names)
        {
            if (!SegmentHeader.TryParseName(name, out var position))
                continue;
            if (position < manifest.FirstSegment)
                leftovers.Add(name);
            else
                bases.Add(position);
        }
        var torn = RemoveTorn(disk, folder, manifest, bases);
        var segments = bases.Select(position => Extent(disk, folder, manifest, position)).ToList();
        leftovers.AddRange(RemoveReplaced(segments).Select(segment => Path.GetFileName(segment.Path)));
        Prove(folder, manifest, segments);
        return new SegmentChain(segments, [.. leftovers.Select(name => Path.Join(folder, name))], torn);
    }

    private static string? RemoveTorn(IDisk disk, string folder, LogManifest manifest, List<long> bases)
    {
        if (bases.Count == 0 || bases[^1] <= manifest.LastSegment)
            return null;
        var path = Path.Join(folder, SegmentHeader.FileName(bases[^1]));
        // One with bytes behind its header was written to, and is damaged.
        if (HeaderIsWhole(disk, path, manifest, bases[^1], out var length, out _) || length > SegmentHeader.Size)
            return null;
        bases.RemoveAt(bases.Count - 1);
        return path;
    }

    /// <summary>Those that a rewritten one took in: it was durable before the first of them was to go.</summary>
    private static List<SegmentExtent> RemoveReplaced(List<SegmentExtent> segments)
    {
        var (replaced, end) = (new List<SegmentExtent>(), 0L);
        foreach (var segment in segments)
        {
            if (segment.Base < end && segment.End <= end)
                replaced.Add(segment);
            else if (segment.StoredEnd is not null)
                end = segment.End;
        }

        segments.RemoveAll(replaced.Contains);
        return replaced;
    }

    private static SegmentExtent Extent(IDisk disk, string folder, LogManifest manifest, long position)
    {
        var path = Path.Join(folder, SegmentHeader.FileName(position));
        if (!HeaderIsWhole(disk, path, manifest, position, out var length, out var rewrittenEnd))
            throw new LogDamagedException($"{path}: the segment's header does not read back as written.");
        var stored = position + length - SegmentHeader.Size;
        if (stored > rewrittenEnd)
            throw new LogDamagedException($"{path}: the segment was rewritten to end at position {rewrittenEnd}, and has bytes up to {stored}.");
        return new SegmentExtent(path, position, rewrittenEnd ?? stored, rewrittenEnd is null ? null : stored);
    }

    private static bool HeaderIsWhole(IDisk disk, string path, LogManifest manifest, long position, out long length, out long? rewrittenEnd)
    {
        using var file = disk.Open(path, DiskOpenMode.Read);
        length = file.Length;
        var header = new byte[SegmentHeader.Size];
        var isWhole = file.ReadUpTo(header, 0) == header.Length && SegmentHeader.Is(header, manifest.Identity, position);
        rewrittenEnd = isWhole ? SegmentHeader.RewrittenEnd(header) : null;
        return isWhole;
    }

    private static void Prove(string folder, LogManifest manifest, List<SegmentExtent> segments)
    {
        var expected = manifest.FirstSegment;
        foreach (var segment in segments)
        {
            if (segment.Base != expected)
                throw new LogDamagedException($"{segment.Path}: the segment before it ends at position {expected}; a segment is missing or has lost its end.");
            expected = segment.End;
        }
        if (segments.Count == 0 || segments[^1].Base < manifest.LastSegment)
            throw new LogDamagedException($"{Path.Join(folder, SegmentHeader.FileName(manifest.LastSegment))}: the segment is missing.");
    }
}

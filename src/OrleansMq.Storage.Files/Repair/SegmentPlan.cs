using OrleansMq.Core.Log;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>A segment as it has to lie for the log to be opened.</summary>
/// <param name="End">Where the next begins; of the newest where its bytes end, or the newest snapshot stands, and if it is missing a gap's length behind that.</param>
/// <param name="StoredEnd">Up to where there are bytes; zeros are read from there on.</param>
/// <param name="EndsEarly">Its header has to say where it ends, because its bytes end before.</param>
/// <param name="Header">What is the matter with the header that it has.</param>
/// <param name="IsRewritten">Its header is as it has to be and says that a compaction wrote it, or a repair.</param>
internal sealed record PlannedSegment(string Path, long Base, long End, long StoredEnd, bool EndsEarly, HeaderState Header, bool IsRewritten);

internal enum HeaderState
{
    /// <summary>As it has to be.</summary>
    Good,

    /// <summary>It does not read back. All that it says is known from elsewhere.</summary>
    Damaged,

    /// <summary>It is whole and does not say that the segment ends early: the segment has lost its end, or those behind it are missing.</summary>
    LostItsEnd,

    /// <summary>There is no such file, or not even a header in it.</summary>
    Missing,
}

/// <summary>All segments from the first position to the last without a gap, some of which may have to be made or to be given another header.</summary>
internal sealed class SegmentPlan : IDisposable
{
    private readonly IDisk _disk;
    private int _index = -1;
    private IDiskFile? _file;

    private SegmentPlan(IDisk disk, IReadOnlyList<PlannedSegment> segments, bool mayGoOn) => (_disk, Segments, EndIsUnknown) = (disk, segments, mayGoOn);

    public IReadOnlyList<PlannedSegment> Segments { get; }

    public long Start => Segments[0].Base;

    public long End => Segments[^1].End;

    /// <summary>Nothing tells how far the log went.</summary>
    public bool EndIsUnknown { get; }

    public PlannedSegment SegmentOf(long position) => Segments[IndexOf(position)];

    /// <param name="upTo">The log was at least that long, as its snapshots say.</param>
    /// <param name="mayGoOn">There may have been a newer segment than any of which something is known.</param>
    /// <returns>Null, and why, where files contradict each other.</returns>
    public static (SegmentPlan? Plan, string? Contradiction) Of(IDisk disk, string folder, LogManifest manifest, long upTo, bool mayGoOn = false)
    {
        var found = Found(disk, folder, manifest);
        AddMissing(found, folder, manifest);
        var planned = new List<PlannedSegment>();
        // One that is shorter than a snapshot has lost its end, and nothing tells how much was behind the snapshot.
        mayGoOn |= found[^1].Header == HeaderState.Missing || found[^1].StoredEnd < upTo;
        for (var i = 0; i < found.Count; i++)
        {
            var (path, start, stored, rewrittenEnd, header, _) = found[i];
            var isNewest = i == found.Count - 1;
            var end = isNewest ? NewestEnd(stored, upTo, mayGoOn) : found[i + 1].Base;
            if (stored > end)
                return (null, $"{path}: it has bytes up to position {stored}, and the next segment begins at {end}");
            var endsEarly = !isNewest && (rewrittenEnd is not null || stored < end);
            if (endsEarly && header == HeaderState.Good && rewrittenEnd != end)
                header = HeaderState.LostItsEnd;
            planned.Add(new PlannedSegment(path, start, end, stored, endsEarly, header, header == HeaderState.Good && rewrittenEnd == end));
        }

        return (new SegmentPlan(disk, planned, mayGoOn), null);
    }

    public int Read(long position, Span<byte> destination)
    {
        var index = IndexOf(position);
        var segment = Segments[index];
        var count = (int)Math.Min(destination.Length, segment.End - position);
        if (count <= 0)
            return 0;
        if (position >= segment.StoredEnd)
        {
            destination[..count].Clear();
            return count;
        }

        if (index != _index)
        {
            _file?.Dispose();
            (_file, _index) = (_disk.Open(segment.Path, DiskOpenMode.Read), index);
        }

        return _file!.Read(destination[..(int)Math.Min(count, segment.StoredEnd - position)], SegmentHeader.Size + position - segment.Base);
    }

    public void Dispose() => _file?.Dispose();

    /// <summary>Where the newest is missing, or may be, or has lost its end, there is room for a gap behind everything that is known of it: what else it held is not known, and its offsets are not to be given again.</summary>
    private static long NewestEnd(long stored, long upTo, bool isUnknown) =>
        Math.Max(stored, upTo) is var known && isUnknown ? (known + FrameHeader.Alignment - 1 & ~(FrameHeader.Alignment - 1L)) + FrameHeader.Size : known;

    private int IndexOf(long position)
    {
        var index = Segments.Count - 1;
        while (index > 0 && Segments[index].Base > position)
            index--;
        return index;
    }

    private static List<Piece> Found(IDisk disk, string folder, LogManifest manifest)
    {
        var found = new List<Piece>();
        foreach (var entry in disk.List(folder))
            if (!entry.IsDirectory && SegmentHeader.TryParseName(entry.Name, out var position) && position >= manifest.FirstSegment)
                found.Add(Look(disk, Path.Join(folder, entry.Name), position, manifest));
        // A roll that was cut off; opening removes it. Nothing is written to a segment before the manifest names it.
        if (found.Count > 0 && found[^1].Base > manifest.LastSegment && found[^1].Header != HeaderState.Good && found[^1].StoredEnd == found[^1].Base)
            found.RemoveAt(found.Count - 1);
        // One that was opened had its header for good: of what else it held nothing tells either.
        if (found.Count > 0 && found[^1].Base == manifest.LastSegment && found[^1].IsShort && manifest.Epoch > 0)
            found.RemoveAt(found.Count - 1);
        // Those that a rewritten one took in.
        var end = 0L;
        found.RemoveAll(piece =>
        {
            if (piece.Base < end)
                return true;
            end = piece.RewrittenEnd ?? end;
            return false;
        });
        return found;
    }

    private static Piece Look(IDisk disk, string path, long position, LogManifest manifest)
    {
        using var file = disk.Open(path, DiskOpenMode.Read);
        var header = new byte[SegmentHeader.Size];
        var isWhole = file.ReadUpTo(header, 0) == header.Length && SegmentHeader.Is(header, manifest.Identity, position);
        return new Piece(
            path, position, position + Math.Max(0, file.Length - SegmentHeader.Size), isWhole ? SegmentHeader.RewrittenEnd(header) : null, isWhole ? HeaderState.Good : HeaderState.Damaged, file.Length < SegmentHeader.Size);
    }

    /// <summary>The first, the newest, and those behind one that says where it ends.</summary>
    private static void AddMissing(List<Piece> found, string folder, LogManifest manifest)
    {
        if (found.Count == 0 || found[0].Base > manifest.FirstSegment)
            found.Insert(0, Missing(folder, manifest.FirstSegment));
        if (found[^1].Base < manifest.LastSegment)
            found.Add(Missing(folder, manifest.LastSegment));
        for (var i = found.Count - 2; i >= 0; i--)
            if (found[i].RewrittenEnd is { } end && end < found[i + 1].Base)
                found.Insert(i + 1, Missing(folder, end));
    }

    private static Piece Missing(string folder, long position) => new(Path.Join(folder, SegmentHeader.FileName(position)), position, position, null, HeaderState.Missing);

    private readonly record struct Piece(string Path, long Base, long StoredEnd, long? RewrittenEnd, HeaderState Header, bool IsShort = false);
}

using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Logs;
/// <summary>How bytes get out.</summary>
internal sealed partial class FileLog
{
    private readonly record struct ReadUse(Segment Segment, IDiskFile File, long Offset, int Count);

    /// <summary>Holds the segment that the position lies in; null at the end.</summary>
    private ReadUse? FindUse(long position, int count)
    {
        var end = End;
        if (position >= end || count == 0)
            return null;
        var segments = _segments;
        var index = IndexOf(segments, position);
        if (index < 0 || !_place.Open.TryAcquire(segments[index], out var file))
        {
            ThrowIfOver();
            throw new LogTrimmedException($"{_place}: position {position} was removed; the log starts at {Start}.");
        }
        var segmentEnd = index + 1 < segments.Length ? segments[index + 1].Base : end;
        return new ReadUse(segments[index], file, segments[index].OffsetOf(position), (int)Math.Min(count, segmentEnd - position));
    }

    /// <summary>The last segment that begins at or below the position; -1 if none does.</summary>
    private static int IndexOf(Segment[] segments, long position)
    {
        var low = 0;
        var high = segments.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (segments[middle].Base <= position)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return high;
    }

    private static bool TryReadCached(ReadUse use, Span<byte> destination, out int count)
    {
        var stillHeld = false;
        try
        {
            stillHeld = !use.File.TryReadCached(destination[..use.Count], use.Offset, out count);
            return stillHeld || count > 0 ? !stillHeld : throw Short(use);
        }
        finally
        {
            if (!stillHeld)
                use.Segment.Release();
        }
    }

    private int ReadWaiting(ReadUse use, Span<byte> destination)
    {
        try
        {
            var count = use.File.Read(destination[..use.Count], use.Offset);
            return count > 0 ? count : throw Short(use);
        }
        catch (DiskException e)
        {
            throw Translate(e);
        }
        finally
        {
            use.Segment.Release();
        }
    }

    private static LogDamagedException Short(ReadUse use) =>
        new($"{use.Segment.Path}: the file ends before offset {use.Offset}, where the log goes on.");
}

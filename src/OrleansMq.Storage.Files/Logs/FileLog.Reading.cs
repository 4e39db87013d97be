using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Logs;
/// <summary>How bytes get out.</summary>
internal sealed partial class FileLog
{
    /// <summary>Holds the segment that the position lies in; null at the end.</summary>
    private ReadUse? FindUse(long position, int count)
    {
        var end = End;
        if (position >= end || count == 0)
            return null;
        var segments = _segments;
        var index = ReadUse.IndexOf(segments, position);
        if (index < 0 || !_place.Open.TryAcquire(segments[index], out var file))
        {
            ThrowIfOver();
            throw new LogTrimmedException($"{_place}: position {position} was removed; the log starts at {Start}.");
        }
        var segmentEnd = index + 1 < segments.Length ? segments[index + 1].Base : end;
        return new ReadUse(segments[index], file, segments[index].OffsetOf(position), (int)Math.Min(count, segmentEnd - position));
    }

    private int ReadWaiting(ReadUse use, Span<byte> destination)
    {
        try
        {
            return use.ReadWaiting(destination);
        }
        catch (DiskException e)
        {
            throw Translate(e);
        }
    }
}

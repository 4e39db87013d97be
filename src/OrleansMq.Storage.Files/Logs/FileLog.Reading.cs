using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Logs;
/// <summary>How bytes get out.</summary>
internal sealed partial class FileLog
{
    /// <summary>Holds the segment that the position lies in; null at the end, and where a rewriting left nothing.</summary>
    /// <param name="zeros">How many are read in place of what is not there.</param>
    private ReadUse? FindUse(long position, int count, out int zeros)
    {
        zeros = 0;
        while (true)
        {
            var end = End;
            if (position >= end || count == 0)
                return null;
            var segments = _segments;
            var index = ReadUse.IndexOf(segments, position);
            if (index >= 0)
            {
                var segment = segments[index];
                var segmentEnd = index + 1 < segments.Length ? segments[index + 1].Base : end;
                if (segment.StoredEnd <= position)
                {
                    zeros = (int)Math.Min(count, segmentEnd - position);
                    return null;
                }

                if (_place.Open.TryAcquire(segment, out var file))
                    return new ReadUse(segment, file, segment.OffsetOf(position), (int)Math.Min(count, (segment.StoredEnd ?? segmentEnd) - position));
            }

            ThrowIfOver();
            // Another was put in its place meanwhile: look again.
            if (_segments == segments)
                throw new LogTrimmedException($"{_place}: position {position} was removed; the log starts at {Start}.");
        }
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

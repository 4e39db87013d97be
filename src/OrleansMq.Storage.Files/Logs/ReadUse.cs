using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Logs;

/// <summary>A segment that is held for one read, and what to read of it. Each way of reading lets go of it.</summary>
internal readonly record struct ReadUse(Segment Segment, IDiskFile File, long Offset, int Count)
{
    /// <summary>The last segment that begins at or below the position; -1 if none does.</summary>
    public static int IndexOf(Segment[] segments, long position)
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

    /// <summary>False if the disk would have to be waited for; then the segment is still held.</summary>
    public bool TryReadCached(Span<byte> destination, out int count)
    {
        var stillHeld = false;
        try
        {
            stillHeld = !File.TryReadCached(destination[..Count], Offset, out count);
            return stillHeld || count > 0 ? !stillHeld : throw Short();
        }
        finally
        {
            if (!stillHeld)
                Segment.Release();
        }
    }

    public int ReadWaiting(Span<byte> destination)
    {
        try
        {
            var count = File.Read(destination[..Count], Offset);
            return count > 0 ? count : throw Short();
        }
        finally
        {
            Segment.Release();
        }
    }

    private LogDamagedException Short() => new($"{Segment.Path}: the file ends before offset {Offset}, where the log goes on.");
}

using OrleansMq.Core.Log;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Logs;

/// <summary>The newest segment's end, where bytes may look written and not be on the disk.</summary>
internal static class TailOfSegment
{
    /// <summary>The highest position below which frames say that everything was flushed.</summary>
    public static long KnownDurable(IDiskFile file, SegmentExtent newest, LogIdentity identity)
    {
        var durable = newest.Base;
        FrameScan.Walk(
            (position, destination) => file.Read(destination, SegmentHeader.Size + position - newest.Base),
            newest.Base, newest.End, newest.Base, identity,
            (in FrameHeader header, ReadOnlySpan<byte> _) => durable = Math.Max(durable, header.DurablePosition));
        return durable;
    }

    public static void WriteAgain(IDiskFile file, long from)
    {
        using var piece = new LentBuffer(1 << 20);
        while (file.ReadUpTo(piece.Span, from) is > 0 and var count)
        {
            file.OverwriteInUse(piece.Span[..count], from);
            from += count;
        }
    }
}

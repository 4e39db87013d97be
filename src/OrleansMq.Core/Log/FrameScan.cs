namespace OrleansMq.Core.Log;

/// <summary>What every frame of one log repeats, so that a valid frame in the wrong place is found.</summary>
public readonly record struct LogIdentity(ulong Incarnation, Guid TopicId, int Partition)
{
    public bool Owns(in FrameHeader header) =>
        header.Incarnation == Incarnation && header.TopicId == TopicId && header.Partition == Partition;
}

/// <summary>What stands at a place where a frame should begin.</summary>
public enum FrameVerdict
{
    /// <summary>A whole frame of this log at its own position.</summary>
    Whole,

    /// <summary>The header is good but the bytes given end before the frame does: read more; at the log's end it is torn.</summary>
    Incomplete,

    /// <summary>No frame of this log.</summary>
    Bad,
}

/// <summary>How a log ends.</summary>
public enum LogTailKind
{
    /// <summary>The last frame ends where the bytes end.</summary>
    Clean,

    /// <summary>After the last whole frame come bytes that were never known durable; they may be cut.</summary>
    Torn,

    /// <summary>Bytes that were durable do not read back as written; nothing may be cut.</summary>
    Damaged,
}

/// <param name="Kind">How the log ends.</param>
/// <param name="Position">End of the last whole frame before the first bad place.</param>
/// <param name="Frames">Whole frames up to there.</param>
/// <param name="Bytes">Bytes from there to the end; 0 when clean.</param>
public readonly record struct LogTail(LogTailKind Kind, long Position, long Frames, long Bytes);

/// <summary>
/// Walks the frames of a log and tells a torn tail from damage. Pure: bytes in, verdict out.
/// </summary>
/// <remarks>
/// A bad place is damage if something proves that it was durable once: a later frame whose
/// <see cref="FrameHeader.DurablePosition"/> lies above it, or a later segment (a roll flushes what is before).
/// Otherwise it is a torn tail. The very last group commit before a crash can't be told apart.
/// </remarks>
public static class FrameScan
{
    /// <summary>Fills as much of the destination as there is from the position on; 0 only at the end.</summary>
    public delegate int ReadAt(long position, Span<byte> destination);

    public delegate void Visit(in FrameHeader header, ReadOnlySpan<byte> payload);

    /// <summary>
    /// Judges the frame whose first byte is the first of <paramref name="bytes"/> and should stand at <paramref name="position"/>.
    /// Gives its header unless the verdict is <see cref="FrameVerdict.Bad"/>.
    /// </summary>
    public static FrameVerdict At(ReadOnlySpan<byte> bytes, long position, LogIdentity log, out FrameHeader header)
    {
        if (!HeaderAt(bytes, position, log, out header))
            return FrameVerdict.Bad;
        if (header.Kind == FrameKind.Gap)
            return FrameVerdict.Whole;
        if (bytes.Length < header.TotalLength)
            return FrameVerdict.Incomplete;
        var payload = bytes.Slice(FrameHeader.Size, header.PayloadLength);
        var padding = bytes[(FrameHeader.Size + header.PayloadLength)..header.TotalLength];
        return FrameCheck.Payload(header, payload) && FrameCheck.Padding(padding) ? FrameVerdict.Whole : FrameVerdict.Bad;
    }

    /// <summary>
    /// Whether a header in the bytes proves that <paramref name="badPosition"/> was durable once. Looks at each aligned place of
    /// <paramref name="bytesAfterBadFrame"/>, whose first byte stands at <paramref name="firstPosition"/>. When they are read in
    /// pieces, pieces overlap by a header's size.
    /// </summary>
    public static bool AnyDurableBeyond(ReadOnlySpan<byte> bytesAfterBadFrame, long firstPosition, long badPosition, LogIdentity log)
    {
        var skip = (int)(-firstPosition & (FrameHeader.Alignment - 1));
        for (var at = skip; at <= bytesAfterBadFrame.Length - FrameHeader.Size; at += FrameHeader.Alignment)
        {
            if (HeaderAt(bytesAfterBadFrame[at..], firstPosition + at, log, out var header) && header.DurablePosition > badPosition)
                return true;
        }
        return false;
    }

    /// <summary>
    /// Walks from <paramref name="start"/>, where a frame begins, to <paramref name="end"/>. A bad place below
    /// <paramref name="lastSegment"/> (first position of the newest segment) is damage. <paramref name="visit"/> sees each whole
    /// frame in order and borrows its payload for the call.
    /// </summary>
    public static LogTail Walk(ReadAt read, long start, long end, long lastSegment, LogIdentity log, Visit? visit = null)
    {
        using var buffer = new LentBuffer(ScanWindow.Least);
        var window = new ScanWindow(read, end, buffer);
        var position = start;
        long frames = 0;
        while (position < end)
        {
            var bytes = window.At(position, FrameHeader.Size);
            var verdict = At(bytes, position, log, out var header);
            if (verdict == FrameVerdict.Incomplete && header.NextPosition <= end)
                verdict = At(bytes = window.At(position, header.TotalLength), position, log, out header);
            if (verdict != FrameVerdict.Whole)
                return new LogTail(Judge(ref window, position, end, lastSegment, log), position, frames, end - position);
            visit?.Invoke(header, header.Kind == FrameKind.Gap ? [] : bytes.Slice(FrameHeader.Size, header.PayloadLength));
            position = header.NextPosition;
            frames++;
        }
        return new LogTail(LogTailKind.Clean, position, frames, 0);
    }

    private static LogTailKind Judge(ref ScanWindow window, long bad, long end, long lastSegment, LogIdentity log)
    {
        if (bad < lastSegment)
            return LogTailKind.Damaged;
        for (var from = bad; from + FrameHeader.Size <= end; )
        {
            var bytes = window.At(from, FrameHeader.Size);
            if (AnyDurableBeyond(bytes, from, bad, log))
                return LogTailKind.Damaged;
            if (bytes.Length < FrameHeader.Size)
                break;
            from += (bytes.Length - FrameHeader.Size + FrameHeader.Alignment) & ~(FrameHeader.Alignment - 1);
        }
        return LogTailKind.Torn;
    }

    private static bool HeaderAt(ReadOnlySpan<byte> bytes, long position, LogIdentity log, out FrameHeader header) =>
        FrameHeader.TryRead(bytes, out header) && header.Position == position && log.Owns(header);

    /// <summary>A moving view: gives at least the bytes asked for where there are any, and whatever else it holds; a view is void when the next is taken.</summary>
    private ref struct ScanWindow(ReadAt read, long end, LentBuffer buffer)
    {
        public const int Least = 256 * 1024;
        private long _first;
        private int _count;

        public ReadOnlySpan<byte> At(long position, int atLeast)
        {
            if (position < _first || position + atLeast > _first + _count)
                Fill(position, atLeast);
            return buffer.Span[(int)(position - _first).._count];
        }

        private void Fill(long position, int atLeast)
        {
            if (buffer.Length < atLeast)
                buffer.Grow(atLeast);
            _first = position;
            _count = 0;
            var wanted = (int)Math.Min(buffer.Length, end - position);
            while (_count < wanted && read(position + _count, buffer.Span[_count..wanted]) is > 0 and var got)
                _count += got;
        }
    }
}

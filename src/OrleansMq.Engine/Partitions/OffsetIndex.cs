using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Partitions;

/// <summary>
/// Leads from an offset of the main lane, or a time, to a log position at or before it. One entry for about 32 KiB of log, only for what was written or read
/// since the opening; older segments are walked when first needed, and forgotten again.
/// </summary>
/// <remarks>Safe for use from any thread.</remarks>
internal sealed class OffsetIndex(IPartitionLog log)
{
    private const int StepBytes = 32 << 10;
    private const int MaxWalkedSegments = 64;

    /// <summary>About 2 GiB of log; what is older is walked like what was before the opening.</summary>
    private const int MaxLiveMarks = 65_536;

    private readonly Lock _gate = new();

    /// <summary>Ordered by position: frames seen since opening.</summary>
    private readonly List<Mark> _live = [];

    /// <summary>Marks of older segments, by the segment's first position.</summary>
    private readonly Dictionary<long, List<Mark>> _walked = [];
    private readonly Queue<long> _walkedOrder = new();

    /// <summary>Takes note of a frame that was appended or replayed; frames come in order.</summary>
    public void Add(in FrameHeader header)
    {
        if (header.Lane != Lane.Main)
            return;
        lock (_gate)
        {
            if (_live.Count == 0 || header.Position - _live[^1].Position >= StepBytes)
                _live.Add(new Mark(header.BaseOffset, header.Position, header.AppendedAt));
            if (_live.Count > MaxLiveMarks)
                _live.RemoveRange(0, MaxLiveMarks / 4);
        }
    }

    /// <summary>The same for frames that stand one after another in the bytes of a write.</summary>
    public void AddFrames(ReadOnlySpan<byte> frames)
    {
        while (FrameHeader.TryRead(frames, out var header))
        {
            Add(header);
            frames = frames[header.TotalLength..];
        }
    }

    /// <summary>Forgets marks of removed segments.</summary>
    public void TrimBefore(long position)
    {
        lock (_gate)
        {
            var gone = _live.FindIndex(mark => mark.Position >= position);
            _live.RemoveRange(0, gone < 0 ? _live.Count : gone);
            foreach (var segment in _walked.Keys.Where(at => at < position).ToList())
                _walked.Remove(segment);
        }
    }

    /// <summary>Forgets marks between two positions: other frames stand there now. Those before them go too: the ones that are kept have no hole.</summary>
    public void Forget(long from, long to)
    {
        lock (_gate)
        {
            _live.RemoveAll(mark => mark.Position < to);
            foreach (var segment in _walked.Keys.Where(at => at >= from && at < to).ToList())
                _walked.Remove(segment);
        }
    }

    /// <summary>A position at or before the frame that holds <paramref name="offset"/>, where a frame begins.</summary>
    public ValueTask<long> FindOffset(long offset) => Find(mark => mark.Offset <= offset);

    /// <summary>A position at or before the first frame appended at or after <paramref name="timeMs"/>.</summary>
    public ValueTask<long> FindTime(long timeMs) => Find(mark => mark.AppendedAt < timeMs);

    /// <summary>A position at or before the first frame at or behind <paramref name="position"/>, where a frame begins.</summary>
    public ValueTask<long> FindPosition(long position) => Find(mark => mark.Position <= position);

    /// <summary>The last mark for which the condition holds (it holds for a prefix), else the log's start.</summary>
    /// <remarks>Marks may lag behind a trim: what they name is never before the log's start, or a reader would look for ever for what is gone.</remarks>
    private async ValueTask<long> Find(Func<Mark, bool> before) => Math.Max(await FindMark(before), log.Start);

    private async ValueTask<long> FindMark(Func<Mark, bool> before)
    {
        lock (_gate)
        {
            if (_live.Count > 0 && before(_live[0]))
                return Last(_live, before).Position;
        }

        var segments = log.Segments;
        var (low, high) = (0, segments.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            var first = await FirstMark(segments[middle], middle + 1 < segments.Count ? segments[middle + 1] : log.End);
            if (first is { } mark && before(mark))
                low = middle;
            else
                high = middle - 1;
        }

        var start = segments[low];
        var marks = await Walked(start, low + 1 < segments.Count ? segments[low + 1] : log.End);
        return marks.Count > 0 && before(marks[0]) ? Last(marks, before).Position : start;
    }

    private static Mark Last(List<Mark> marks, Func<Mark, bool> before)
    {
        var (low, high) = (0, marks.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (before(marks[middle]))
                low = middle;
            else
                high = middle - 1;
        }

        return marks[low];
    }

    private async ValueTask<Mark?> FirstMark(long segment, long end)
    {
        lock (_gate)
        {
            if (_walked.TryGetValue(segment, out var known) && known.Count > 0)
                return known[0];
        }

        var buffer = new byte[FrameHeader.Size];
        if (await ReadHeader(segment, buffer) is not { } header)
            return null;
        if (header.Lane == Lane.Main)
            return new Mark(header.BaseOffset, header.Position, header.AppendedAt);
        var marks = await Walked(segment, end);
        return marks.Count > 0 ? marks[0] : null;
    }

    private async ValueTask<List<Mark>> Walked(long segment, long end)
    {
        lock (_gate)
        {
            if (_walked.TryGetValue(segment, out var known))
                return known;
        }

        var marks = await Walk(segment, end);
        lock (_gate)
        {
            if (_walked.TryAdd(segment, marks))
                _walkedOrder.Enqueue(segment);
            while (_walkedOrder.Count > MaxWalkedSegments)
                _walked.Remove(_walkedOrder.Dequeue());
        }

        return marks;
    }

    private async ValueTask<List<Mark>> Walk(long segment, long end)
    {
        var marks = new List<Mark>();
        using var chunk = new LentBuffer(256 << 10);
        var (chunkStart, chunkLength) = (segment, 0);
        for (var position = segment; position + FrameHeader.Size <= end;)
        {
            if (position < chunkStart || position + FrameHeader.Size > chunkStart + chunkLength)
            {
                (chunkStart, chunkLength) = (position, 0);
                while (chunkLength < FrameHeader.Size)
                {
                    var read = await log.Read(chunkStart + chunkLength, chunk.Memory[chunkLength..]);
                    if (read == 0)
                        return marks;
                    chunkLength += read;
                }
            }

            if (!FrameHeader.TryRead(chunk.Span[(int)(position - chunkStart)..], out var header) || header.Position != position)
                return marks;
            // A lane's frame has an offset of its lane; only the main lane and entries tell the main lane's offset.
            if (header.Lane == Lane.Main && (marks.Count == 0 || position - marks[^1].Position >= StepBytes))
                marks.Add(new Mark(header.BaseOffset, position, header.AppendedAt));
            position = header.NextPosition;
        }

        return marks;
    }

    private async ValueTask<FrameHeader?> ReadHeader(long position, byte[] buffer)
    {
        var filled = 0;
        while (filled < buffer.Length)
        {
            var read = await log.Read(position + filled, buffer.AsMemory(filled));
            if (read == 0)
                return null;
            filled += read;
        }

        return FrameHeader.TryRead(buffer, out var header) && header.Position == position ? header : null;
    }

    private readonly record struct Mark(long Offset, long Position, long AppendedAt);
}

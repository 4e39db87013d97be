using OrleansMq.Core.Cursors;
using OrleansMq.Core.Dedup;
using OrleansMq.Core.Log;
using OrleansMq.Records;

namespace OrleansMq.Core.Delay;

/// <summary>
/// The lane of messages that wait for their time. On disk they stand where they were appended; in memory there is a line for each frame, a bit for each
/// message, and the due time only of those whose time is near. The others are read again when their hour comes (<see cref="SelectFar"/>, <see cref="Offer"/>).
/// </summary>
/// <remarks>
/// <c>Apply…</c> follows the log. What is near is a cache that follows from the log and the clock: it is not saved, and messages may be known twice in it,
/// but a message that is no longer pending is never given out.
/// </remarks>
public sealed partial class ScheduledLane
{
    /// <summary>How far ahead messages are known one by one.</summary>
    public const long NearMs = 3_600_000;

    /// <summary>With so many known one by one (about 32 MB), only what is due within <see cref="CrowdedMs"/> is added.</summary>
    public const int MaxNear = 1_000_000;

    public const long CrowdedMs = 60_000;

    /// <summary>More than this wait in no partition: about 2 bytes each in memory and their bytes on disk.</summary>
    public const int MaxPending = 20_000_000;

    /// <summary>By first offset. Frames without pending messages are swept out now and then.</summary>
    private readonly List<ScheduledFrame> _frames = [];
    private int _empty;

    private OffsetSet _pending = new();

    private readonly PriorityQueue<long, long> _near = new();

    /// <summary>No frame has an unknown message due before this.</summary>
    private long _farDueMs = long.MaxValue;

    /// <summary>The offset the next message gets.</summary>
    public long End { get; private set; }

    /// <summary>Messages that wait.</summary>
    public long Count => _pending.Count;

    public int Frames => _frames.Count - _empty;

    /// <summary>Messages known one by one, with those that are gone by now.</summary>
    public int Near => _near.Count;

    public bool IsPending(long offset) => _pending.Contains(offset);

    /// <summary>The first pending message at or behind an offset, or -1.</summary>
    public long NextPending(long offset) => _pending.NextSet(offset);

    /// <summary>The frame that holds a pending message.</summary>
    public bool TryFind(long offset, out ScheduledFrame frame)
    {
        var at = IndexOf(offset);
        frame = at >= 0 ? _frames[at] : null!;
        return at >= 0 && IsPending(offset);
    }

    /// <summary>The earliest due time that is known; null when none is. A message that waits for its disk read is not in it.</summary>
    public long? NextDueMs
    {
        get
        {
            while (_near.TryPeek(out var offset, out var dueMs))
            {
                if (_pending.Contains(offset))
                    return dueMs;
                _near.Dequeue();
            }

            return null;
        }
    }

    /// <summary>The least log position that pending messages need; <see cref="long.MaxValue"/> without any.</summary>
    public long LeastPosition
    {
        get
        {
            var least = long.MaxValue;
            foreach (var frame in _frames)
                if (frame.Pending > 0)
                    least = Math.Min(least, frame.Position);
            return least;
        }
    }

    /// <summary>About how many bytes the pending messages have.</summary>
    public long PendingBytes => _frames.Sum(frame => frame.PendingBytes);

    /// <summary>Takes out messages whose time has come, earliest first; who can't deliver them gives them back with <see cref="PutBack"/>.</summary>
    /// <param name="belowPosition">Frames from here on can't be read yet; their messages stay.</param>
    public void TakeDue(long nowMs, int max, long belowPosition, List<DueMessage> into)
    {
        List<DueMessage>? tooNew = null;
        while (into.Count < max && NextDueMs <= nowMs)
        {
            _near.TryDequeue(out var offset, out var dueMs);
            if (!TryFind(offset, out var frame))
                continue;
            if (frame.Position < belowPosition)
                into.Add(new DueMessage(offset, dueMs, frame.Position));
            else
                (tooNew ??= []).Add(new DueMessage(offset, dueMs, frame.Position));
        }

        foreach (var message in tooNew ?? [])
            PutBack(message);
    }

    public void PutBack(in DueMessage message) => _near.Enqueue(message.Offset, message.DueMs);

    /// <summary>When frames must be read again for what comes due; null when all is known.</summary>
    public long? NextLoadMs => _farDueMs == long.MaxValue ? null : Math.Max(0, _farDueMs - Ahead / 2);

    /// <summary>The frames to be read for messages whose time is near, earliest first.</summary>
    public void SelectFar(long nowMs, int max, List<ScheduledFrame> into)
    {
        if (!(NextLoadMs <= nowMs))
            return;
        into.AddRange(_frames.Where(frame => frame.Pending > 0 && frame.FarDueMs < nowMs + Ahead).OrderBy(frame => frame.FarDueMs).Take(max));
        if (into.Count == 0)
            FindFar();
    }

    /// <summary>Tells the due times of a frame's messages that were read from disk.</summary>
    public void Offer(ScheduledFrame frame, long nowMs, IReadOnlyList<(long Offset, long DueMs)> messages)
    {
        var untilMs = Math.Max(frame.LoadedToMs, nowMs + Ahead);
        var farMs = long.MaxValue;
        foreach (var (offset, dueMs) in messages)
        {
            if (!_pending.Contains(offset) || dueMs < frame.LoadedToMs)
                continue;
            if (dueMs < untilMs)
                _near.Enqueue(offset, dueMs);
            else
                farMs = Math.Min(farMs, dueMs);
        }

        (frame.LoadedToMs, frame.FarDueMs) = (untilMs, farMs);
    }

    /// <summary>The frames that may hold a token.</summary>
    public List<ScheduledFrame> FindToken(TokenHash token)
    {
        var mark = MarkOf(token);
        return [.. _frames.Where(frame => frame.Pending > 0 && frame.Tokens is { } marks && marks.AsSpan().Contains(mark))];
    }

    /// <summary>Messages were appended.</summary>
    internal void ApplyAdded(in FrameHeader header, in RecordBatch batch)
    {
        Add(header, batch, header.AppendedAt + Ahead, areKnown: false);
        End = Math.Max(End, batch.LastOffset + 1);
        _pending.AddRange(batch.BaseOffset, batch.LastOffset + 1);
    }

    /// <summary>Messages were written again, further on in the log, at the same offsets: the frames that held them are not needed any more.</summary>
    internal void ApplyRolled(in FrameHeader header, in RecordBatch batch)
    {
        var (first, last, knownToMs) = (batch.BaseOffset, batch.LastOffset, 0L);
        End = Math.Max(End, last + 1);
        var at = _frames.FindIndex(frame => frame.Last >= first);
        var end = at < 0 ? -1 : _frames.FindIndex(at, frame => frame.First > last);
        if (at >= 0)
        {
            var replaced = _frames.GetRange(at, (end < 0 ? _frames.Count : end) - at);
            _empty -= replaced.Count(frame => frame.Pending == 0);
            knownToMs = replaced.Min(frame => frame.LoadedToMs);
            _frames.RemoveRange(at, replaced.Count);
        }

        _pending.RemoveRange(first, last + 1);
        foreach (var record in batch.Records())
            _pending.Add(record.Offset);
        Add(header, batch, knownToMs, areKnown: true);
    }

    /// <summary>So many may have been here and are lost: their offsets are not given again.</summary>
    internal void ApplyLost(long count) => End += count;

    /// <summary>A message was delivered, or cancelled. It may be one that is lost.</summary>
    internal void ApplyGone(long offset)
    {
        End = Math.Max(End, offset + 1);
        if (!_pending.Remove(offset) || IndexOf(offset) is not (>= 0 and var at))
            return;
        if (--_frames[at].Pending > 0 || ++_empty <= 64 + _frames.Count / 2)
            return;
        _frames.RemoveAll(frame => frame.Pending == 0);
        _empty = 0;
    }

    internal static uint MarkOf(TokenHash token) => (uint)token.First;

    private long Ahead => _near.Count < MaxNear ? NearMs : CrowdedMs;

    /// <param name="areKnown">The messages due before <paramref name="nearToMs"/> are known already.</param>
    private void Add(in FrameHeader header, in RecordBatch batch, long nearToMs, bool areKnown)
    {
        var (first, firstDueMs, farDueMs) = (batch.BaseOffset, long.MaxValue, long.MaxValue);
        List<uint>? marks = null;
        foreach (var record in batch.Records())
        {
            var dueMs = ScheduledHeaders.DueMs(record);
            firstDueMs = Math.Min(firstDueMs, dueMs);
            if (dueMs >= nearToMs)
                farDueMs = Math.Min(farDueMs, dueMs);
            else if (!areKnown)
                _near.Enqueue(record.Offset, dueMs);
            if (record.Headers.TryGetLast(ReservedHeaders.TokenUtf8, out var token))
                (marks ??= []).Add(MarkOf(TokenHash.Of(token.Value.Span)));
        }

        var frame = new ScheduledFrame
        {
            First = first,
            Last = batch.LastOffset,
            Position = header.Position,
            FirstDueMs = firstDueMs,
            Tokens = marks?.ToArray(),
            Count = batch.Count,
            Bytes = batch.Length,
            Pending = batch.Count,
            LoadedToMs = nearToMs,
            FarDueMs = farDueMs,
        };
        var at = _frames.Count == 0 || _frames[^1].First < first ? _frames.Count : _frames.FindIndex(other => other.First > first);
        _frames.Insert(at, frame);
        _farDueMs = Math.Min(_farDueMs, farDueMs);
    }

    private void FindFar()
    {
        _farDueMs = long.MaxValue;
        foreach (var frame in _frames)
            if (frame.Pending > 0)
                _farDueMs = Math.Min(_farDueMs, frame.FarDueMs);
    }

    /// <summary>The place of the frame that covers an offset, or -1.</summary>
    private int IndexOf(long offset)
    {
        var (low, high) = (0, _frames.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (_frames[middle].First > offset)
                high = middle - 1;
            else if (_frames[middle].Last < offset)
                low = middle + 1;
            else
                return middle;
        }

        return -1;
    }
}

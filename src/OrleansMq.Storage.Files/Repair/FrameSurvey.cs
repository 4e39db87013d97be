using System.Buffers.Binary;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>A stretch of a log without a whole frame, between two places where frames begin.</summary>
internal sealed class Hole
{
    public required long From { get; init; }

    public required long To { get; init; }

    /// <summary>The first offset that may have stood there; null: nothing before it tells.</summary>
    public long? FirstOffset { get; set; }

    /// <summary>The offset that goes on behind it; null: nothing behind it tells.</summary>
    public long? NextOffset { get; set; }

    /// <summary>What headers in it say of the main lane's end, where their payload does not read back.</summary>
    public long Hinted { get; init; }

    /// <summary>The newest segment is missing: nothing tells how long it was.</summary>
    public bool IsBoundless { get; init; }

    /// <summary>Only the gap at the end of a rewritten segment stood there: nothing is lost.</summary>
    public bool WasAGap { get; init; }

    /// <summary>What one gap can stand in for: it says its length in 31 bits.</summary>
    public const long MaxBytes = int.MaxValue - 2 * FrameHeader.Size;

    /// <summary>Of a segment that is missing nothing tells how much it held.</summary>
    private const long OffsetsOfASegment = 1L << 20;

    /// <summary>
    /// How many offsets are passed over where no frame behind tells how many were given, for none may be given twice: as many as there were bytes. That can be too few only
    /// where records were compressed to less than a byte each.
    /// </summary>
    public long OffsetsInDoubt => IsBoundless ? OffsetsOfASegment : To - From;
}

/// <summary>Every frame of a log, and what is between them.</summary>
internal sealed class FrameSurvey
{
    // Of a record batch (Kafka's v2, big-endian): 21 attributes i16, 23 last offset delta i32.
    private const int AttributesAt = 21;
    private const int LastOffsetDeltaAt = 23;
    private const int TransactionalOrControl = 0x30;

    private readonly SegmentPlan _plan;
    private readonly LogIdentity _identity;
    private readonly long _snapshot;
    private long? _mainEnd;

    /// <param name="snapshot">Where the newest snapshot that reads back stands, or 0: the log was that long.</param>
    public FrameSurvey(SegmentPlan plan, LogIdentity identity, long snapshot)
    {
        (_plan, _identity, _snapshot) = (plan, identity, snapshot);
        Walk();
    }

    public List<Hole> Holes { get; } = [];

    /// <summary>Where a tail begins that was never known durable; null: there is none.</summary>
    public long? TornAt { get; private set; }

    /// <summary>The first offset in any whole frame.</summary>
    public long? FirstOffset { get; private set; }

    /// <summary>The main lane's end behind the last whole frame; null: no frame tells.</summary>
    public long? MainEnd => _mainEnd;

    public bool HasTransactions { get; private set; }

    public long ClockMs { get; private set; }

    public static bool IsOfTransaction(in FrameHeader header, ReadOnlySpan<byte> payload) =>
        header.Kind == FrameKind.Batch && header.Lane == Lane.Main && (BinaryPrimitives.ReadInt16BigEndian(payload[AttributesAt..]) & TransactionalOrControl) != 0;

    private void Walk()
    {
        for (var position = _plan.Start; position < _plan.End;)
        {
            var tail = FrameScan.Walk(_plan.Read, position, _plan.End, _plan.Segments[^1].Base, _identity, Visit);
            if (tail.Kind == LogTailKind.Clean)
                return;
            if (tail.Kind == LogTailKind.Torn && tail.Position >= _snapshot && !_plan.HasLostItsNewest)
            {
                TornAt = tail.Position;
                return;
            }

            var hole = HoleAt(tail.Position);
            hole.FirstOffset = _mainEnd;
            Holes.Add(hole);
            position = hole.To;
        }
    }

    private void Visit(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        ClockMs = Math.Max(ClockMs, header.AppendedAt);
        if (header.Lane != Lane.Main)
            return;
        FirstOffset ??= header.BaseOffset;
        for (var i = Holes.Count - 1; i >= 0 && Holes[i].NextOffset is null; i--)
            Holes[i].NextOffset = header.BaseOffset;
        _mainEnd = header.BaseOffset + (header.Kind == FrameKind.Batch ? BinaryPrimitives.ReadInt32BigEndian(payload[LastOffsetDeltaAt..]) + 1 : 0);
        HasTransactions |= IsOfTransaction(header, payload);
    }

    private Hole HoleAt(long from)
    {
        var segment = _plan.SegmentOf(from);
        var limit = from < _snapshot && _snapshot < segment.End ? _snapshot : segment.End;
        if (limit - from > Hole.MaxBytes)
            throw new LogDamagedException($"{segment.Path}: damaged at position {from}, and the segment goes on for {limit - from} bytes, more than one gap can stand in for. Restore the log from a copy.");
        var bytes = new byte[Math.Max(0, Math.Min(limit, segment.StoredEnd) - from)];
        for (var filled = 0; filled < bytes.Length && _plan.Read(from + filled, bytes.AsSpan(filled)) is > 0 and var read;)
            filled += read;
        var (to, hinted) = (-1L, 0L);
        for (var at = 0; to < 0 && at <= bytes.Length - FrameHeader.Size; at += FrameHeader.Alignment)
        {
            if (!FrameHeader.TryRead(bytes.AsSpan(at), out var header) || header.Position != from + at || !_identity.Owns(header))
                continue;
            if (at >= FrameHeader.Size && FrameScan.At(bytes.AsSpan(at), from + at, _identity, out _) == FrameVerdict.Whole)
                to = from + at;
            else if (header.Lane == Lane.Main)
                hinted = Math.Max(hinted, header.BaseOffset + (header.Kind == FrameKind.Batch ? header.SequenceCount : 0));
        }

        // The newest segment may end anywhere.
        var end = Math.Max(limit + FrameHeader.Alignment - 1 & ~(FrameHeader.Alignment - 1L), from + FrameHeader.Size);
        return new Hole
        {
            From = from,
            To = to < 0 ? end : to,
            Hinted = hinted,
            IsBoundless = _plan.HasLostItsNewest && segment == _plan.Segments[^1] && limit != _snapshot,
            WasAGap = segment.EndsEarly && to < 0 && end == segment.End && segment.StoredEnd - from == FrameHeader.Size,
        };
    }
}

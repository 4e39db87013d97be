using System.Buffers.Binary;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>A stretch of a log without a whole frame, between two places where frames begin.</summary>
internal sealed class Hole
{
    public required long From { get; init; }

    public required long To { get; set; }

    /// <summary>The first offset that may have stood there; null: nothing before it tells.</summary>
    public long? FirstOffset { get; set; }

    /// <summary>The offset that goes on behind it; null: nothing behind it tells.</summary>
    public long? NextOffset { get; set; }

    /// <summary>What headers in it say of the main lane's end, where their payload does not read back.</summary>
    public long Hinted { get; init; }

    /// <summary>The newest segment is missing, or may be: nothing tells how long it was.</summary>
    public bool IsBoundless { get; init; }

    /// <summary>Its last byte is the file's, and the file may have been longer: nothing behind tells how much stood there.</summary>
    public bool EndsTheLog { get; set; }

    public bool IsOpenEnded => IsBoundless || EndsTheLog;

    /// <summary>A broker would take it for a torn tail, and cut it.</summary>
    public bool IsTail { get; set; }

    /// <summary>Only the gap at the end of a rewritten segment stood there: nothing is lost.</summary>
    public bool WasAGap { get; init; }

    /// <summary>What one gap can stand in for: it says its length in 31 bits.</summary>
    public const long MaxBytes = int.MaxValue - 2 * FrameHeader.Size;

    /// <summary>Headers of all frames that stood there, where they read back and only what they head does not; empty where any does not.</summary>
    public IReadOnlyList<FrameHeader> Frames { get; init; } = [];

    /// <summary>How many offsets are passed over where no frame behind tells how many were given, for none may be given twice.</summary>
    public long OffsetsInDoubt { get; set; }

    /// <summary>How many records in it may count against the topic's admission cap.</summary>
    public int Admitted { get; set; }

    /// <summary>Whether any may: not where its headers say that none did.</summary>
    public bool MayHaveAdmitted => !WasAGap && (Frames.Count == 0 || Frames.Any(frame => frame.Flags.HasFlag(FrameFlags.Admitted)));

    /// <summary>Nothing was seen to stand there: only that there was no newer segment can't be known.</summary>
    public bool IsFeared { get; init; }

    public bool IsIn(long position) => position >= From && position < To;
}

/// <summary>Every frame of a log, and what is between them.</summary>
internal sealed class FrameSurvey
{
    /// <summary>What the broker makes where it is told nothing else.</summary>
    private const long UsualSegmentBytes = 64L << 20;

    /// <summary>A record without a byte of its own has seven.</summary>
    private const long LeastRecordBytes = 7;

    /// <summary>Half of what a group can have unsettled between its lowest and its highest offset.</summary>
    private const long MostInDoubt = 1L << 33;

    private const long FirstLook = 1 << 20;

    private readonly SegmentPlan _plan;
    private readonly LogIdentity _identity;
    private readonly long _snapshot;
    private readonly long _reach;
    private readonly long _sumTo;
    private long? _mainEnd;

    /// <param name="snapshot">Where the newest snapshot that reads back stands, or 0: the log was that long.</param>
    /// <param name="reach">The log was that long too: where a snapshot was taken, whether it reads back or not.</param>
    /// <param name="sumTo">Frames from there on are not in <see cref="Sum"/>.</param>
    public FrameSurvey(SegmentPlan plan, LogIdentity identity, long snapshot, long reach, long sumTo = 0)
    {
        (_plan, _identity, _snapshot, _reach, _sumTo) = (plan, identity, snapshot, Math.Max(snapshot, reach), sumTo);
        Walk();
    }

    public List<Hole> Holes { get; } = [];

    /// <summary>The last hole, where the broker would cut it: no frame says that it was ever flushed, and behind it nothing is whole.</summary>
    public Hole? Tail => Holes.LastOrDefault() is { IsTail: true } tail ? tail : null;

    /// <summary>The first offset in any whole frame.</summary>
    public long? FirstOffset { get; private set; }

    /// <summary>The main lane's end behind the last whole frame; null: no frame tells.</summary>
    public long? MainEnd => _mainEnd;

    /// <summary>Of all whole frames, but for gaps that a repair made: the same where they are.</summary>
    public long Sum { get; private set; }

    public bool HasTransactions { get; private set; }

    public long ClockMs { get; private set; }

    /// <summary>The most offsets that a byte of a whole frame gave: above 1 where records compress well.</summary>
    private double _offsetsPerByte;

    public static bool IsOfTransaction(in FrameHeader header, ReadOnlySpan<byte> payload) =>
        header.Kind == FrameKind.Batch && header.Lane == Lane.Main && (BinaryPrimitives.ReadInt16BigEndian(payload[BatchLayout.Attributes..]) & (BatchLayout.TransactionalBit | BatchLayout.ControlBit)) != 0;

    private void Walk()
    {
        for (var position = _plan.Start; position < _plan.End;)
        {
            var tail = FrameScan.Walk(_plan.Read, position, _plan.End, _plan.Segments[^1].Base, _identity, Visit);
            if (tail.Kind == LogTailKind.Clean)
                break;
            var hole = HoleAt(tail.Position, out var goesOn);
            hole.EndsTheLog = tail.Position >= Math.Max(_snapshot, _plan.Segments[^1].Base) && !_plan.EndIsUnknown && !goesOn && _plan.Segments[^1].StoredEnd == _plan.End;
            hole.IsTail = hole.EndsTheLog && tail.Kind == LogTailKind.Torn && tail.Position >= _reach;
            hole.FirstOffset = _mainEnd;
            Holes.Add(hole);
            position = hole.To;
        }

        foreach (var hole in Holes)
            hole.OffsetsInDoubt = InDoubt(hole);
    }

    /// <summary>
    /// As many as there were bytes, and four times as many as the densest whole frame would have given. Where nobody knows how much stood there, as of a missing newest segment, or of a tail that
    /// may have been longer: as much as in the longest of the others, at least a segment of the usual size.
    /// </summary>
    private long InDoubt(Hole hole)
    {
        var bytes = hole.IsOpenEnded ? Math.Max(_plan.Segments.Max(segment => segment.End - segment.Base), UsualSegmentBytes) : hole.To - hole.From;
        return Math.Min(Math.Max(hole.IsOpenEnded ? bytes / LeastRecordBytes : bytes, (long)(4 * _offsetsPerByte * bytes)), MostInDoubt);
    }

    private void Visit(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        ClockMs = Math.Max(ClockMs, header.AppendedAt);
        if (header.Position < _sumTo && !header.Flags.HasFlag(FrameFlags.Lost))
            Sum = unchecked(Sum + HashCode.Combine(header.Position, header.PayloadCrc, header.PayloadLength, header.BaseOffset, header.Lane, header.Kind, header.AppendedAt, header.Epoch));
        if (header.Lane != Lane.Main)
            return;
        FirstOffset ??= header.BaseOffset;
        for (var i = Holes.Count - 1; i >= 0 && Holes[i].NextOffset is null; i--)
            Holes[i].NextOffset = header.BaseOffset;
        _mainEnd = header.BaseOffset + (header.Kind == FrameKind.Batch ? BinaryPrimitives.ReadInt32BigEndian(payload[BatchLayout.LastOffsetDelta..]) + 1 : 0);
        _offsetsPerByte = Math.Max(_offsetsPerByte, (double)(_mainEnd.Value - header.BaseOffset) / header.TotalLength);
        HasTransactions |= IsOfTransaction(header, payload);
    }

    /// <param name="goesOn">Whether a whole frame stands behind it in its segment.</param>
    private Hole HoleAt(long from, out bool goesOn)
    {
        var segment = _plan.SegmentOf(from);
        var limit = from < _snapshot && _snapshot < segment.End ? _snapshot : segment.End;
        if (limit - from > Hole.MaxBytes)
            throw new LogDamagedException($"{segment.Path}: damaged at position {from}, and the segment goes on for {limit - from} bytes, more than one gap can stand in for. Restore the log from a copy.");
        var stored = Math.Max(0, Math.Min(limit, segment.StoredEnd) - from);
        var (to, hinted, frames) = (-1L, 0L, new List<FrameHeader>());
        // Most end soon; a frame of which only a part was read is read again with more behind it.
        for (var size = Math.Min(stored, FirstLook); !Search(from, Bytes(from, (int)size), size == stored, out to, out hinted, frames); size = Math.Min(stored, 4 * size))
            frames.Clear();
        // The newest segment may end anywhere.
        var end = Math.Max(limit + FrameHeader.Alignment - 1 & ~(FrameHeader.Alignment - 1L), from + FrameHeader.Size);
        goesOn = to >= 0;
        to = goesOn ? to : end;
        return new Hole
        {
            From = from,
            To = to,
            Hinted = hinted,
            Frames = frames.Count > 0 && frames[^1].NextPosition == to ? frames : [],
            IsBoundless = _plan.EndIsUnknown && !goesOn && segment == _plan.Segments[^1] && limit != _snapshot,
            IsFeared = _plan.EndIsUnknown && segment.Header != HeaderState.Missing && from >= Math.Max(segment.StoredEnd, _snapshot),
            WasAGap = segment.IsRewritten && !goesOn && end == segment.End && segment.StoredEnd - from == FrameHeader.Size && (frames.Count == 0 || frames[0].Kind == FrameKind.Gap),
        };
    }

    private byte[] Bytes(long from, int count)
    {
        var bytes = new byte[count];
        for (var filled = 0; filled < bytes.Length && _plan.Read(from + filled, bytes.AsSpan(filled)) is > 0 and var read;)
            filled += read;
        return bytes;
    }

    /// <returns>False: what decides lies behind these bytes.</returns>
    private bool Search(long from, ReadOnlySpan<byte> bytes, bool areAll, out long to, out long hinted, List<FrameHeader> frames)
    {
        (to, hinted) = (-1, 0);
        for (var at = 0; at <= bytes.Length - FrameHeader.Size; at += FrameHeader.Alignment)
        {
            if (!FrameHeader.TryRead(bytes[at..], out var header) || header.Position != from + at || !_identity.Owns(header))
                continue;
            var verdict = FrameScan.At(bytes[at..], from + at, _identity, out _);
            if (verdict == FrameVerdict.Incomplete && !areAll)
                return false;
            if (at >= FrameHeader.Size && verdict == FrameVerdict.Whole)
            {
                to = from + at;
                return true;
            }

            if (header.Position == (frames.Count == 0 ? from : frames[^1].NextPosition))
                frames.Add(header);
            if (header.Lane == Lane.Main)
                hinted = Math.Max(hinted, header.BaseOffset + (header.Kind == FrameKind.Batch ? header.SequenceCount : 0));
        }

        return areAll;
    }
}

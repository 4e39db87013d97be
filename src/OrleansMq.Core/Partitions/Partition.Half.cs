using System.Globalization;
using OrleansMq.Core.Half;
using OrleansMq.Core.Log;
using OrleansMq.Records;

namespace OrleansMq.Core.Partitions;

/// <summary>What a decision over a half message came to; one of the two is null.</summary>
public readonly record struct HalfAnswer(HalfResult? Result, MqError? Error);

/// <summary>
/// Half messages: stored in their lane, delivered when they are committed. The commit is one frame of the main lane: there, and no longer here.
/// </summary>
public sealed partial class Partition
{
    /// <summary>Says of a remembered offset that it is one of the lane of half messages.</summary>
    private const long HalfPlace = 1L << 61;

    public HalfLane Half { get; private set; } = new();

    private static bool IsHalf(long place) => place is >= HalfPlace and < ScheduledPlace;

    /// <summary>A token of a message that was rolled back is free again.</summary>
    private bool IsRolledBack(long place) => IsHalf(place) && Half.TryFindDecided(place & ~HalfPlace, out var main) && main < 0;

    private static string HalfId(int partition, long offset) => string.Create(CultureInfo.InvariantCulture, $"{partition}-{offset}");

    private AppendDecision AppendHalf(in AdmissibleBatch batch, long? admissions, long nowMs, FrameBuffer frames)
    {
        var (at, count) = (At(nowMs), batch.Batch.Count);
        if (Half.Count + count > HalfLane.MaxUndecided)
            return AppendDecision.Refused(ErrorCodes.BacklogFull, $"{Half.Count} half messages of the partition are undecided; it takes {HalfLane.MaxUndecided}.");
        var (outcomes, stored, refused) = Sort(batch, Half.End | HalfPlace, admissions, nowMs);
        if (refused == count)
            return new AppendDecision(default, 0, outcomes[0].Error);
        if (stored == 0)
        {
            if (batch.Producer is { } producer)
                ApplyHeader(frames.AddSequence(producer, count, End, at), 0);
        }
        else
        {
            var bytes = stored == count ? batch.Batch.Memory : Rebuild(batch.Batch, outcomes);
            var flags = FrameFlags.Rich | (admissions is null ? FrameFlags.None : FrameFlags.Admitted);
            var (header, placed) = frames.AddBatch(bytes.Span, Lane.Half, flags, Half.End, batch.Producer, count, at);
            ApplyBatch(header, placed);
        }

        return new AppendDecision(new AppendResult { BaseOffset = -1, Records = Named(batch.Batch, outcomes) }, stored, null);
    }

    /// <summary>Commits or rolls back. A decision that was made already is answered as such; the other one is refused.</summary>
    /// <param name="force">Decides by hand what timed out.</param>
    /// <param name="record">The message, for a commit.</param>
    public HalfAnswer DecideHalf(long offset, bool commit, bool force, RecordView? record, long nowMs, FrameBuffer frames)
    {
        if (Half.TryFindDecided(offset, out var main))
            return (commit, main >= 0) switch
            {
                (true, true) => new(new HalfResult(HalfState.Committed, new Position(Log.Partition, main), true), null),
                (false, false) => new(new HalfResult(HalfState.RolledBack, null, true), null),
                (true, false) => Refused(ErrorCodes.HalfRolledBack, offset, "was rolled back; it can't be committed any more"),
                _ => Refused(ErrorCodes.HalfCommitted, offset, "was committed; it can't be rolled back any more"),
            };
        if (Half.Find(offset) is not { } undecided)
            return Refused(ErrorCodes.HalfUnknown, offset, "is not known here, or was decided longer ago than is remembered");
        TimeOutHalf(undecided, nowMs, frames);
        if (undecided.IsTimedOut && !force)
            return Refused(ErrorCodes.HalfTimedOut, offset, "was not decided in time and was put aside; it can be decided by hand");
        if (!commit)
        {
            Change(new Entry { Kind = EntryKind.HalfRolledBack, Offset = offset, Time = At(nowMs) }, nowMs, frames);
            return new(new HalfResult(HalfState.RolledBack, null, false), null);
        }

        // It came after the caller had looked for it.
        if (record is not { } message)
            return Refused(ErrorCodes.HalfUnknown, offset, "is not known here");
        var builder = new RecordBatchBuilder(1024);
        var headers = Kept(message);
        headers.RemoveAll(header => header.KeyUtf8.Span.SequenceEqual(ReservedHeaders.HalfUtf8));
        headers.Add(MovedFrom(Lane.Half, offset));
        Append(builder, message, headers);
        var place = End;
        var (moved, stored) = frames.AddBatch(builder.Build().Span, Lane.Main, FrameFlags.Rich | FrameFlags.Moved, place, null, 1, At(nowMs));
        ApplyBatch(moved, stored);
        return new(new HalfResult(HalfState.Committed, new Position(Log.Partition, place), false), null);
    }

    /// <summary>Puts aside what was not decided in time.</summary>
    /// <returns>How many.</returns>
    public int TimeOutHalf(long nowMs, int max, FrameBuffer frames)
    {
        var late = new List<long>();
        Half.SelectTimedOut(nowMs, max, late);
        foreach (var offset in late)
            TimeOutHalf(Half.Find(offset)!, nowMs, frames);
        return late.Count;
    }

    private void TimeOutHalf(Undecided undecided, long nowMs, FrameBuffer frames)
    {
        if (!undecided.IsTimedOut && Half.TimeOutMs(undecided) <= nowMs)
            Change(new Entry { Kind = EntryKind.HalfTimedOut, Offset = undecided.Offset }, nowMs, frames);
    }

    private HalfAnswer Refused(string code, long offset, string what) => new(null, new MqError(code, $"The half message {HalfId(Log.Partition, offset)} {what}."));

    private void ApplyHalf(in FrameHeader header, in RecordBatch batch)
    {
        if (header.BaseOffset != Half.End && !_lostFrames)
            throw new PartitionBrokenException($"Half messages of offset {header.BaseOffset} were applied at {Half.End}.");
        foreach (var record in batch.Records())
            Half.ApplyAdded(
                record.Offset, header.Position, header.AppendedAt,
                HalfHeaders.Read(record) ?? throw new PartitionBrokenException($"The message {record.Offset} of the lane of half messages is none."));
        if (header.Flags.HasFlag(FrameFlags.Admitted))
            Admitted += batch.Count;
        RememberTokens(batch, header.AppendedAt, HalfPlace);
    }
}

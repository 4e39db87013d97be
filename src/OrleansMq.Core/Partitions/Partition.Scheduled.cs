using OrleansMq.Core.Delay;
using OrleansMq.Core.Log;
using OrleansMq.Records;

namespace OrleansMq.Core.Partitions;

/// <summary>A delayed message on its way to the main lane, or further on in its own.</summary>
public readonly record struct ScheduledMove(long Offset, RecordView Record);

/// <summary>
/// Messages that wait for their time. A batch with any is stored as one frame in their lane, so that it goes in whole or not at all; what of it is due goes
/// on at once. Their move to the main lane is one frame: there, and no longer here.
/// </summary>
public sealed partial class Partition
{
    /// <summary>Says of a remembered offset that it is one of the lane of delayed messages.</summary>
    private const long ScheduledPlace = 1L << 62;

    public ScheduledLane Scheduled { get; private set; } = new();

    private static bool IsScheduled(long place) => place >= ScheduledPlace;

    private static long PlaceOf(int lane) => lane switch { Lane.Scheduled => ScheduledPlace, Lane.Half => HalfPlace, _ => 0 };

    private static bool IsAhead(long time, long atMs) => time < 0 || time > atMs;

    private AppendDecision AppendScheduled(in AdmissibleBatch batch, long[] times, long? admissions, long nowMs, FrameBuffer frames)
    {
        var at = At(nowMs);
        if (Array.Exists(times, time => time > at + ScheduledHeaders.MaxAheadMs || -time > ScheduledHeaders.MaxAheadMs))
            return AppendDecision.Refused(ErrorCodes.Malformed, "A message is scheduled a year ahead at most.");
        if (Scheduled.Count >= ScheduledLane.MaxPending)
            return AppendDecision.Refused(ErrorCodes.BacklogFull, $"{Scheduled.Count} messages of the partition wait for their time; it takes {ScheduledLane.MaxPending}.");
        var (outcomes, stored, refused) = Sort(batch, Scheduled.End | ScheduledPlace, admissions, nowMs);
        var count = batch.Batch.Count;
        if (refused == count)
            return new AppendDecision(default, 0, outcomes[0].Error);
        if (stored == 0)
        {
            if (batch.Producer is { } producer)
                ApplyHeader(frames.AddSequence(producer, count, End, at), 0);
            return new AppendDecision(new AppendResult { BaseOffset = -1, Records = Named(batch.Batch, outcomes) }, 0, null);
        }

        var bytes = Timed(batch.Batch, outcomes, times, at);
        var flags = FrameFlags.Rich | (admissions is null ? FrameFlags.None : FrameFlags.Admitted);
        var (header, placed) = frames.AddBatch(bytes.Span, Lane.Scheduled, flags, Scheduled.End, batch.Producer, count, at);
        ApplyBatch(header, placed);
        var results = Named(batch.Batch, outcomes);
        PassOn(bytes, header.BaseOffset, outcomes, results, at, frames);
        return new AppendDecision(new AppendResult { BaseOffset = -1, Records = results }, stored, null);
    }

    /// <summary>What is due in a batch that was just stored goes to the main lane at once, and is answered with its position there.</summary>
    private void PassOn(ReadOnlyMemory<byte> bytes, long laneOffset, RecordOutcome[] outcomes, RecordOutcome[] results, long at, FrameBuffer frames)
    {
        var due = new List<ScheduledMove>();
        foreach (var record in RecordBatch.ReadExactly(bytes).Records())
            if (ScheduledHeaders.DueMs(record) <= at)
                due.Add(new ScheduledMove(laneOffset + record.Offset, record));
        if (due.Count == 0)
            return;
        var places = due.Select((move, i) => (move.Offset, Main: End + i)).ToDictionary(each => each.Offset | ScheduledPlace, each => each.Main);
        MoveDue(due, at, frames);
        for (var i = 0; i < outcomes.Length; i++)
            if (outcomes[i].Error is null && places.TryGetValue(outcomes[i].Offset, out var main))
                results[i] = outcomes[i] with { Offset = main };
    }

    /// <summary>Moves messages whose time has come to the main lane; those that are gone by now are left out.</summary>
    /// <returns>How many.</returns>
    public int MoveDue(IReadOnlyList<ScheduledMove> moves, long nowMs, FrameBuffer frames)
    {
        var builder = new RecordBatchBuilder(4096);
        var seen = new HashSet<long>();
        foreach (var move in moves)
        {
            if (!Scheduled.IsPending(move.Offset) || !seen.Add(move.Offset))
                continue;
            var headers = Kept(move.Record);
            headers.Add(MovedFrom(Lane.Scheduled, move.Offset));
            Append(builder, move.Record, headers);
        }

        if (builder.Count == 0)
            return 0;
        var (header, stored) = frames.AddBatch(builder.Build().Span, Lane.Main, FrameFlags.Rich | FrameFlags.Moved, End, null, builder.Count, At(nowMs));
        ApplyBatch(header, stored);
        return builder.Count;
    }

    /// <summary>Writes messages that still wait once more at the log's end, at their old offsets: what held them may be trimmed then.</summary>
    /// <param name="rolled">Neighbouring frames. Where they are not that any more, nothing happens.</param>
    /// <param name="moves">All their messages, ascending; those that are gone are left out.</param>
    public void RollScheduled(IReadOnlyList<ScheduledFrame> rolled, IReadOnlyList<ScheduledMove> moves, long nowMs, FrameBuffer frames)
    {
        if (!Scheduled.Holds(rolled))
            return;
        var first = rolled[0].First;
        var builder = new RecordBatchBuilder(4096);
        foreach (var move in moves)
            if (Scheduled.IsPending(move.Offset))
                builder.AppendAt((int)(move.Offset - first), move.Record);
        if (builder.Count == 0)
            return;
        builder.ExtendTo((int)(rolled[^1].Last - first));
        var (header, stored) = frames.AddBatch(builder.Build().Span, Lane.Scheduled, FrameFlags.Rich | FrameFlags.Moved, first, null, builder.Count, At(nowMs));
        ApplyBatch(header, stored);
    }

    /// <returns>False: it is not there, or not any more.</returns>
    public bool CancelScheduled(long offset, long nowMs, FrameBuffer frames)
    {
        if (!Scheduled.IsPending(offset))
            return false;
        Change(new Entry { Kind = EntryKind.Cancelled, Lane = Lane.Scheduled, Offset = offset, Count = 1 }, nowMs, frames);
        return true;
    }

    private void ApplyScheduled(in FrameHeader header, in RecordBatch batch)
    {
        if (header.Flags.HasFlag(FrameFlags.Moved))
        {
            Scheduled.ApplyRolled(header, batch);
            return;
        }

        if (header.BaseOffset != Scheduled.End && !_lostFrames)
            throw new PartitionBrokenException($"Delayed messages of offset {header.BaseOffset} were applied at {Scheduled.End}.");
        Scheduled.ApplyAdded(header, batch);
        if (header.Flags.HasFlag(FrameFlags.Admitted))
            Admitted += batch.Count;
        RememberTokens(batch, header.AppendedAt, ScheduledPlace);
    }

    private void ApplyMoved(in FrameHeader header, in RecordBatch batch)
    {
        foreach (var record in batch.Records())
        {
            var (lane, offset) = LaneHeaders.MovedFromOf(record);
            if (lane == Lane.Scheduled)
                Scheduled.ApplyGone(offset);
            else if (lane == Lane.Half)
                Half.ApplyDecided(offset, record.Offset, header.AppendedAt);
            else
                throw new PartitionBrokenException($"The message {record.Offset} says that it came from lane {lane}.");
        }
    }

    private void ApplyCancelled(in Entry entry)
    {
        if (entry.Lane != Lane.Scheduled)
            throw new PartitionBrokenException($"An entry cancels messages of lane {entry.Lane}.");
        for (var i = 0; i < entry.Count; i++)
            Scheduled.ApplyGone(entry.Offset + i);
    }

    /// <summary>The new records of a batch with their times made absolute.</summary>
    private static ReadOnlyMemory<byte> Timed(in RecordBatch batch, RecordOutcome[] outcomes, long[] times, long at)
    {
        var builder = new RecordBatchBuilder(batch.Length + 64);
        var i = -1;
        foreach (var record in batch.Records())
        {
            if (outcomes[++i].Duplicate || outcomes[i].Error is not null)
                continue;
            if (times[i] >= 0)
            {
                builder.Append(record);
                continue;
            }

            var headers = new List<RecordHeader>(record.Headers.Count);
            foreach (var header in record.Headers)
                if (!header.KeyUtf8.Span.SequenceEqual(ReservedHeaders.DeliverAtUtf8))
                    headers.Add(header);
            headers.Add(ScheduledHeaders.At(at - times[i]));
            Append(builder, record, headers);
        }

        return builder.Build();
    }

    /// <summary>The outcomes as they are answered: what stands in a lane of its own has a name in place of an offset.</summary>
    private RecordOutcome[] Named(in RecordBatch batch, RecordOutcome[] outcomes)
    {
        if (!Array.Exists(outcomes, outcome => outcome.Offset >= HalfPlace))
            return outcomes;
        var (named, i) = ((RecordOutcome[])outcomes.Clone(), 0);
        foreach (var record in batch.Records())
        {
            ref var outcome = ref named[i++];
            if (outcome.Error is null && IsScheduled(outcome.Offset))
                outcome = outcome with { Offset = -1, Scheduled = ScheduledHeaders.IdOf(outcome.Partition ?? Log.Partition, record, outcome.Offset & ~ScheduledPlace) };
            else if (outcome.Error is null && IsHalf(outcome.Offset))
                outcome = outcome.Partition is null && Half.TryFindDecided(outcome.Offset & ~HalfPlace, out var main) && main >= 0
                    ? outcome with { Offset = main }
                    : outcome with { Offset = -1, Half = HalfId(outcome.Partition ?? Log.Partition, outcome.Offset & ~HalfPlace) };
        }

        return named;
    }
}

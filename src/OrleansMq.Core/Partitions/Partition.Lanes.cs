using System.Globalization;
using System.Text;
using OrleansMq.Core.Log;
using OrleansMq.Records;

namespace OrleansMq.Core.Partitions;

/// <summary>A message on its way to dead letters: the stored record and why.</summary>
public readonly record struct DeadLetterMove(int FromLane, long FromOffset, RecordView Record, string Reason, int Deliveries);

/// <summary>A dead letter on its way back to its group, as it is or replaced.</summary>
public readonly record struct RedriveMove(long FromOffset, RecordView Record, RecordView? Replacement);

/// <summary>Moves between lanes: one stored frame holds both effects.</summary>
public sealed partial class Partition
{
    public const string MaxDeliveriesReason = "max-deliveries";

    /// <summary>Its time to live was over when its turn came.</summary>
    public const string ExpiredReason = "expired";

    public void MoveToDeadLetters(PartitionGroup group, IReadOnlyList<DeadLetterMove> moves, long nowMs, FrameBuffer frames)
    {
        var at = At(nowMs);
        var builder = new RecordBatchBuilder(4096);
        foreach (var move in moves)
        {
            var headers = Kept(move.Record);
            // A redriven message that dies again keeps its first origin.
            if (!move.Record.Headers.TryGetLast(ReservedHeaders.DeadLetterOriginUtf8, out var origin))
                origin = RecordHeader.OfText(ReservedHeaders.DeadLetterOrigin, new Position(Log.Partition, move.FromOffset).ToString());
            headers.Add(origin);
            headers.Add(RecordHeader.OfText(ReservedHeaders.DeadLetterReason, move.Reason));
            headers.Add(RecordHeader.OfText(ReservedHeaders.DeadLetterDeliveries, move.Deliveries.ToString(CultureInfo.InvariantCulture)));
            headers.Add(RecordHeader.OfText(ReservedHeaders.DeadLetterAt, at.ToString(CultureInfo.InvariantCulture)));
            if (move.Record.Headers.TryGetLast(ReservedHeaders.DeadLetterRedrivesUtf8, out var redrives))
                headers.Add(redrives);
            headers.Add(MovedFrom(move.FromLane, move.FromOffset));
            Append(builder, move.Record, headers);
        }

        AddLaneBatch(group, Lane.DeadLettersOf(group.Number), group.DeadLetters.End, builder, at, frames);
    }

    public void MoveToRedriven(PartitionGroup group, IReadOnlyList<RedriveMove> moves, long nowMs, FrameBuffer frames)
    {
        var at = At(nowMs);
        var builder = new RecordBatchBuilder(4096);
        var lane = Lane.DeadLettersOf(group.Number);
        foreach (var move in moves)
        {
            var record = move.Replacement ?? move.Record;
            var headers = Kept(record);
            foreach (var header in move.Record.Headers)
                if (IsDeadLetterHeader(header.KeyUtf8.Span) && !header.KeyUtf8.Span.SequenceEqual(ReservedHeaders.DeadLetterRedrivesUtf8))
                    headers.Add(header);
            headers.Add(RecordHeader.OfText(ReservedHeaders.DeadLetterRedrives, (RedrivesOf(move.Record) + 1).ToString(CultureInfo.InvariantCulture)));
            headers.Add(MovedFrom(lane, move.FromOffset));
            Append(builder, record, headers);
        }

        AddLaneBatch(group, Lane.RedrivenOf(group.Number), group.RedrivenLane.End, builder, at, frames);
    }

    public int Discard(PartitionGroup group, IEnumerable<long> offsets, long nowMs, FrameBuffer frames)
    {
        var count = 0;
        foreach (var offset in offsets)
        {
            if (!group.DeadLetters.Contains(offset))
                continue;
            Change(new Entry { Kind = EntryKind.Discarded, Group = group.Number, Offset = offset, Count = 1 }, nowMs, frames);
            count++;
        }

        return count;
    }

    private void AddLaneBatch(PartitionGroup group, int lane, long offset, RecordBatchBuilder builder, long at, FrameBuffer frames)
    {
        var (header, stored) = frames.AddBatch(builder.Build().Span, lane, FrameFlags.Rich, offset, null, builder.Count, at);
        ApplyBatch(header, stored);
    }

    /// <summary>The headers that stay with the message: all but those of an earlier death.</summary>
    private static List<RecordHeader> Kept(in RecordView record)
    {
        var kept = new List<RecordHeader>(record.Headers.Count + 5);
        foreach (var header in record.Headers)
            if (!IsDeadLetterHeader(header.KeyUtf8.Span) && !header.KeyUtf8.Span.SequenceEqual(LaneHeaders.MovedFrom))
                kept.Add(header);
        return kept;
    }

    private static bool IsDeadLetterHeader(ReadOnlySpan<byte> key) =>
        key.SequenceEqual(ReservedHeaders.DeadLetterReasonUtf8) || key.SequenceEqual(ReservedHeaders.DeadLetterOriginUtf8)
        || key.SequenceEqual(ReservedHeaders.DeadLetterDeliveriesUtf8) || key.SequenceEqual(ReservedHeaders.DeadLetterAtUtf8)
        || key.SequenceEqual(ReservedHeaders.DeadLetterRedrivesUtf8);

    // A dead letter of before there was a count has none.
    private static int RedrivesOf(in RecordView letter) =>
        letter.Headers.TryGetLast(ReservedHeaders.DeadLetterRedrivesUtf8, out var header)
        && int.TryParse(header.Value.Span, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count < int.MaxValue ? count : 0;

    private static RecordHeader MovedFrom(int lane, long offset) =>
        new(LaneHeaders.MovedFrom.ToArray(), Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{lane}:{offset}")));

    private static void Append(RecordBatchBuilder builder, in RecordView record, List<RecordHeader> headers) =>
        builder.Append(record.Timestamp, record.Key.Span, record.HasKey, record.Value.Span, record.HasValue, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(headers));
}

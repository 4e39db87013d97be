using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Records;

namespace OrleansMq.Core.Stages;

/// <summary>Something that happened to a message of the main lane.</summary>
/// <param name="Group">Its number; 0: none.</param>
/// <param name="UntilMs">Of a lease, or when a returned one is due; 0: none.</param>
public readonly record struct LifeEvent(long Offset, TraceStage Stage, long AtMs, int Group = 0, int Delivery = 0, string? Consumer = null, long UntilMs = 0);

/// <summary>
/// Reads frames in the log's order and tells what they say about messages of the main lane, followed into dead letters and back. Frames from before the first message
/// have nothing to tell.
/// </summary>
public sealed class LifeScan(long from, long end, Action<LifeEvent> tell)
{
    /// <summary>Messages that stand in a group's own lanes now: where they came from.</summary>
    private readonly Dictionary<(int Lane, long Offset), long> _moved = [];

    /// <summary>How far log-style groups are.</summary>
    private readonly Dictionary<int, long> _committed = [];

    /// <summary>Behind the last message that was seen appended.</summary>
    private long _high;

    /// <summary>Batches not known durable yet, by where they end.</summary>
    private readonly Queue<(long EndsAt, long First, long Last)> _undurable = new();

    /// <exception cref="PartitionBrokenException">The frame does not hold what it says.</exception>
    public void Read(in FrameHeader header, ReadOnlyMemory<byte> payload)
    {
        while (_undurable.TryPeek(out var batch) && batch.EndsAt <= header.DurablePosition)
        {
            _undurable.Dequeue();
            TellEach(batch.First, batch.Last + 1, new LifeEvent(0, TraceStage.Durable, header.AppendedAt));
        }

        if (header.Kind == FrameKind.Batch)
            ReadBatch(header, RecordBatch.ReadExactly(payload));
        else
            ReadEntries(header, payload.Span);
    }

    private void ReadBatch(in FrameHeader header, in RecordBatch batch)
    {
        if (header.Lane == Lane.Main)
        {
            if (batch.LastOffset < from || batch.BaseOffset >= end)
                return;
            foreach (var record in batch.Records())
            {
                if (record.Offset < from || record.Offset >= end)
                    continue;
                tell(new LifeEvent(record.Offset, TraceStage.Created, record.Timestamp));
                tell(new LifeEvent(record.Offset, TraceStage.Appended, header.AppendedAt));
            }

            _high = Math.Max(_high, batch.LastOffset + 1);
            _undurable.Enqueue((header.NextPosition, batch.BaseOffset, batch.LastOffset));
        }
        else if (Lane.IsDeadLetters(header.Lane) || Lane.IsRedriven(header.Lane))
        {
            foreach (var record in batch.Records())
            {
                var (lane, offset) = LaneHeaders.MovedFromOf(record);
                if (!TryMain(lane, offset, out var main))
                    continue;
                _moved.Remove((lane, offset));
                _moved[(header.Lane, record.Offset)] = main;
                tell(new LifeEvent(main, Lane.IsRedriven(header.Lane) ? TraceStage.Redriven : TraceStage.DeadLettered, header.AppendedAt, Lane.GroupOf(header.Lane)));
            }
        }
    }

    private void ReadEntries(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        while (!payload.IsEmpty)
        {
            if (!EntryCodec.TryRead(ref payload, out var entry))
                throw new PartitionBrokenException($"The frame at position {header.Position} holds bytes that are no entry.");
            Read(entry, header.AppendedAt);
        }
    }

    private void Read(in Entry entry, long atMs)
    {
        switch (entry.Kind)
        {
            case EntryKind.Granted:
                TellRange(entry, new LifeEvent(0, TraceStage.Leased, atMs, entry.Group, entry.Number, entry.Name, entry.Time));
                break;
            case EntryKind.Settled:
            case EntryKind.SessionSettled:
                TellRange(entry, new LifeEvent(0, TraceStage.Settled, atMs, entry.Group));
                break;
            case EntryKind.PassedOver:
                TellRange(entry, new LifeEvent(0, TraceStage.Filtered, atMs, entry.Group));
                break;
            case EntryKind.Returned:
                TellRange(entry with { Count = 1 }, new LifeEvent(0, TraceStage.Returned, atMs, entry.Group, UntilMs: entry.Time));
                break;
            case EntryKind.Extended:
                TellRange(entry with { Count = 1 }, new LifeEvent(0, TraceStage.Extended, atMs, entry.Group, UntilMs: entry.Time));
                break;
            case EntryKind.Discarded:
                TellRange(entry with { Lane = Lane.DeadLettersOf(entry.Group) }, new LifeEvent(0, TraceStage.Discarded, atMs, entry.Group));
                break;
            case EntryKind.Committed:
                var before = _committed.GetValueOrDefault(entry.Group, from);
                TellEach(before, entry.Offset, new LifeEvent(0, TraceStage.Committed, atMs, entry.Group));
                _committed[entry.Group] = Math.Max(before, entry.Offset);
                break;
            case EntryKind.Sought:
                TellEach(from, end, new LifeEvent(0, TraceStage.Sought, atMs, entry.Group));
                _committed[entry.Group] = Math.Max(from, entry.Offset);
                break;
        }
    }

    private void TellRange(in Entry entry, in LifeEvent what)
    {
        if (entry.Lane == Lane.Main)
        {
            TellEach(entry.Offset, entry.Offset + entry.Count, what);
            return;
        }

        for (var at = entry.Offset; at < entry.Offset + entry.Count; at++)
            if (_moved.TryGetValue((entry.Lane, at), out var main))
                tell(what with { Offset = main });
    }

    private void TellEach(long first, long last, in LifeEvent what)
    {
        last = Math.Min(Math.Min(last, end), _high);
        for (var at = Math.Max(first, from); at < last; at++)
            tell(what with { Offset = at });
    }

    private bool TryMain(int lane, long offset, out long main)
    {
        main = offset;
        return lane == Lane.Main ? offset >= from && offset < end : _moved.TryGetValue((lane, offset), out main);
    }
}

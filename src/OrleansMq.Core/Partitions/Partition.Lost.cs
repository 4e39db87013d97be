using System.Buffers;
using OrleansMq.Core.Log;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Partitions;

/// <summary>What a repair gave up, as a replay takes it.</summary>
public sealed partial class Partition
{
    private const byte LostVersion = 1;

    /// <summary>Offsets that a repair passed over, rising. No message stands there and none ever will.</summary>
    private readonly List<LostOffsets> _lost = [];

    /// <summary>Frames of any lane may be missing: a lane may go on further than it had come, or before where it would after a gap.</summary>
    private bool _lostFrames;

    /// <summary>A bug that a test plants, to see that it is found.</summary>
    internal static bool PlantedLanesStandStill { get; set; }

    /// <summary>Offsets that a repair passed over, rising.</summary>
    public IReadOnlyList<LostOffsets> Lost => _lost;

    /// <summary>Messages that are kept, as far as offsets tell: those that a repair passed over are none.</summary>
    public long Stored => End - Start - LostFrom(Start);

    /// <summary>What a group has before it.</summary>
    public long LagOf(PartitionGroup group) => group.Lag(End) - (group.IsLog ? LostFrom(group.Floor) : 0);

    /// <summary>
    /// The state of a partition of which nothing is known but its messages: no cursor, no token, no producer, and lanes that go on where none can have come to. Nothing of it is lost to a group.
    /// </summary>
    /// <param name="position">Where its log ends.</param>
    /// <param name="end">Its messages stand from <paramref name="start"/> to below it.</param>
    /// <param name="admitted">How many count against the topic's admission cap.</param>
    public static Partition OfMessagesAlone(LogIdentity log, PartitionLimits limits, long position, long start, long end, long clockMs, long admitted)
    {
        var state = new Partition(log, limits, position) { Start = start, End = end, ClockMs = clockMs, Admitted = admitted };
        // Each of what stood in a lane had a byte of the log at least.
        state.PassOverInLanes(Math.Max(position, end));
        return state;
    }

    private long LostFrom(long offset)
    {
        var count = 0L;
        foreach (var range in _lost)
            count += Math.Max(0, range.End - Math.Max(range.From, offset));
        return count;
    }

    /// <summary>A repair says what is lost, and a replay goes on behind it; what a compaction took must be in the snapshot.</summary>
    private void ApplyGap(in FrameHeader header)
    {
        if (!header.Flags.HasFlag(FrameFlags.Lost))
            throw new PartitionBrokenException($"What stood before position {header.NextPosition} was compacted, and no snapshot of it can be read.");
        if (header.BaseOffset < End)
            throw new PartitionBrokenException($"Messages up to {header.BaseOffset} are said to be lost at {End}.");
        // As many may have been of any lane.
        var passedOver = Math.Max(header.NextPosition - header.Position, header.BaseOffset - End);
        if (!PlantedLanesStandStill)
            PassOverInLanes(passedOver);
        if (header.Flags.HasFlag(FrameFlags.Admitted))
            Admitted += Math.Max(0, header.SequenceCount);
        (Position, ClockMs, _lostFrames) = (header.NextPosition, Math.Max(ClockMs, header.AppendedAt), true);
        if (header.BaseOffset == End)
            return;
        _lost.Add(new LostOffsets(End, header.BaseOffset));
        foreach (var group in _groups.Values)
            group.PassOver(_lost[^1]);
        End = GapsEnd = header.BaseOffset;
    }

    private void PassOverInLanes(long count)
    {
        Half.ApplyLost(count);
        Scheduled.ApplyLost(count);
        foreach (var group in _groups.Values)
            group.DeadLetters.PassOver(group.DeadLetters.End + count);
    }

    /// <summary>Of a group that begins, or begins anew: it is not to be handed offsets without a message one by one.</summary>
    private void PassOverLost(PartitionGroup group)
    {
        foreach (var range in _lost)
            group.PassOver(range);
    }

    private void ForgetLostBelow(long start) => _lost.RemoveAll(range => range.End <= start);

    /// <summary><code>version u8 = 1 | lost: count u32, each: from i64 | end i64</code></summary>
    private void SaveLost(IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Byte(LostVersion);
        writer.Count(_lost.Count);
        foreach (var range in _lost)
        {
            writer.Int64(range.From);
            writer.Int64(range.End);
        }
    }

    private void LoadLost(ref StateReader reader)
    {
        reader.Version(LostVersion, "lost offsets");
        for (var left = reader.Count(16); left > 0; left--)
        {
            var range = new LostOffsets(reader.Natural(), reader.Natural());
            StateReader.Check(range.From < range.End && range.End <= End && (_lost.Count == 0 || range.From >= _lost[^1].End), "The partition's lost offsets can't be.");
            _lost.Add(range);
        }
    }
}

/// <summary>Offsets of the main lane from <paramref name="From"/> to below <paramref name="End"/> that a repair gave up.</summary>
public readonly record struct LostOffsets(long From, long End);

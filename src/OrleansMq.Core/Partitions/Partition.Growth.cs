using System.Buffers;
using OrleansMq.Core.Dedup;
using OrleansMq.Core.Log;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Partitions;

/// <summary>A growth of the topic as one of its older partitions knows it.</summary>
/// <param name="Partitions">How many there are since.</param>
/// <param name="Offset">The end of this partition then. Of keys that have left it nothing stands from here on.</param>
public readonly record struct Growth(int Partitions, long Offset);

/// <summary>
/// What a partition knows of its topic's growing. That a key leaves is one entry in the log that had it: before it the key's messages are let in here, behind it not, and whoever
/// has settled all before it may go on where the key went.
/// </summary>
public sealed partial class Partition
{
    private const byte GrowthsVersion = 1;

    /// <summary>Rising, in partitions and in offsets.</summary>
    private readonly List<Growth> _growths = [];

    public IReadOnlyList<Growth> Growths => _growths;

    /// <summary>Takes note that the topic has so many partitions; again, or of fewer, changes nothing.</summary>
    public void Grow(int partitions, long nowMs, FrameBuffer frames)
    {
        if (partitions > KnownPartitions)
            Change(new Entry { Kind = EntryKind.Grown, Offset = End, Number = partitions }, nowMs, frames);
    }

    /// <summary>Whether a batch was chosen by fewer partitions than there are, and is to be refused. One that was stored before is answered as it was.</summary>
    public bool IsChosenByFewer(in AdmissibleBatch batch) => batch.Partitions < KnownPartitions
        && (batch.Producer is not { } producer || Producers.Decide(producer, batch.Batch.Count, out _) is SequenceDecision.New or SequenceDecision.Gap or SequenceDecision.Unknown);

    /// <summary>Whether a group has settled everything that stood here of the keys that a later partition took over; what it set aside has left its key's order.</summary>
    public bool IsDrained(PartitionGroup group, int successor)
    {
        foreach (var growth in _growths)
            if (growth.Partitions > successor)
                return group.IsDoneBelow(growth.Offset);
        // Not told yet: its keys are still let in here.
        return false;
    }

    /// <summary>Where a token's message stands here, for a later partition that is sent it again; null where it is not known.</summary>
    public RecordOutcome? FindEarlier(TokenHash token, long nowMs)
    {
        if (!TryFindToken(token, nowMs, out var place))
            return null;
        var decided = IsHalf(place) && Half.TryFindDecided(place & ~HalfPlace, out var main) ? main : place;
        return new RecordOutcome(decided, true) { Partition = Log.Partition };
    }

    private int KnownPartitions => _growths.Count == 0 ? 0 : _growths[^1].Partitions;

    private void ApplyGrown(in Entry entry)
    {
        if (entry.Offset != End || entry.Number <= KnownPartitions)
            throw new PartitionBrokenException($"A growth to {entry.Number} partitions at {entry.Offset} was applied at {End}, behind one to {KnownPartitions}.");
        _growths.Add(new Growth(entry.Number, entry.Offset));
    }

    /// <summary><code>version u8 = 1 | count i32 | (partitions i32, offset i64)*</code></summary>
    private void SaveGrowths(IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Byte(GrowthsVersion);
        writer.Count(_growths.Count);
        foreach (var growth in _growths)
        {
            writer.Int32(growth.Partitions);
            writer.Int64(growth.Offset);
        }
    }

    private void LoadGrowths(ref StateReader reader)
    {
        reader.Version(GrowthsVersion, "growths");
        for (var left = reader.Count(12); left > 0; left--)
        {
            var growth = new Growth(reader.Int32(), reader.Natural());
            StateReader.Check(growth.Partitions > KnownPartitions && growth.Offset <= End && (_growths.Count == 0 || growth.Offset >= _growths[^1].Offset), "The partition's growths can't be.");
            _growths.Add(growth);
        }
    }
}

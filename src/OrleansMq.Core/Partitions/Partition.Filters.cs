using System.Buffers;
using OrleansMq.Core.Cursors;
using OrleansMq.Core.Log;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Partitions;

/// <summary>Messages that a group's filter passes over.</summary>
public sealed partial class Partition
{
    /// <summary>
    /// Settles those of these messages that don't match the group's filter and that nobody had. One entry for all that stand side by side: between two of them is a message that
    /// matches, which is granted and settled by entries of its own.
    /// </summary>
    public void PassOver(PartitionGroup group, long from, ReadOnlySpan<MessageTraits> traits, long nowMs, FrameBuffer frames)
    {
        var count = 0;
        for (var i = 0; i <= traits.Length; i++)
        {
            if (i < traits.Length && traits[i].IsPassedOver && from + i < End && group.Main!.IsFresh(from + i))
                count++;
            else if (count > 0)
            {
                Change(new Entry { Kind = EntryKind.PassedOver, Group = group.Number, Offset = from + i - count, Count = count }, nowMs, frames);
                count = 0;
            }
        }
    }

    private static void SavePassedOver(PartitionGroup group, IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Int32(group.Number);
        writer.Int64(group.PassedOver);
    }

    private void LoadPassedOver(ref StateReader reader)
    {
        var group = FindGroup(reader.Int32());
        StateReader.Check(group is { PassedOver: 0, IsLog: false }, "The partition's state counts messages that were passed over for no group of queue style, or twice for one.");
        group!.PassedOver = reader.Natural();
    }
}

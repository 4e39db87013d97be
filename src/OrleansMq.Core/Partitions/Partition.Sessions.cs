using System.Buffers;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Cursors;
using OrleansMq.Core.Log;
using OrleansMq.Core.Snapshots;
using OrleansMq.Records;

namespace OrleansMq.Core.Partitions;

/// <summary>States of keys: set with an acknowledgement, in one entry.</summary>
public sealed partial class Partition
{
    /// <summary>Acknowledges a message and sets the state of its key, both or none.</summary>
    /// <param name="version">Of the state that the new one was made from; null: whatever it is.</param>
    /// <param name="lineage">The counts of partitions that the topic has had, by which keys left.</param>
    /// <returns>Null, or why nothing has changed.</returns>
    public string? Acknowledge(PartitionGroup group, in LeaseId lease, SessionWrite session, long? version, PartitionLineage lineage, long nowMs, FrameBuffer frames)
    {
        var code = Check(group, lease, nowMs) ?? (HasLeft(group, session.Key.Span, lineage) ? ErrorCodes.SessionMoved : Check(group, session, version, lineage));
        if (code is null)
        {
            group.Cursor(lease.Lane).NoteDone(lease.Offset, nowMs);
            Change(new Entry { Kind = EntryKind.SessionSettled, Group = group.Number, Lane = lease.Lane, Offset = lease.Offset, Count = 1, Session = session }, nowMs, frames);
        }

        return code;
    }

    /// <returns>Null, or why nothing has changed.</returns>
    public string? SetSession(PartitionGroup group, SessionWrite session, long? version, PartitionLineage lineage, long nowMs, FrameBuffer frames)
    {
        var code = Check(group, session, version, lineage);
        if (code is null && (session.State is not null || group.Sessions.TryFind(session.Key, out _, out _)))
            Change(new Entry { Kind = EntryKind.SessionSet, Group = group.Number, Session = session }, nowMs, frames);
        return code;
    }

    private string? Check(PartitionGroup group, SessionWrite session, long? version, PartitionLineage lineage)
    {
        group.Sessions.TryFind(session.Key, out var present, out _);
        if ((version ?? present) != present || (session.State is not null && HasLeft(group, session.Key.Span, lineage)))
            return ErrorCodes.SessionMoved;
        return group.Sessions.Fits(session) ? null : ErrorCodes.SessionsFull;
    }

    /// <summary>Where the growth by which the successor came stands, while the keys that it took have not been let go; null where there is nothing to let go.</summary>
    public long? HoldsKeysOf(PartitionGroup group, int successor)
    {
        foreach (var growth in _growths)
            if (growth.Partitions > successor)
                return group.ByKey && group.Sessions.LeftBelow <= growth.Offset ? growth.Offset : null;
        return null;
    }

    /// <summary>
    /// Takes note that the group has settled all of the keys that a later partition took over (<see cref="IsDrained"/>): they are the group's there from now on, and what it keeps of them here
    /// changes no more, also where a message of before comes back later.
    /// </summary>
    public void LetKeysGo(PartitionGroup group, long growth, long nowMs, FrameBuffer frames) =>
        Change(new Entry { Kind = EntryKind.KeysLeft, Group = group.Number, Offset = growth }, nowMs, frames);

    /// <summary>
    /// Whether a growth of the topic took the key from here, and the group has gone on where it went: its state is kept there then, beginning with the one that is here. A key that never chose
    /// this partition has not left it: its messages named it, and go on coming here.
    /// </summary>
    public bool HasLeft(PartitionGroup group, ReadOnlySpan<byte> key, PartitionLineage lineage)
    {
        var (left, counted) = (long.MaxValue, 0);
        foreach (var growth in _growths)
        {
            counted = Math.Max(counted, lineage.CountBefore(growth.Partitions) ?? 0);
            if (IsChosen(key, growth.Partitions))
                left = long.MaxValue;
            else if (counted == 0 || IsChosen(key, counted))
                left = growth.Offset;
            counted = growth.Partitions;
        }

        return group.Sessions.LeftBelow > left;
    }

    private bool IsChosen(ReadOnlySpan<byte> key, int partitions) => Murmur2.PartitionFor(key, partitions) == Log.Partition;

    private static void SaveSessions(PartitionGroup group, IBufferWriter<byte> output)
    {
        new StateWriter(output).Int32(group.Number);
        group.Sessions.Save(output);
    }

    private void LoadSessions(ref StateReader reader)
    {
        var group = FindGroup(reader.Int32());
        StateReader.Check(group is { Sessions.IsUnused: true, ByKey: true }, "The partition's state has states of keys that belong to no group by key, or two of one.");
        group!.Sessions.Load(ref reader);
    }
}

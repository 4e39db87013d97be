using OrleansMq.Core.Cursors;
using OrleansMq.Core.Log;

namespace OrleansMq.Core.Partitions;

/// <summary>A lease as granted.</summary>
/// <param name="UntilMs">Milliseconds since 1970.</param>
public readonly record struct GrantedLease(int Lane, long Offset, int Epoch, int Delivery, long UntilMs);

/// <summary>What may be leased now, by whom, and for how long.</summary>
public readonly record struct LeaseTerms(string Consumer, int Max, long NowMs, long UntilMs, int Epoch);

/// <summary>How cursors of groups move.</summary>
public sealed partial class Partition
{
    private readonly List<GrantRange> _selected = [];
    private readonly List<OffsetRange> _upTo = [];

    public PartitionGroup AddGroup(GroupName name, Guid id, GroupFlags flags, long start, long nowMs, FrameBuffer frames)
    {
        Change(new Entry { Kind = EntryKind.GroupAdded, Group = _nextGroupNumber, Id = id, Name = name.Text, Flags = flags, Offset = Math.Clamp(start, Start, End) }, nowMs, frames);
        return _groups[name.Text];
    }

    public void RemoveGroup(PartitionGroup group, long nowMs, FrameBuffer frames) =>
        Change(new Entry { Kind = EntryKind.GroupRemoved, Group = group.Number }, nowMs, frames);

    public void DeclareGroup(PartitionGroup group, bool declared, long nowMs, FrameBuffer frames)
    {
        if (group.Declared != declared)
            Change(new Entry { Kind = EntryKind.GroupDeclared, Group = group.Number, Flags = declared ? GroupFlags.Declared : GroupFlags.None }, nowMs, frames);
    }

    /// <param name="untilMs">Null: it is not ephemeral (any more).</param>
    public void Keep(PartitionGroup group, long? untilMs, long nowMs, FrameBuffer frames)
    {
        if (group.KeptUntilMs != untilMs)
            Change(new Entry { Kind = EntryKind.GroupKept, Group = group.Number, Time = untilMs ?? 0 }, nowMs, frames);
    }

    /// <returns>Null, or why it is refused.</returns>
    public MqError? Commit(PartitionGroup group, long offset, int generation, long nowMs, FrameBuffer frames)
    {
        switch (group.Committed!.Decide(offset, generation, End))
        {
            case CommitDecision.Stale:
                return new MqError(ErrorCodes.GenerationStale, $"Generation {generation} is over; the group is at {group.Committed.Generation}.");
            case CommitDecision.OutOfRange:
                return new MqError(ErrorCodes.OffsetOutOfRange, $"Offset {offset} can't be committed: the partition reaches from {Start} to {End}.");
        }

        if (offset != group.Committed.Committed || generation > group.Committed.Generation)
            Change(new Entry { Kind = EntryKind.Committed, Group = group.Number, Offset = offset, Number = generation }, nowMs, frames);
        return null;
    }

    /// <summary>Grants leases, redriven messages first, and adds them to <paramref name="leases"/>.</summary>
    /// <param name="mainEnd">How far readers may see the main lane.</param>
    /// <param name="redrivenEnd">How far they may see the redriven lane.</param>
    public void Lease(PartitionGroup group, in LeaseTerms terms, long mainEnd, long redrivenEnd, FrameBuffer frames, List<GrantedLease> leases)
    {
        var left = terms.Max;
        if (redrivenEnd > group.Redriven!.Floor)
            left -= Lease(group, Lane.RedrivenOf(group.Number), group.Redriven, terms, left, redrivenEnd, frames, leases);
        if (left > 0 && !group.MainStands)
            Lease(group, Lane.Main, group.Main!, terms, left, mainEnd, frames, leases);
    }

    private int Lease(PartitionGroup group, int lane, QueueCursor cursor, in LeaseTerms terms, int max, long laneEnd, FrameBuffer frames, List<GrantedLease> leases)
    {
        _selected.Clear();
        cursor.Select(terms.NowMs, max, laneEnd, _selected, LeaseHolder.ConsumerOf(terms.Consumer));
        var granted = Grant(group, lane, terms, frames, leases);
        foreach (var range in _selected)
            cursor.NoteGranted(range, terms.Consumer, terms.UntilMs, terms.NowMs);
        return granted;
    }

    /// <summary>Grants those of these messages that were set aside, as far as the terms allow beside what is leased already.</summary>
    public void LeaseDeferred(PartitionGroup group, int lane, IEnumerable<long> offsets, in LeaseTerms terms, FrameBuffer frames, List<GrantedLease> leases)
    {
        _selected.Clear();
        group.Cursor(lane).SelectDeferred(offsets, terms.Max - leases.Count, _selected);
        Grant(group, lane, terms, frames, leases);
    }

    /// <summary>Grants what is selected.</summary>
    private int Grant(PartitionGroup group, int lane, in LeaseTerms terms, FrameBuffer frames, List<GrantedLease> leases)
    {
        var granted = 0;
        var epoch = group.GrantEpoch(terms.Epoch);
        foreach (var range in _selected)
        {
            Change(
                new Entry
                {
                    Kind = EntryKind.Granted,
                    Group = group.Number,
                    Lane = lane,
                    Offset = range.From,
                    Count = range.Count,
                    Number = range.Delivery,
                    Epoch = epoch,
                    Time = terms.UntilMs,
                    Name = terms.Consumer,
                },
                terms.NowMs,
                frames);
            for (var i = 0; i < range.Count; i++)
                leases.Add(new GrantedLease(lane, range.From + i, epoch, range.Delivery, terms.UntilMs));
            granted += range.Count;
        }

        return granted;
    }

    /// <returns>Null, or <see cref="ErrorCodes.LeaseLapsed"/>, or <see cref="ErrorCodes.LeaseUnknown"/>.</returns>
    public static string? Check(PartitionGroup group, in LeaseId lease, long nowMs)
    {
        if (lease.Lane != Lane.Main && lease.Lane != Lane.RedrivenOf(group.Number))
            return ErrorCodes.LeaseUnknown;
        return group.Cursor(lease.Lane).Check(lease, nowMs) switch
        {
            LeaseState.Held => null,
            LeaseState.Lapsed => ErrorCodes.LeaseLapsed,
            _ => ErrorCodes.LeaseUnknown,
        };
    }

    public string? Acknowledge(PartitionGroup group, in LeaseId lease, long nowMs, FrameBuffer frames)
    {
        var code = Check(group, lease, nowMs);
        if (code is null)
        {
            group.Cursor(lease.Lane).NoteDone(lease.Offset, nowMs);
            Change(Settled(group, lease.Lane, lease.Offset, 1), nowMs, frames);
        }

        return code;
    }

    /// <summary>Settles what is leased at or below an offset of the main lane.</summary>
    public void AcknowledgeUpTo(PartitionGroup group, long offset, long nowMs, FrameBuffer frames)
    {
        _upTo.Clear();
        group.Main!.SelectUpTo(offset, _upTo);
        foreach (var range in _upTo)
        {
            for (var at = range.From; at < range.End; at++)
                group.Main.NoteDone(at, nowMs);
            Change(Settled(group, Lane.Main, range.From, range.Count), nowMs, frames);
        }
    }

    public string? Refuse(PartitionGroup group, in LeaseId lease, long notBeforeMs, long nowMs, FrameBuffer frames)
    {
        var code = Check(group, lease, nowMs);
        if (code is null)
        {
            group.Cursor(lease.Lane).NoteDone(lease.Offset, nowMs);
            Change(new Entry { Kind = EntryKind.Returned, Group = group.Number, Lane = lease.Lane, Offset = lease.Offset, Time = notBeforeMs }, nowMs, frames);
        }

        return code;
    }

    /// <summary>A message that is under a lease, or waits to come again, is due now.</summary>
    public void Redeliver(PartitionGroup group, int lane, long offset, long nowMs, FrameBuffer frames) =>
        Change(new Entry { Kind = EntryKind.Returned, Group = group.Number, Lane = lane, Offset = offset, Time = nowMs }, nowMs, frames);

    public string? Extend(PartitionGroup group, in LeaseId lease, long untilMs, long nowMs, FrameBuffer frames)
    {
        var code = Check(group, lease, nowMs);
        if (code is null)
        {
            group.Cursor(lease.Lane).NoteExtended(lease.Offset, untilMs);
            Change(new Entry { Kind = EntryKind.Extended, Group = group.Number, Lane = lease.Lane, Offset = lease.Offset, Time = untilMs }, nowMs, frames);
        }

        return code;
    }

    public void Seek(PartitionGroup group, long offset, long nowMs, FrameBuffer frames) =>
        Change(new Entry { Kind = EntryKind.Sought, Group = group.Number, Offset = Math.Clamp(offset, Start, End) }, nowMs, frames);

    public void MoveStart(long offset, long nowMs, FrameBuffer frames)
    {
        if (offset > Start)
            Change(new Entry { Kind = EntryKind.StartMoved, Offset = Math.Min(offset, End) }, nowMs, frames);
    }

    /// <summary>Of the same log in the same epoch, as it was before it was replayed: what leases are named by does not go back.</summary>
    public void KeepSeeks(Partition before)
    {
        foreach (var group in Groups)
            if (before.Groups.FirstOrDefault(other => other.Id == group.Id) is { } known)
                group.KeepSeeks(known);
    }

    private static Entry Settled(PartitionGroup group, int lane, long offset, int count) =>
        new() { Kind = EntryKind.Settled, Group = group.Number, Lane = lane, Offset = offset, Count = count };

    private void Change(in Entry entry, long nowMs, FrameBuffer frames)
    {
        var at = At(nowMs);
        frames.AddEntry(entry, End, at);
        ClockMs = at;
        ApplyEntry(entry);
    }
}

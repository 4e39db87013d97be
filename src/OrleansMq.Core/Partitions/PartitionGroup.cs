using OrleansMq.Core.Cursors;
using OrleansMq.Core.Filters;
using OrleansMq.Core.Log;
using OrleansMq.Records;

namespace OrleansMq.Core.Partitions;

/// <summary>
/// A group's state on one partition: its cursor on the main lane, its dead letters, and its cursor on the lane of those that were redriven.
/// </summary>
public sealed class PartitionGroup
{
    /// <summary>Until the group's settings are known: <see cref="SetRules"/>.</summary>
    internal static readonly Redelivery StandardRules = Redelivery.Of(new GroupSettings());

    internal PartitionGroup(int number, Guid id, string name, GroupFlags flags, long start)
    {
        (Number, Id, Name, Flags) = (number, id, name, flags);
        if (IsLog)
            Committed = new LogCursor(start);
        else
        {
            Main = new QueueCursor(start, StandardRules, ByKey);
            Redriven = new QueueCursor(0, StandardRules);
        }
    }

    internal PartitionGroup(int number, Guid id, string name, GroupFlags flags, LogCursor? committed, QueueCursor? main, QueueCursor? redriven)
    {
        (Number, Id, Name, Flags, Committed, Main, Redriven) = (number, id, name, flags, committed, main, redriven);
    }

    public int Number { get; }

    /// <summary>A group that is deleted and made again has another.</summary>
    public Guid Id { get; }

    public string Name { get; }

    public GroupFlags Flags { get; private set; }

    public bool IsLog => Flags.HasFlag(GroupFlags.Log);
    public bool ByKey => Flags.HasFlag(GroupFlags.ByKey);
    public bool Declared => Flags.HasFlag(GroupFlags.Declared);

    /// <summary>Log style only.</summary>
    public LogCursor? Committed { get; }

    /// <summary>Queue style only: the cursor on the main lane.</summary>
    public QueueCursor? Main { get; }

    /// <summary>Queue style only: the cursor on the lane of redriven messages.</summary>
    public QueueCursor? Redriven { get; }

    /// <summary>By key only: what the group keeps of keys.</summary>
    public SessionStates Sessions { get; } = new();

    /// <summary>Of an ephemeral group, in the topic's first partition: it is not deleted before; milliseconds since 1970. Null: it is not ephemeral.</summary>
    public long? KeptUntilMs { get; internal set; }

    public LaneIndex DeadLetters { get; } = new();

    public LaneIndex RedrivenLane { get; } = new();

    /// <summary>Everything below is settled.</summary>
    public long Floor => IsLog ? Committed!.Committed : Main!.Floor;

    /// <summary>Everything below is settled, or set aside by the group.</summary>
    public bool IsDoneBelow(long end) => IsLog ? Floor >= end : Main!.IsDoneBelow(end);

    public long LeastPosition => Math.Min(DeadLetters.LeastPosition, RedrivenLane.LeastPosition);

    /// <summary>Messages that its filter passed over since it was made; what a seek gives it again may count twice.</summary>
    public long PassedOver { get; internal set; }

    public long Dropped => IsLog ? Committed!.Dropped : Main!.Dropped;

    public long Lag(long end) => IsLog ? Math.Max(0, end - Committed!.Committed) : Main!.Unsettled(end) + Redriven!.Unsettled(RedrivenLane.End);

    public int InFlight => IsLog ? 0 : Main!.InFlight + Redriven!.InFlight;

    /// <summary>
    /// What names a grant beside offset and delivery: the log's epoch, and how often the group was sought since (modulo 256), because a seek begins to count
    /// deliveries anew and a lease from before it must not pass for one of after.
    /// </summary>
    public int GrantEpoch(int logEpoch) => (logEpoch << 8) | (_seeks & 0xFF);

    private int _seeks;

    /// <summary>A snapshot does not say how often: within one epoch it is never less than it was.</summary>
    internal void KeepSeeks(PartitionGroup before) => _seeks = Math.Max(_seeks, before._seeks);

    public QueueCursor Cursor(int lane) => lane == Lane.Main ? Main! : Redriven!;

    /// <summary>Keys whose later messages wait for a dead letter; null where none do.</summary>
    public HeldKeys? Held => Main?.HeldKeys;

    /// <summary>Whether nothing may be granted of the main lane: it is not known which keys wait, or there are too many letters to know them by.</summary>
    public bool MainStands => Held is { } held && (!held.IsKnown || HasTooManyLetters);

    /// <summary>Whether letters are to be read before anything can be granted.</summary>
    public bool WantsLetters => Held is { IsKnown: false } && !HasTooManyLetters;

    private bool HasTooManyLetters => DeadLetters.Count + RedrivenLane.Count > HeldKeys.MaxLetters;

    /// <summary>Letters whose keys are not known yet.</summary>
    public IEnumerable<(bool Redriven, LaneIndex.Item Item)> UnknownLetters() =>
        DeadLetters.Items.Select(item => (Redriven: false, Item: item)).Concat(RedrivenLane.Items.Select(item => (Redriven: true, Item: item)))
            .Where(letter => Held is { } held && !held.Knows(letter.Redriven, letter.Item.Offset));

    /// <summary>When and how often messages come back, which goes first, whether keys wait for their dead letters, and which are passed over: from the group's settings, not from the log.</summary>
    public void SetRules(Redelivery rules, DeliveryOrder order, bool holdKeys = false, long? sessionIdleMs = null, MessageFilter? filter = null)
    {
        if (IsLog)
            return;
        if (holdKeys != Held is not null)
        {
            Main!.HeldKeys = holdKeys ? new HeldKeys() : null;
            if (DeadLetters.Count + RedrivenLane.Count == 0)
                Held?.Know();
        }

        Main!.Rules = rules;
        Main.Order = order;
        Main.Filter = filter;
        Main.SessionIdleMs = sessionIdleMs;
        Redriven!.Rules = rules;
    }

    internal void Apply(in Entry entry)
    {
        switch (entry.Kind)
        {
            case EntryKind.GroupDeclared:
                Flags = (Flags & ~GroupFlags.Declared) | (entry.Flags & GroupFlags.Declared);
                break;
            case EntryKind.Committed:
                Committed!.ApplyCommitted(entry.Offset, entry.Number);
                break;
            case EntryKind.Granted:
                SettleLost(entry.Lane, entry.Offset + entry.Count);
                Cursor(entry.Lane).ApplyGranted(new GrantRange(entry.Offset, entry.Count, entry.Number), entry.Time, entry.Epoch, entry.Name);
                break;
            case EntryKind.Settled:
                ApplySettled(entry);
                break;
            case EntryKind.PassedOver:
                Main!.ApplySettled(entry.Offset, entry.Count);
                PassedOver += entry.Count;
                break;
            case EntryKind.SessionSettled:
                ApplySettled(entry);
                Sessions.Apply(entry.Session!);
                break;
            case EntryKind.SessionSet:
                Sessions.Apply(entry.Session!);
                break;
            case EntryKind.KeysLeft:
                Sessions.ApplyLeft(entry.Offset);
                break;
            case EntryKind.GroupKept:
                KeptUntilMs = entry.Time == 0 ? null : entry.Time;
                break;
            case EntryKind.Returned:
                Cursor(entry.Lane).ApplyReturned(entry.Offset, entry.Time);
                break;
            case EntryKind.Extended:
                Cursor(entry.Lane).ApplyExtended(entry.Offset, entry.Time);
                break;
            case EntryKind.Sought:
                _seeks++;
                if (IsLog)
                    Committed!.ApplySought(entry.Offset);
                else
                {
                    Main!.ApplySought(entry.Offset);
                    Sessions.ApplySought(entry.Offset);
                }

                break;
            case EntryKind.Discarded:
                for (var i = 0; i < entry.Count; i++)
                    RemoveDeadLetter(entry.Offset + i);
                break;
            default:
                throw new PartitionBrokenException($"A group does not know entries of kind {entry.Kind}.");
        }
    }

    /// <summary>
    /// What is said of redriven messages that never came stood in a frame that a repair gave up: they are done with, and the next message gets another offset.
    /// </summary>
    private void SettleLost(int lane, long upTo)
    {
        if (lane == Lane.Main || upTo <= RedrivenLane.End)
            return;
        Redriven!.ApplySettled(RedrivenLane.End, checked((int)(upTo - RedrivenLane.End)));
        RedrivenLane.PassOver(upTo);
    }

    private void ApplySettled(in Entry entry)
    {
        SettleLost(entry.Lane, entry.Offset + entry.Count);
        Cursor(entry.Lane).ApplySettled(entry.Offset, entry.Count);
        if (entry.Lane != Lane.Main)
            for (var i = 0; i < entry.Count; i++)
                RemoveRedriven(entry.Offset + i);
    }

    /// <summary>Of the main lane; there is no message from the one to the other.</summary>
    internal void PassOver(LostOffsets range)
    {
        var (from, count) = (range.From, 0);
        for (; !IsLog && from < range.End; from += count)
            Main!.ApplySettled(from, count = (int)Math.Min(range.End - from, 1 << 30));
    }

    internal void ApplyStart(long start)
    {
        if (IsLog)
            Committed!.ApplyDropped(start);
        else
            Main!.ApplyDropped(start);
    }

    /// <summary>
    /// A frame in one of this group's lanes holds both effects of a move: the messages stand here from now on, and where each came from
    /// (<see cref="LaneHeaders.MovedFrom"/>) it is settled or gone.
    /// </summary>
    internal void ApplyLane(in FrameHeader header, in RecordBatch batch)
    {
        var toDeadLetters = Lane.IsDeadLetters(header.Lane);
        if (!toDeadLetters)
            SettleLost(header.Lane, header.BaseOffset);
        (toDeadLetters ? DeadLetters : RedrivenLane).Add(header.BaseOffset, batch.Count, header.Position);
        if (Held is not null)
            Hold(batch, redriven: !toDeadLetters, header.BaseOffset);
        foreach (var record in batch.Records())
        {
            var (lane, offset) = LaneHeaders.MovedFromOf(record);
            if (!toDeadLetters)
                RemoveDeadLetter(offset);
            else
            {
                SettleLost(lane, offset + 1);
                Cursor(lane).ApplySettled(offset, 1);
                if (lane != Lane.Main)
                    RemoveRedriven(offset);
            }
        }
    }

    private void Hold(in RecordBatch batch, bool redriven, long offset)
    {
        foreach (var record in batch.Records())
            Held!.Add(redriven, offset++, record.HasKey ? KeyHash.Of(record.Key.Span) : 0);
        if (HasTooManyLetters)
            Held!.Forget();
    }

    private void RemoveDeadLetter(long offset)
    {
        DeadLetters.Remove(offset);
        // Its own frame may be one that a repair gave up: no other letter is to get its offset.
        DeadLetters.PassOver(offset + 1);
        Held?.Remove(redriven: false, offset);
    }

    private void RemoveRedriven(long offset)
    {
        RedrivenLane.Remove(offset);
        Held?.Remove(redriven: true, offset);
    }
}

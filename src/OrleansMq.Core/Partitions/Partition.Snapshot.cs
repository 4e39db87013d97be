using System.Buffers;
using OrleansMq.Core.Cursors;
using OrleansMq.Core.Delay;
using OrleansMq.Core.Dedup;
using OrleansMq.Core.Half;
using OrleansMq.Core.Log;
using OrleansMq.Core.Snapshots;
using OrleansMq.Core.Transactions;

namespace OrleansMq.Core.Partitions;

/// <summary>
/// The state as bytes, so that replay need not begin at the log's start:
/// <code>
/// version u8 = 2 | start i64 | end i64 | clock i64 | admitted i64 | next group number i32
/// | producers | tokens | groups: count u32, then each group:
///     number i32 | id (two i64) | name | flags u8
///     | log style: log cursor;  queue style: main cursor, redriven cursor
///     | dead letters | redriven lane, each: end i64, count u32, (offset i64, position i64)*
/// | sections: count u32, each: kind u8 (1 delayed messages, 2 half messages, 3 transactions, 4 growths, 5 compaction, 6 a group's states of keys: number i32, then they, 7 ephemeral groups: count u32, (number i32, kept until i64)*, 8 how many messages a group's filter passed over: number i32, i64, 9 lost offsets) | length i32 | that part
/// </code>
/// Version 1 has no sections. A section that is empty is left out.
/// </summary>
public sealed partial class Partition
{
    private const byte SnapshotVersion = 2;
    private const byte ScheduledSection = 1;
    private const byte HalfSection = 2;
    private const byte TransactionsSection = 3;
    private const byte GrowthsSection = 4;
    private const byte CompactionSection = 5;
    private const byte SessionsSection = 6;
    private const byte KeptGroupsSection = 7;
    private const byte PassedOverSection = 8;
    private const byte LostSection = 9;

    public void Save(IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Byte(SnapshotVersion);
        writer.Int64(Start);
        writer.Int64(End);
        writer.Int64(ClockMs);
        writer.Int64(Admitted);
        writer.Int32(_nextGroupNumber);
        Producers.Save(output);
        Tokens.Save(output);
        writer.Count(_groups.Count);
        // By number: the dictionary's order depends on how the state came about, the bytes must not.
        foreach (var group in _groups.Values.OrderBy(group => group.Number))
            Save(group, output);
        SaveSections(output);
    }

    private void SaveSections(IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Count((Scheduled.IsUnused ? 0 : 1) + (Half.IsUnused ? 0 : 1) + (Transactions.IsUnused ? 0 : 1) + (_growths.Count == 0 ? 0 : 1) + (GapsEnd == 0 ? 0 : 1) + (_lost.Count == 0 ? 0 : 1) + (_groups.Values.Any(IsKept) ? 1 : 0) + _groups.Values.Count(group => !group.Sessions.IsUnused)
            + _groups.Values.Count(group => group.PassedOver > 0));
        if (!Scheduled.IsUnused)
            SaveSection(ScheduledSection, Scheduled.Save, output);
        if (!Half.IsUnused)
            SaveSection(HalfSection, Half.Save, output);
        if (!Transactions.IsUnused)
            SaveSection(TransactionsSection, Transactions.Save, output);
        if (_growths.Count > 0)
            SaveSection(GrowthsSection, SaveGrowths, output);
        if (GapsEnd > 0)
            SaveSection(CompactionSection, SaveCompaction, output);
        if (_lost.Count > 0)
            SaveSection(LostSection, SaveLost, output);
        foreach (var group in _groups.Values.Where(group => !group.Sessions.IsUnused).OrderBy(group => group.Number))
            SaveSection(SessionsSection, section => SaveSessions(group, section), output);
        if (_groups.Values.Any(IsKept))
            SaveSection(KeptGroupsSection, SaveKeptGroups, output);
        foreach (var group in _groups.Values.Where(group => group.PassedOver > 0).OrderBy(group => group.Number))
            SaveSection(PassedOverSection, section => SavePassedOver(group, section), output);
    }

    private static void SaveSection(byte kind, Action<IBufferWriter<byte>> save, IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Byte(kind);
        writer.Int32(LengthOf.Written(save));
        save(output);
    }

    /// <exception cref="StateFormatException">The bytes are no such state.</exception>
    public static Partition Load(LogIdentity log, PartitionLimits limits, ReadOnlySpan<byte> bytes, long position)
    {
        var reader = new StateReader(bytes);
        var version = reader.Version(1, SnapshotVersion, "partition");
        var (start, end, clock, admitted, next) = (reader.Natural(), reader.Natural(), reader.Natural(), reader.Natural(), reader.Int32());
        StateReader.Check(start <= end, "A partition ends before it starts.");
        var partition = new Partition(
            log, position, ProducerTable.Load(ref reader, limits.MaxProducers, limits.ProducerAgeMs), TokenWindow.Load(ref reader, limits.TokenCount, limits.TokenAgeMs))
        {
            Start = start,
            End = end,
            ClockMs = clock,
            Admitted = admitted,
        };
        for (var left = reader.Count(40); left > 0; left--)
            partition.AddGroup(LoadGroup(ref reader));
        partition._nextGroupNumber = next;
        for (var left = version == 1 ? 0 : reader.Count(5); left > 0; left--)
            partition.LoadSection(ref reader);
        return partition;
    }

    private void LoadSection(ref StateReader reader)
    {
        var (kind, length) = (reader.Byte(), reader.Int32());
        StateReader.Check(length >= 0 && length <= reader.Remaining, "A section of the partition's state is longer than the bytes that follow it.");
        var rest = reader.Remaining - length;
        switch (kind)
        {
            case ScheduledSection:
                Scheduled = ScheduledLane.Load(ref reader);
                break;
            case HalfSection:
                Half = HalfLane.Load(ref reader);
                break;
            case TransactionsSection:
                Transactions = PartitionTransactions.Load(ref reader);
                break;
            case GrowthsSection:
                LoadGrowths(ref reader);
                break;
            case CompactionSection:
                LoadCompaction(ref reader);
                break;
            case LostSection:
                LoadLost(ref reader);
                break;
            case SessionsSection:
                LoadSessions(ref reader);
                break;
            case KeptGroupsSection:
                LoadKeptGroups(ref reader);
                break;
            case PassedOverSection:
                LoadPassedOver(ref reader);
                break;
            default:
                StateReader.Check(false, $"The partition's state has a section of kind {kind}, which this program does not know.");
                break;
        }

        StateReader.Check(reader.Remaining == rest, $"The section of kind {kind} of the partition's state has another length than it says.");
    }

    private static bool IsKept(PartitionGroup group) => group.KeptUntilMs is not null;

    private void SaveKeptGroups(IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Count(_groups.Values.Count(IsKept));
        foreach (var group in _groups.Values.Where(IsKept).OrderBy(group => group.Number))
        {
            writer.Int32(group.Number);
            writer.Int64(group.KeptUntilMs!.Value);
        }
    }

    private void LoadKeptGroups(ref StateReader reader)
    {
        for (var left = reader.Count(12); left > 0; left--)
        {
            var group = FindGroup(reader.Int32());
            StateReader.Check(group is { KeptUntilMs: null }, "The partition's state keeps a group that is not here, or one twice.");
            group!.KeptUntilMs = reader.Natural();
        }
    }

    private static void Save(PartitionGroup group, IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Int32(group.Number);
        Span<byte> id = stackalloc byte[16];
        group.Id.TryWriteBytes(id);
        writer.Int64(BitConverter.ToInt64(id));
        writer.Int64(BitConverter.ToInt64(id[8..]));
        writer.Text(group.Name);
        writer.Byte((byte)group.Flags);
        if (group.IsLog)
            group.Committed!.Save(output);
        else
        {
            group.Main!.Save(output);
            group.Redriven!.Save(output);
        }

        Save(group.DeadLetters, writer);
        Save(group.RedrivenLane, writer);
    }

    private static void Save(LaneIndex lane, StateWriter writer)
    {
        writer.Int64(lane.End);
        writer.Count(lane.Count);
        foreach (var item in lane.Items)
        {
            writer.Int64(item.Offset);
            writer.Int64(item.Position);
        }
    }

    private static PartitionGroup LoadGroup(ref StateReader reader)
    {
        var number = reader.Int32();
        Span<byte> id = stackalloc byte[16];
        BitConverter.TryWriteBytes(id, reader.Int64());
        BitConverter.TryWriteBytes(id[8..], reader.Int64());
        var name = reader.Text();
        var flags = (GroupFlags)reader.Byte();
        var group = flags.HasFlag(GroupFlags.Log)
            ? new PartitionGroup(number, new Guid(id), name, flags, LogCursor.Load(ref reader), null, null)
            : new PartitionGroup(
                number,
                new Guid(id),
                name,
                flags,
                null,
                QueueCursor.Load(ref reader, PartitionGroup.StandardRules, flags.HasFlag(GroupFlags.ByKey)),
                QueueCursor.Load(ref reader, PartitionGroup.StandardRules));
        Load(group.DeadLetters, ref reader);
        Load(group.RedrivenLane, ref reader);
        return group;
    }

    private static void Load(LaneIndex lane, ref StateReader reader)
    {
        var end = reader.Natural();
        for (var left = reader.Count(16); left > 0; left--)
            lane.Add(reader.Natural(), 1, reader.Natural());
        lane.Restore(end);
    }
}

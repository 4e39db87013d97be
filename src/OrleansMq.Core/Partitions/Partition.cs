using OrleansMq.Core.Dedup;
using OrleansMq.Core.Log;
using OrleansMq.Core.Transactions;
using OrleansMq.Records;

namespace OrleansMq.Core.Partitions;

/// <summary>
/// One partition's state: what its log says, up to the last frame applied. It decides what may be appended and how cursors move, writes the frames of
/// its decisions, and applies them by the same methods that recovery calls.
/// </summary>
/// <remarks>Pure and single-writer: the caller gives the time and takes care of turns. Whoever decides must write the frames, or throw this state away and replay.</remarks>
public sealed partial class Partition
{
    private readonly Dictionary<string, PartitionGroup> _groups = new(StringComparer.Ordinal);
    private readonly Dictionary<int, PartitionGroup> _groupsByNumber = [];
    private int _nextGroupNumber = 1;

    /// <summary>The state of a log without frames.</summary>
    public Partition(LogIdentity log, PartitionLimits limits, long position)
        : this(log, position, new ProducerTable(limits.MaxProducers, limits.ProducerAgeMs), new TokenWindow(limits.TokenCount, limits.TokenAgeMs)) { }

    private Partition(LogIdentity log, long position, ProducerTable producers, TokenWindow tokens) =>
        (Log, Position, Producers, Tokens) = (log, position, producers, tokens);

    public LogIdentity Log { get; }

    /// <summary>The first offset kept. Grows only.</summary>
    public long Start { get; private set; }

    /// <summary>The offset the next message gets. Grows only; never below <see cref="Start"/>.</summary>
    public long End { get; private set; }

    /// <summary>Where the next frame will stand. Everything below is applied here.</summary>
    public long Position { get; private set; }

    /// <summary>The engine's clock as the log knows it: the time of the newest frame. Never runs back.</summary>
    public long ClockMs { get; private set; }

    /// <summary>Records that count against the topic's admission cap.</summary>
    public long Admitted { get; private set; }

    public ProducerTable Producers { get; }

    public TokenWindow Tokens { get; }

    public IReadOnlyCollection<PartitionGroup> Groups => _groups.Values;

    public PartitionGroup? FindGroup(GroupName name) => _groups.GetValueOrDefault(name.Text);

    public PartitionGroup? FindGroup(int number) => _groupsByNumber.GetValueOrDefault(number);

    /// <summary>The least log position that the lanes still need.</summary>
    public long LeastLanePosition
    {
        get
        {
            var least = Math.Min(Scheduled.LeastPosition, Half.LeastPosition);
            foreach (var group in _groups.Values)
                least = Math.Min(least, group.LeastPosition);
            return least;
        }
    }

    /// <summary>The lowest offset that a declared group has not settled; <see cref="End"/> without one.</summary>
    public long DeclaredFloor
    {
        get
        {
            var floor = End;
            foreach (var group in _groups.Values)
                if (group.Declared)
                    floor = Math.Min(floor, group.Floor);
            return floor;
        }
    }

    /// <summary>Takes over a frame that is in the log, or was just decided: the only place where a frame changes state.</summary>
    /// <exception cref="PartitionBrokenException">The frame contradicts the state before it: a bug or damage; the partition must stop.</exception>
    public void Apply(in FrameHeader header, ReadOnlyMemory<byte> payload)
    {
        if (header.Position != Position)
            throw new PartitionBrokenException($"A frame of position {header.Position} was applied at {Position}.");
        if (header.Kind == FrameKind.Batch)
        {
            ApplyBatch(header, payload);
            return;
        }

        if (header.Kind == FrameKind.Gap)
        {
            ApplyGap(header);
            return;
        }

        ApplyHeader(header, 0);
        ApplyEntries(payload.Span);
    }

    /// <summary>Says where the frames decided so far end, once they were put together for writing.</summary>
    public void SealedAt(long position) => Position = position;

    private void ApplyHeader(in FrameHeader header, int stored)
    {
        Position = header.NextPosition;
        ClockMs = Math.Max(ClockMs, header.AppendedAt);
        if (header.ProducerId >= 0)
            Producers.Apply(
                new ProducerSequence(header.ProducerId, header.ProducerEpoch, header.BaseSequence), header.SequenceCount, header.BaseOffset | PlaceOf(header.Lane), stored, header.AppendedAt);
    }

    private void ApplyBatch(in FrameHeader header, ReadOnlyMemory<byte> payload)
    {
        var batch = RecordBatch.ReadExactly(payload);
        ApplyHeader(header, batch.Count);
        if (header.Lane == Lane.Scheduled)
        {
            ApplyScheduled(header, batch);
            return;
        }

        if (header.Lane == Lane.Half)
        {
            ApplyHalf(header, batch);
            return;
        }

        if (header.Lane != Lane.Main)
        {
            var group = FindGroup(Lane.GroupOf(header.Lane)) ?? throw new PartitionBrokenException($"Lane {header.Lane} belongs to no group.");
            group.ApplyLane(header, batch);
            return;
        }

        if (header.BaseOffset != End)
            throw new PartitionBrokenException($"A batch of offset {header.BaseOffset} was applied at {End}.");
        End += batch.LastOffsetDelta + 1;
        if (batch.IsTransactional)
            ApplyTransaction(batch);
        if (header.Flags.HasFlag(FrameFlags.Admitted))
            Admitted += batch.Count;
        if (header.Flags.HasFlag(FrameFlags.Moved))
            ApplyMoved(header, batch);
        else if (header.Flags.HasFlag(FrameFlags.Rich))
            RememberTokens(batch, header.AppendedAt, 0);
    }

    private void RememberTokens(in RecordBatch batch, long atMs, long place)
    {
        foreach (var record in batch.Records())
            if (record.Headers.TryGetLast(ReservedHeaders.TokenUtf8, out var token))
                Tokens.ApplyRemembered(TokenHash.Of(token.Value.Span), record.Offset | place, atMs);
    }

    private void ApplyEntries(ReadOnlySpan<byte> payload)
    {
        while (!payload.IsEmpty)
        {
            if (!EntryCodec.TryRead(ref payload, out var entry))
                throw new PartitionBrokenException($"A frame below position {Position} holds bytes that are no entry.");
            ApplyEntry(entry);
        }
    }

    private void ApplyEntry(in Entry entry)
    {
        switch (entry.Kind)
        {
            case EntryKind.GroupAdded:
                var added = new PartitionGroup(entry.Group, entry.Id, entry.Name, entry.Flags, entry.Offset);
                AddGroup(added);
                PassOverLost(added);
                break;
            case EntryKind.GroupRemoved:
                if (_groupsByNumber.Remove(entry.Group, out var removed))
                    _groups.Remove(removed.Name);
                break;
            case EntryKind.StartMoved:
                Start = Math.Max(Start, entry.Offset);
                foreach (var each in _groups.Values)
                    each.ApplyStart(Start);
                Transactions.ApplyStart(Start);
                ForgetLostBelow(Start);
                break;
            case EntryKind.TransactionBegun:
            case EntryKind.TransactionOpened:
                Transactions.ApplyBegun(new OpenTransaction(new ProducerIdentity(entry.Offset, (short)entry.Number), entry.Name ?? "", entry.Term, entry.Time));
                break;
            case EntryKind.Grown:
                ApplyGrown(entry);
                break;
            case EntryKind.Compacting:
                ApplyCompacting(entry);
                break;
            case EntryKind.Compacted:
                ApplyCompacted(entry);
                break;
            case EntryKind.Cancelled:
                ApplyCancelled(entry);
                break;
            case EntryKind.HalfTimedOut:
                Half.ApplyTimedOut(entry.Offset);
                break;
            case EntryKind.HalfRolledBack:
                Half.ApplyDecided(entry.Offset, -1, entry.Time);
                break;
            default:
                var group = FindGroup(entry.Group) ?? throw new PartitionBrokenException($"An entry {entry.Kind} names group {entry.Group}, which is not here.");
                group.Apply(entry);
                if (entry.Kind == EntryKind.Sought)
                    PassOverLost(group);
                break;
        }
    }

    private void AddGroup(PartitionGroup group)
    {
        _groups[group.Name] = group;
        _groupsByNumber[group.Number] = group;
        _nextGroupNumber = Math.Max(_nextGroupNumber, group.Number + 1);
    }
}

/// <summary>Bounds of what a partition remembers.</summary>
public sealed record PartitionLimits
{
    public int MaxProducers { get; init; } = 100_000;

    /// <summary>7 days, as Kafka's transactional ids.</summary>
    public long ProducerAgeMs { get; init; } = 7L * 24 * 3600 * 1000;

    public required int TokenCount { get; init; }
    public required long TokenAgeMs { get; init; }

    public static PartitionLimits Of(TopicSettings settings) =>
        new() { TokenCount = settings.TokenCount, TokenAgeMs = (long)settings.TokenAge.TotalMilliseconds };
}

/// <summary>Only our own bug or damaged storage can cause this: the partition stops rather than go on in doubt.</summary>
public sealed class PartitionBrokenException(string message) : Exception(message);

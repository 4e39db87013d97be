using System.Buffers;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Core.Snapshots;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>
/// What a broker will do when it opens the log: the snapshot is loaded and the frames behind it are applied, with a gap where there are none. It shows whether what stands
/// behind a hole makes sense without it.
/// </summary>
internal sealed class Rehearsal(SegmentPlan plan, LogIdentity identity, int epoch)
{
    public LogIdentity Identity => identity;

    public int Epoch => epoch;

    /// <summary>At least what any topic can have: a broker that loads the state applies its own.</summary>
    private static readonly PartitionLimits Limits = new() { TokenCount = 10_000_000, TokenAgeMs = 7L * 24 * 3600 * 1000 };

    /// <param name="holes">Behind the snapshot, in their order; how far each goes on is filled in where no frame tells.</param>
    /// <param name="areTheRest">Nothing stands between and behind them: a transaction that is open there stays open, and its coordinator is asked.</param>
    /// <returns>The state, or why there is none.</returns>
    public (Partition? State, string? Why) Play(LogSnapshot? snapshot, IEnumerable<Hole> holes, long end, bool areTheRest = false)
    {
        try
        {
            var state = snapshot is null ? new Partition(identity, Limits, plan.Start) : Partition.Load(identity, Limits, snapshot.State.Span, snapshot.Position);
            var crossed = false;
            foreach (var hole in holes)
            {
                Apply(state, hole.From, crossed);
                if (state.Transactions.OpenCount > 0 && !areTheRest)
                    return (null, "a transaction is open there");
                hole.FirstOffset = state.End;
                hole.NextOffset ??= Math.Max(hole.Hinted, state.End + hole.OffsetsInDoubt);
                state.Apply(GapFor(hole, state.ClockMs), default);
                crossed = true;
            }

            Apply(state, end, crossed);
            return (state, null);
        }
        catch (Exception nonsense) when (nonsense is StateFormatException or PartitionBrokenException or MalformedBatchException)
        {
            return (null, nonsense.Message.TrimEnd('.'));
        }
    }

    /// <summary>Why a broker could not load the state again from the snapshot that it will write of it; null where it could.</summary>
    public string? WhyNotSaved(Partition state)
    {
        try
        {
            var bytes = new ArrayBufferWriter<byte>();
            state.Save(bytes);
            // Not byte by byte: names of consumers are numbered as they came.
            var again = Partition.Load(identity, Limits, bytes.WrittenSpan, state.Position);
            return AreAlike(state, again) ? null : "what is read is not what was written";
        }
        catch (StateFormatException nonsense)
        {
            return nonsense.Message.TrimEnd('.');
        }
    }

    private static bool AreAlike(Partition one, Partition other) =>
        (one.Start, one.End, one.Half.End, one.Scheduled.End, one.Groups.Count) == (other.Start, other.End, other.Half.End, other.Scheduled.End, other.Groups.Count)
        && one.Groups.All(group => other.FindGroup(group.Number) is { } read
            && (group.Name, group.Floor, one.LagOf(group), group.DeadLetters.End, group.DeadLetters.Count) == (read.Name, read.Floor, other.LagOf(read), read.DeadLetters.End, read.DeadLetters.Count));

    /// <summary>A frame that says that nothing is left of what stood between two positions.</summary>
    /// <param name="hole">It is known how far offsets go on.</param>
    public FrameHeader GapFor(Hole hole, long atMs) => new()
    {
        Kind = FrameKind.Gap,
        Flags = FrameFlags.Lost | (hole.Admitted > 0 ? FrameFlags.Admitted : FrameFlags.None),
        PayloadLength = checked((int)(hole.To - hole.From - FrameHeader.Size)),
        PayloadCrc = 0,
        Partition = identity.Partition,
        Incarnation = identity.Incarnation,
        TopicId = identity.TopicId,
        Position = hole.From,
        DurablePosition = hole.From,
        BaseOffset = hole.NextOffset!.Value,
        AppendedAt = atMs,
        Epoch = epoch,
        ProducerId = -1,
        ProducerEpoch = -1,
        BaseSequence = -1,
        SequenceCount = hole.Admitted,
    };

    /// <summary>The state of a partition of which only its messages are known, and which groups there are: each begins with the first message.</summary>
    public LogSnapshot WithMessagesAlone(long position, long first, long end, long atMs, long admitted, IEnumerable<GroupDocument> groups)
    {
        var state = Partition.OfMessagesAlone(identity, Limits, position, first, end, atMs, admitted);
        var unused = new FrameBuffer(identity, epoch);
        foreach (var group in groups)
            state.AddGroup(group.Name, group.Id, new GroupDefinition(group.Name, group.Id, group.Declared, group.Settings).Flags, first, atMs, unused);
        var bytes = new ArrayBufferWriter<byte>();
        state.Save(bytes);
        return new LogSnapshot(position, bytes.WrittenMemory);
    }

    public static void ApplyFrame(Partition state, ReadOnlyMemory<byte> frame)
    {
        if (FrameHeader.TryRead(frame.Span, out var header))
            state.Apply(header, frame.Slice(FrameHeader.Size, header.PayloadLength));
    }

    private void Apply(Partition state, long end, bool crossed)
    {
        if (state.Position >= end)
            return;
        FrameScan.Walk(plan.Read, state.Position, end, plan.Segments[^1].Base, identity, (in FrameHeader header, ReadOnlySpan<byte> payload) =>
        {
            // Its beginning or its end may be what was lost: then it would be taken for decided, or another for it.
            if (crossed && FrameSurvey.IsOfTransaction(header, payload))
                throw new PartitionBrokenException("behind it stand messages of transactions");
            state.Apply(header, payload.ToArray());
        });
    }
}

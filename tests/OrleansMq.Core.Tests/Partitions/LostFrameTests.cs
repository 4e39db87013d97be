using OrleansMq.Core.Dedup;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Core.Tests.Partitions;

/// <summary>What a replay makes of frames that speak of others which a repair gave up.</summary>
public sealed class LostFrameTests
{
    private static readonly LogIdentity Log = new(7, Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), 1);
    private static readonly PartitionLimits Limits = new() { TokenCount = 100, TokenAgeMs = 10_000 };

    private readonly FrameBuffer _frames = new(Log, 1);
    private readonly Partition _live = new(Log, Limits, 0);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ARedrivenMessageBehindALostOneGetsAnOffsetOfItsOwnAndIsDelivered(bool acknowledged)
    {
        var group = _live.AddGroup("q", Guid.NewGuid(), GroupFlags.None, 0, 1, _frames);
        Redrive(_live, group, Append(), _frames);
        var lease = Assert.Single(Leased(_live, group, _frames));
        if (acknowledged)
            Assert.Null(_live.Acknowledge(group, new LeaseId(Log.Partition, lease.Lane, lease.Epoch, lease.Offset, lease.Delivery), 1, _frames));

        var state = Replayed(header => Lane.IsRedriven(header.Lane));

        var replayed = state.FindGroup("q")!;
        Assert.Equal((1, 0, 0), (replayed.RedrivenLane.End, replayed.Redriven!.Unsettled(1), replayed.Redriven.InFlight));
        var behind = new FrameBuffer(Log, 1);
        behind.Reset(state.Position);
        Redrive(state, replayed, Append(state, behind), behind);
        Assert.Equal([1], Leased(state, replayed, behind).Select(each => each.Offset));
    }

    [Fact]
    public void OffsetsThatARedrivenFrameJumpsOverAreDoneWith()
    {
        var group = _live.AddGroup("q", Guid.NewGuid(), GroupFlags.None, 0, 1, _frames);
        Redrive(_live, group, Append(), _frames);
        Redrive(_live, group, Append(), _frames);
        var first = true;

        var state = Replayed(header => Lane.IsRedriven(header.Lane) && first && !(first = false));

        var replayed = state.FindGroup("q")!;
        Assert.Equal((2, 1), (replayed.RedrivenLane.End, replayed.Redriven!.Unsettled(2)));
        Assert.Equal([1], Leased(state, replayed, new FrameBuffer(Log, 1)).Select(each => each.Offset));
    }

    [Fact]
    public void ADeathOfALostRedrivenMessageTakesItsOffset()
    {
        var group = _live.AddGroup("q", Guid.NewGuid(), GroupFlags.None, 0, 1, _frames);
        Redrive(_live, group, Append(), _frames);
        _live.MoveToDeadLetters(group, [new DeadLetterMove(Lane.RedrivenOf(group.Number), 0, Record(), "no", 1)], 1, _frames);

        var replayed = Replayed(header => Lane.IsRedriven(header.Lane)).FindGroup("q")!;

        Assert.Equal((1, 0), (replayed.RedrivenLane.End, replayed.Redriven!.Unsettled(1)));
    }

    [Fact]
    public void HalfAndDelayedMessagesBehindAGapGetOffsetsThatNoLostOneCanHaveHad()
    {
        AppendHalf(_live, _frames);
        AppendHalf(_live, _frames);
        var (lost, first) = (0, true);

        var state = Replayed(header =>
        {
            if (header.Lane != Lane.Half || !first)
                return false;
            (lost, first) = (header.TotalLength, false);
            return true;
        });

        Assert.NotNull(state.Half.Find(1));
        Assert.True(state.Half.End >= lost && state.Scheduled.End >= lost);
        AssertReadsBack(state);
        var (behind, end) = (new FrameBuffer(Log, 1), state.Half.End);
        behind.Reset(state.Position);
        AppendHalf(state, behind);
        Assert.NotNull(state.Half.Find(end));
    }

    [Fact]
    public void TheDecisionOfALostHalfMessageIsInASnapshotThatReadsBack()
    {
        AppendHalf(_live, _frames);
        Assert.Null(_live.DecideHalf(0, commit: false, force: false, null, 2, _frames).Error);

        var state = Replayed(header => header.Lane == Lane.Half);

        Assert.True(state.Half.TryFindDecided(0, out _));
        AssertReadsBack(state);
    }

    [Theory]
    [InlineData(GroupFlags.None)]
    [InlineData(GroupFlags.ByKey)]
    public void AGroupThatBeginsOrBeginsAnewIsNotHandedOffsetsThatAreLost(GroupFlags flags)
    {
        const long next = 5_000_000;
        Append();
        Append();
        var state = Replayed(header => header.BaseOffset == 1, gapTo: next);
        var behind = new FrameBuffer(Log, 1);
        behind.Reset(state.Position);
        Append(state, behind);

        foreach (var opened in new[] { state, Partition.Load(Log, Limits, State.Bytes(state.Save), state.Position) })
        {
            var frames = new FrameBuffer(Log, 1);
            frames.Reset(opened.Position);
            var group = opened.AddGroup($"q{flags}", Guid.NewGuid(), flags, 0, 1, frames);
            Assert.Equal(2, group.Main!.Unsettled(opened.End));
            opened.Seek(group, 0, 1, frames);
            Assert.Equal((2, 0), (group.Main.Unsettled(opened.End), group.Floor));
            AssertReadsBack(opened);
        }
    }

    [Fact]
    public void AGroupThatWaitsForAMessageBeforeAGapGoesOnBehindIt()
    {
        var group = _live.AddGroup("q", Guid.NewGuid(), GroupFlags.None, 0, 1, _frames);
        Append();
        Append();
        Assert.Single(Leased(_live, group, _frames, upTo: 1));

        var state = Replayed(header => header.Kind == FrameKind.Batch && header.BaseOffset == 1, gapTo: 1_000_000);

        var behind = new FrameBuffer(Log, 1);
        behind.Reset(state.Position);
        Append(state, behind);
        var replayed = state.FindGroup("q")!;
        Assert.Equal((0, 2), (replayed.Floor, replayed.Main!.Unsettled(state.End)));
        Assert.Equal([1_000_000], Leased(state, replayed, behind, upTo: state.End).Select(each => each.Offset));
    }

    [Fact]
    public void WhatIsLostIsNoBacklog()
    {
        var group = _live.AddGroup("log", Guid.NewGuid(), GroupFlags.Log, 0, 1, _frames);
        Append();
        Append();

        var state = Replayed(header => header.Kind == FrameKind.Batch && header.BaseOffset == 1, gapTo: 1_000_000);

        Assert.Equal((1, 1), (state.Stored, state.LagOf(state.FindGroup(group.Name)!)));
    }

    [Fact]
    public void WhatIsLostBelowTheStartIsForgotten()
    {
        Append();
        Append();
        var state = Replayed(header => header.BaseOffset == 1, gapTo: 100);
        Assert.Equal([new LostOffsets(1, 100)], state.Lost);

        state.MoveStart(100, 1, new FrameBuffer(Log, 1));

        Assert.Empty(state.Lost);
    }

    [Fact]
    public void ADeadLetterBehindALostOneGetsAnotherOffset()
    {
        var group = _live.AddGroup("q", Guid.NewGuid(), GroupFlags.None, 0, 1, _frames);
        _live.MoveToDeadLetters(group, [new DeadLetterMove(Lane.Main, Append(), Record(), "no", 1)], 1, _frames);

        var state = Replayed(header => Lane.IsDeadLetters(header.Lane));

        Assert.True(state.FindGroup("q")!.DeadLetters.End > 0);
        AssertReadsBack(state);
    }

    private static void AssertReadsBack(Partition state)
    {
        var bytes = State.Bytes(state.Save);
        Assert.Equal(bytes, State.Bytes(Partition.Load(Log, Limits, bytes, state.Position).Save));
    }

    private long Append() => Append(_live, _frames);

    private static long Append(Partition state, FrameBuffer frames)
    {
        var builder = new RecordBatchBuilder(64);
        builder.Append(1000, "key"u8, true, "value"u8, true);
        state.Append(new AdmissibleBatch(RecordBatch.ReadExactly(builder.ToArray()), null, null), null, 1, frames);
        return state.End - 1;
    }

    private static void AppendHalf(Partition state, FrameBuffer frames)
    {
        var builder = new RecordBatchBuilder(64);
        builder.Append(1000, default, false, "value"u8, true, [RecordHeader.OfText(ReservedHeaders.Half, "10:50:3:pay")]);
        Assert.Equal(1, state.Append(new AdmissibleBatch(RecordBatch.ReadExactly(builder.ToArray()), null, new TokenHash?[1], null, true), null, 1, frames).Stored);
    }

    /// <summary>To dead letters and back.</summary>
    private static void Redrive(Partition state, PartitionGroup group, long offset, FrameBuffer frames)
    {
        state.MoveToDeadLetters(group, [new DeadLetterMove(Lane.Main, offset, Record(), "no", 1)], 1, frames);
        state.MoveToRedriven(group, [new RedriveMove(group.DeadLetters.End - 1, Record(), null)], 1, frames);
    }

    private static List<GrantedLease> Leased(Partition state, PartitionGroup group, FrameBuffer frames, long upTo = 0)
    {
        var leases = new List<GrantedLease>();
        state.Lease(group, new LeaseTerms("c", 10, 1, 100, 1), upTo, group.RedrivenLane.End, frames, leases);
        return leases;
    }

    private static RecordView Record()
    {
        var builder = new RecordBatchBuilder(64);
        builder.Append(1000, "key"u8, true, "value"u8, true);
        foreach (var record in RecordBatch.ReadExactly(builder.ToArray()).Records())
            return record;
        throw new InvalidOperationException("There is one.");
    }

    private Partition Replayed(Func<FrameHeader, bool> isLost, long? gapTo = null)
    {
        var state = new Partition(Log, Limits, 0);
        for (var rest = _frames.Seal(); FrameHeader.TryRead(rest.Span, out var header); rest = rest[header.TotalLength..])
            if (isLost(header))
                state.Apply(header with { Kind = FrameKind.Gap, Flags = FrameFlags.Lost, PayloadLength = header.TotalLength - FrameHeader.Size, BaseOffset = gapTo ?? state.End, Lane = Lane.Main, ProducerId = -1 }, default);
            else
                state.Apply(header, rest.Slice(FrameHeader.Size, header.PayloadLength));
        return state;
    }
}

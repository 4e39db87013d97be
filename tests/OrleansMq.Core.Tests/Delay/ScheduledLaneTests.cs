using OrleansMq.Core.Dedup;
using OrleansMq.Core.Delay;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Core.Snapshots;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Core.Tests.Delay;

/// <summary>What is near is known one by one, what is far is known by its frame, and both come due at their time.</summary>
[Collection(nameof(Alone))]
public sealed class ScheduledLaneTests
{
    private const long Day = 24L * 3_600_000;
    private static readonly LogIdentity Log = new(1, Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), 2);
    private static readonly PartitionLimits Limits = new() { TokenCount = 10, TokenAgeMs = 1000 };

    private readonly FrameBuffer _frames = new(Log, 1);
    private Partition _partition = new(Log, Limits, 0);
    private readonly List<byte> _log = [];

    private ScheduledLane Lane => _partition.Scheduled;

    [Fact]
    public void AFarMessageCostsNoLineOfItsOwnUntilItsHourComes()
    {
        Schedule(1_000, 300 * Day, 300 * Day + 5, 200 * Day);
        Assert.Equal((3L, 0, 1), (Lane.Count, Lane.Near, Lane.Frames));
        Assert.Null(Lane.NextDueMs);
        Assert.InRange(Lane.NextLoadMs!.Value, 200 * Day - ScheduledLane.NearMs, 200 * Day - 60_000);

        Load(200 * Day - 600_000);
        Assert.Equal((1, 200 * Day), (Lane.Near, Lane.NextDueMs));
        Assert.Equal([2], Due(200 * Day));
        Load(300 * Day - 600_000);
        Assert.Equal([0, 1], Due(300 * Day + 5));
        Assert.Equal((0L, 0, null), (Lane.Count, Lane.Frames, Lane.NextLoadMs));
    }

    [Fact]
    public void AMessageDueExactlyBehindWhatIsLoadedDoesNotLoadForEver()
    {
        Schedule(1_000, 2 * Day + 1, 2 * Day + ScheduledLane.NearMs);

        Load(2 * Day);

        Assert.Equal((1, 2 * Day + 1, 2 * Day + ScheduledLane.NearMs / 2), (Lane.Near, Lane.NextDueMs, Lane.NextLoadMs));
    }

    /// <summary>Ten million within 200 MB, tokens included: a twentieth of them is looked at.</summary>
    [Fact]
    public void WhatWaitsForLongTakesLessThanTwentyBytesOfMemoryEach()
    {
        const int batches = 500, each = 1_000;
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var batch = 0; batch < batches; batch++)
        {
            Schedule(1_000, [.. Enumerable.Range(0, each).Select(i => 100 * Day + i)]);
            // The bytes are the disk's.
            _partition.SealedAt(_frames.BasePosition + _frames.Seal().Length);
            _frames.Reset(_partition.Position);
        }

        var taken = GC.GetTotalMemory(forceFullCollection: true) - before;

        Assert.Equal((500_000L, 0), (Lane.Count, Lane.Near));
        Assert.True(taken < 20L * batches * each, $"{taken} bytes for {Lane.Count} messages.");
        GC.KeepAlive(_partition);
    }

    [Fact]
    public void NothingIsGivenOutBeforeItsTimeOrTwice()
    {
        Schedule(1_000, 2_000, 2_001, 2_002);

        Assert.Empty(Due(1_999));
        Assert.Equal([0], Due(2_000));
        Assert.Equal([1, 2], Due(9_000));
        Assert.Empty(Due(9_000));
    }

    [Fact]
    public void WhatCouldNotBeMovedComesAgain()
    {
        Schedule(1_000, 2_000);
        var due = new List<DueMessage>();
        Lane.TakeDue(2_000, 10, long.MaxValue, due);
        Assert.Null(Lane.NextDueMs);

        Lane.PutBack(due[0]);

        Assert.Equal([0], Due(2_000));
    }

    [Fact]
    public void WhatCanNotBeReadYetStays()
    {
        Schedule(1_000, 2_000);
        Schedule(1_000, 2_000);
        var (due, second) = (new List<DueMessage>(), Lane.FindToken(TokenHash.Of("1"))[0].Position);

        Lane.TakeDue(2_000, 10, second, due);

        Assert.Equal([0], due.Select(message => message.Offset));
        Assert.Equal(2_000, Lane.NextDueMs);
    }

    [Fact]
    public void ACancelledMessageIsNotGivenOut()
    {
        Schedule(1_000, 2_000, 3_000);

        Assert.True(_partition.CancelScheduled(0, 1_500, _frames));

        Assert.False(_partition.CancelScheduled(0, 1_500, _frames));
        Assert.Equal(3_000, Lane.NextDueMs);
        Assert.Equal([1], Due(9_000));
    }

    [Fact]
    public void ASnapshotHoldsWhatWaits()
    {
        Schedule(1_000, 5_000, 300 * Day, 6_000);
        _partition.CancelScheduled(2, 1_001, _frames);
        Seal();

        _partition = Partition.Load(Log, Limits, State.Bytes(_partition.Save), _partition.Position);

        Assert.Equal((2L, 3L, 0), (Lane.Count, Lane.End, Lane.Near));
        Assert.Single(Lane.FindToken(TokenHash.Of("1")));
        Assert.Empty(Lane.FindToken(TokenHash.Of("other")));
        Load(2_000);
        Assert.Equal([0], Due(5_000));
        Load(300 * Day);
        Assert.Equal([1], Due(300 * Day));
    }

    [Fact]
    public void RollingForwardKeepsNamesAndTimesAndLetsTheLogGo()
    {
        for (var i = 0; i < 10; i++)
            Schedule(1_000, 2_000 + i, 100 * Day + i);
        Assert.Equal(Enumerable.Range(0, 5).Select(i => 2L * i), Due(2_004));
        Seal();
        var end = _partition.Position;

        for (var frames = Lane.SelectToRoll(end); frames.Count > 0; frames = Lane.SelectToRoll(end))
        {
            var moves = frames.SelectMany(frame => Read(frame.Position)).Select(record => new ScheduledMove(record.Offset, record)).ToList();
            _partition.RollScheduled(frames, moves, 3_000, _frames);
            Seal();
        }

        Assert.Equal((15L, 1), (Lane.Count, Lane.Frames));
        Assert.True(Lane.LeastPosition >= end);
        Assert.Equal([10, 12, 14, 16, 18], Due(2_009));
        Load(100 * Day);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => 2L * i + 1), Due(100 * Day + 9));
    }

    [Fact]
    public void FramesThatAreNotThoseAnyMoreAreNotRolled()
    {
        Schedule(1_000, 100 * Day);
        Schedule(1_000, 100 * Day);
        Seal();
        var both = Lane.SelectToRoll(long.MaxValue);
        var moves = both.SelectMany(frame => Read(frame.Position)).Select(record => new ScheduledMove(record.Offset, record)).ToList();
        _partition.RollScheduled(both, moves, 2_000, _frames);
        var position = Lane.LeastPosition;

        _partition.RollScheduled([both[1]], [moves[1]], 2_001, _frames);

        Assert.Equal((2L, position), (Lane.Count, Lane.LeastPosition));
    }

    [Fact]
    public void ManySmallFramesAreJoined()
    {
        for (var i = 0; i < ScheduledLane.ManyFrames + 10; i++)
            Schedule(1_000, 100 * Day);

        Assert.InRange(Lane.SelectToRoll(0).Count, 100, ScheduledLane.RolledMessages);
    }

    [Fact]
    public void EveryTruncationOfTheSavedLaneIsRefused()
    {
        Schedule(1_000, 5_000, 300 * Day);
        var bytes = State.Bytes(Lane.Save);
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<StateFormatException>(() =>
            {
                var reader = new StateReader(bytes.AsSpan(0, length));
                ScheduledLane.Load(ref reader);
            });
    }

    /// <summary>The lane's form never changes; a new one gets a new version.</summary>
    [Fact]
    public void TheLaneIsSavedAsDrawn()
    {
        Schedule(1_000, 5_000, 6_000);
        _partition.CancelScheduled(0, 1_001, _frames);

        Assert.Equal(
            State.Hex($"""
                01 0200000000000000
                01000000
                  0000000000000000 0100000000000000 0000000000000000 8813000000000000 02000000 89000000 01000000
                  02000000 {Mark("0")} {Mark("1")}
                01000000 01 0000000000000000
                  0200000000000000 0000000000000000 0000000000000000 0000000000000000
                  0000000000000000 0000000000000000 0000000000000000 0000000000000000
                  0000000000000000 0000000000000000 0000000000000000 0000000000000000
                  0000000000000000 0000000000000000 0000000000000000 0000000000000000
                """),
            State.Of(Lane.Save));
    }

    /// <summary>The first 4 bytes of what is remembered of a token, little-endian.</summary>
    private static string Mark(string token) => Convert.ToHexString(BitConverter.GetBytes((uint)TokenHash.Of(token).First));

    /// <summary>One frame of messages due at these times, each with its offset for a token.</summary>
    private void Schedule(long now, params long[] dues)
    {
        var builder = new RecordBatchBuilder(256);
        var tokens = new TokenHash?[dues.Length];
        for (var i = 0; i < dues.Length; i++)
        {
            var token = $"{Lane.End + i}";
            tokens[i] = TokenHash.Of(token);
            builder.Append(now, default, false, "v"u8, true, [RecordHeader.OfText(ReservedHeaders.Token, token), RecordHeader.OfText(ReservedHeaders.DeliverAt, $"{dues[i]}")]);
        }

        _partition.Append(new AdmissibleBatch(RecordBatch.ReadExactly(builder.ToArray()), null, tokens, dues), null, now, _frames);
    }

    /// <summary>Reads what the lane wants to know, as the engine does.</summary>
    private void Load(long now)
    {
        Seal();
        var frames = new List<ScheduledFrame>();
        for (Lane.SelectFar(now, 2, frames); frames.Count > 0; Lane.SelectFar(now, 2, frames))
        {
            foreach (var frame in frames)
                Lane.Offer(frame, now, Read(frame.Position).ConvertAll(record => (record.Offset, ScheduledHeaders.DueMs(record))));
            frames.Clear();
        }
    }

    /// <summary>Delivers what is due, as the engine does.</summary>
    private List<long> Due(long now)
    {
        Seal();
        var due = new List<DueMessage>();
        Lane.TakeDue(now, 1_000, long.MaxValue, due);
        var moves = due.ConvertAll(message => new ScheduledMove(message.Offset, Read(message.Position).Single(record => record.Offset == message.Offset)));
        Assert.Equal(moves.Count, _partition.MoveDue(moves, now, _frames));
        return due.ConvertAll(message => message.Offset);
    }

    private List<RecordView> Read(long position)
    {
        var bytes = _log.ToArray();
        Assert.Equal(FrameVerdict.Whole, FrameScan.At(bytes.AsSpan((int)position), position, Log, out var header));
        var records = new List<RecordView>();
        foreach (var record in RecordBatch.ReadExactly(bytes.AsMemory((int)position + FrameHeader.Size, header.PayloadLength)).Records())
            records.Add(record);
        return records;
    }

    private void Seal()
    {
        var bytes = _frames.Seal().ToArray();
        _partition.SealedAt(_frames.BasePosition + bytes.Length);
        _log.AddRange(bytes);
        _frames.Reset(_log.Count);
    }
}

/// <summary>The memory of the whole process is weighed: nothing else may run meanwhile.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

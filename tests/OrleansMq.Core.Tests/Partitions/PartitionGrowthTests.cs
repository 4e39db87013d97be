using OrleansMq.Core.Catalog;
using OrleansMq.Core.Cursors;
using OrleansMq.Core.Dedup;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Core.Snapshots;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Core.Tests.Partitions;

/// <summary>What a partition does with its topic's growth.</summary>
public sealed class PartitionGrowthTests
{
    private static readonly LogIdentity Log = new(7, Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), 1);
    private static readonly PartitionLimits Limits = new() { TokenCount = 100, TokenAgeMs = 10_000 };

    private readonly FrameBuffer _frames = new(Log, 1);
    private readonly Partition _partition = new(Log, Limits, 0);

    [Fact]
    public void WhatIsChosenByFewerIsShutOutAndNothingElse()
    {
        _partition.Grow(4, 1, _frames);

        Assert.True(_partition.IsChosenByFewer(Batch() with { Partitions = 2 }));
        Assert.False(_partition.IsChosenByFewer(Batch() with { Partitions = 4 }));
        Assert.False(_partition.IsChosenByFewer(Batch()));
    }

    [Fact]
    public void ARepetitionOfWhatWasStoredIsNotShutOut()
    {
        var stored = Batch(0) with { Partitions = 2 };
        _partition.Append(stored, null, 1, _frames);
        _partition.Grow(4, 1, _frames);

        Assert.False(_partition.IsChosenByFewer(stored));
        Assert.True(_partition.IsChosenByFewer(Batch(1) with { Partitions = 2 }));
        // Behind a gap as well: the one before it will never come.
        Assert.True(_partition.IsChosenByFewer(Batch(5) with { Partitions = 2 }));
        Assert.False(_partition.IsChosenByFewer(Batch(5) with { Partitions = 4 }));
    }

    [Fact]
    public void AGrowthIsTakenOnceAndFewerAreNone()
    {
        _partition.Grow(4, 1, _frames);
        _partition.Append(Batch(), null, 1, _frames);
        _partition.Grow(4, 2, _frames);
        _partition.Grow(2, 2, _frames);
        _partition.Grow(8, 3, _frames);

        Assert.Equal([new Growth(4, 0), new Growth(8, 1)], _partition.Growths);
    }

    [Fact]
    public void AGroupHasDrainedWhatWasThereAtTheGrowthThatMadeTheSuccessor()
    {
        var log = _partition.AddGroup("l", Guid.NewGuid(), GroupFlags.Log, 0, 1, _frames);
        var queue = _partition.AddGroup("q", Guid.NewGuid(), GroupFlags.ByKey, 0, 1, _frames);
        Assert.False(_partition.IsDrained(log, 2));
        _partition.Append(Batch(), null, 1, _frames);
        _partition.Grow(4, 1, _frames);
        _partition.Append(Batch(), null, 1, _frames);
        _partition.Grow(8, 1, _frames);

        Assert.False(_partition.IsDrained(log, 3));
        Assert.Null(_partition.Commit(log, 1, 1, 2, _frames));
        Assert.True(_partition.IsDrained(log, 3));
        Assert.False(_partition.IsDrained(log, 5));
        Assert.False(_partition.IsDrained(queue, 3));
        _partition.MoveStart(2, 3, _frames);
        Assert.True(_partition.IsDrained(queue, 5));
    }

    /// <summary>Of partition 1 of 2, the keys of partition 1 of 4 stay and the others leave.</summary>
    private static byte[] Key(int partition) =>
        Enumerable.Range(0, 1_000).Select(i => BitConverter.GetBytes(i)).First(key => Murmur2.PartitionFor(key, 2) == 1 && Murmur2.PartitionFor(key, 4) == partition);

    [Fact]
    public void StatesOfKeysThatLeftChangeNoMoreUntilTheGroupGoesBack()
    {
        var group = _partition.AddGroup("q", Guid.NewGuid(), GroupFlags.ByKey, 0, 1, _frames);
        _partition.Append(Batch(), null, 1, _frames);
        _partition.Grow(4, 1, _frames);
        string? Set(int partition, byte[]? state) =>
            _partition.SetSession(group, new SessionWrite(Key(partition), state is null ? new ReadOnlyMemory<byte>?() : state), null, PartitionLineage.Of(2), 2, _frames);

        Assert.Equal((null, null), (Set(1, [1]), Set(3, [1])));
        _partition.Seek(group, 1, 2, _frames);
        Assert.True(_partition.IsDrained(group, 3));
        _partition.LetKeysGo(group, _partition.HoldsKeysOf(group, 3)!.Value, 2, _frames);
        Assert.Null(_partition.HoldsKeysOf(group, 3));

        Assert.Equal((null, ErrorCodes.SessionMoved), (Set(1, [2]), Set(3, [2])));
        Assert.True(group.Sessions.TryFind(Key(3), out _, out var state));
        Assert.Equal([1], state.ToArray());
        // By hand it can be forgotten here.
        Assert.Null(Set(3, null));
        _partition.Seek(group, 0, 2, _frames);
        Assert.Null(Set(3, [3]));
    }

    [Fact]
    public void AKeyThatNeverChoseThePartitionHasNotLeftIt()
    {
        var group = _partition.AddGroup("q", Guid.NewGuid(), GroupFlags.ByKey, 0, 1, _frames);
        _partition.Grow(4, 1, _frames);
        _partition.Grow(8, 1, _frames);
        _partition.LetKeysGo(group, _partition.Growths[^1].Offset, 2, _frames);
        var keys = Enumerable.Range(0, 1_000).Select(i => BitConverter.GetBytes(i)).ToList();
        // Known to the partition before the topic's document says it, or after.
        foreach (var lineage in new PartitionLineage[] { PartitionLineage.Of(2), new([new(2, 0)], 4), new([new(2, 0), new(4, 0)], 8) })
            foreach (var key in keys)
                Assert.Equal(Murmur2.PartitionFor(key, 2) == 1 && Murmur2.PartitionFor(key, 8) != 1, _partition.HasLeft(group, key, lineage));
    }

    [Fact]
    public void AGrowthIsInTheSnapshot()
    {
        _partition.Append(Batch(), null, 1, _frames);
        _partition.Grow(4, 1, _frames);
        _partition.Grow(12, 1, _frames);

        var bytes = State.Bytes(_partition.Save);
        var loaded = Partition.Load(Log, Limits, bytes, 0);

        Assert.Equal(_partition.Growths, loaded.Growths);
        // Section 4, 29 bytes: its version, two growths, to 4 partitions at 1 and to 12 at 1.
        Assert.EndsWith(State.Hex("01000000 04 1D000000 01 02000000 04000000 0100000000000000 0C000000 0100000000000000"), Convert.ToHexString(bytes), StringComparison.Ordinal);
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<StateFormatException>(() => Partition.Load(Log, Limits, bytes.AsSpan(0, length), 0));
    }

    [Fact]
    public void ATokenOfAnEarlierPartitionIsADuplicateThere()
    {
        var builder = new RecordBatchBuilder(64);
        foreach (var token in new[] { "a", "b" })
            builder.Append(1000, default, false, "value"u8, true, [RecordHeader.OfText(ReservedHeaders.Token, token)]);
        var batch = new AdmissibleBatch(RecordBatch.ReadExactly(builder.ToArray()), null, [TokenHash.Of("a"), TokenHash.Of("b")])
        {
            Earlier = [null, new RecordOutcome(17, true) { Partition = 0 }],
        };

        Assert.Equal(1, _partition.CountNew(batch, 1));
        var decided = _partition.Append(batch, null, 1, _frames);

        Assert.Equal([new RecordOutcome(0, false), new RecordOutcome(17, true) { Partition = 0 }], decided.Result.Records!);
        Assert.Equal((1, 1), (decided.Stored, _partition.End));
        Assert.Equal(new RecordOutcome(0, true) { Partition = 1 }, _partition.FindEarlier(TokenHash.Of("a"), 2));
        Assert.Null(_partition.FindEarlier(TokenHash.Of("b"), 2));
    }

    private static AdmissibleBatch Batch(int? sequence = null)
    {
        var builder = new RecordBatchBuilder(64);
        builder.Append(1000, "key"u8, true, "value"u8, true);
        return new AdmissibleBatch(RecordBatch.ReadExactly(builder.ToArray()), sequence is { } given ? new ProducerSequence(5, 0, given) : null, null);
    }
}

using OrleansMq.Core.Dedup;
using OrleansMq.Core.Snapshots;
using Xunit;

namespace OrleansMq.Core.Tests.Dedup;

public sealed class ProducerTableTests
{
    private readonly ProducerTable table = new();

    private static ProducerSequence At(int sequence, short epoch = 0, long id = 1) => new(id, epoch, sequence);

    private void Store(int sequence, int count, long offset = 0, short epoch = 0, long id = 1, long atMs = 0) => table.Apply(At(sequence, epoch, id), count, offset, count, atMs);

    private SequenceDecision Decide(int sequence, int count, short epoch = 0, long id = 1) => table.Decide(At(sequence, epoch, id), count, out _);

    [Fact]
    public void AnUnknownProducerBeginsAtZero()
    {
        Assert.Equal(SequenceDecision.Unknown, Decide(77, 5));
        Assert.Equal(SequenceDecision.New, Decide(0, 5));
    }

    [Fact]
    public void AResendIsAnsweredWithWhatWasStored()
    {
        table.Apply(At(0), 10, 500, 7, 0);
        Assert.Equal(SequenceDecision.Duplicate, table.Decide(At(0), 10, out var stored));
        Assert.Equal(new ProducerBatch(0, 10, 500, 7), stored);
    }

    [Fact]
    public void TheNextBatchIsNewAndOneBehindItIsAGap()
    {
        Store(0, 10);
        Assert.Equal(SequenceDecision.New, Decide(10, 3));
        Assert.Equal(SequenceDecision.Gap, Decide(11, 3));
    }

    [Fact]
    public void FiveBatchesAreRememberedAndTheSixthBackIsOld()
    {
        for (var i = 0; i < 6; i++)
            Store(i * 10, 10);
        Assert.Equal(SequenceDecision.Duplicate, Decide(10, 10));
        Assert.Equal(SequenceDecision.Old, Decide(0, 10));
    }

    [Fact]
    public void ABatchThatCutsAcrossWhatWasStoredIsOld()
    {
        Store(0, 10);
        Assert.Equal(SequenceDecision.Old, Decide(0, 11));
        Assert.Equal(SequenceDecision.Old, Decide(5, 10));
    }

    [Fact]
    public void AnOlderEpochIsFencedAndANewOneBeginsAtZero()
    {
        Store(0, 10, epoch: 3);
        Assert.Equal(SequenceDecision.Fenced, Decide(10, 1, epoch: 2));
        Assert.Equal(SequenceDecision.Gap, Decide(10, 1, epoch: 4));
        Assert.Equal(SequenceDecision.New, Decide(0, 10, epoch: 4));
        Store(0, 10, epoch: 4);
        Assert.Equal(SequenceDecision.Duplicate, Decide(0, 10, epoch: 4));
        Assert.Equal(SequenceDecision.Fenced, Decide(0, 10, epoch: 3));
    }

    [Fact]
    public void AfterTheGreatestSequenceComesZero()
    {
        Store(int.MaxValue - 4, 5);
        Assert.Equal(SequenceDecision.New, Decide(0, 1));
        Store(0, 8);
        Assert.Equal(SequenceDecision.New, Decide(8, 1));
        Assert.Equal(SequenceDecision.Duplicate, Decide(int.MaxValue - 4, 5));
        Assert.Equal(SequenceDecision.Old, Decide(int.MaxValue - 5, 1));
    }

    [Fact]
    public void ABatchMayCrossTheGreatestSequence()
    {
        Store(int.MaxValue - 1, 4);
        Assert.Equal(SequenceDecision.New, Decide(2, 1));
    }

    [Fact]
    public void TheProducerSeenLongestAgoIsForgottenAtTheBound()
    {
        var small = new ProducerTable(maxProducers: 2);
        small.Apply(At(0, id: 1), 1, 0, 1, 0);
        small.Apply(At(0, id: 2), 1, 1, 1, 0);
        small.Apply(At(1, id: 1), 1, 2, 1, 0);
        small.Apply(At(0, id: 3), 1, 3, 1, 0);
        Assert.Equal(2, small.Count);
        Assert.Equal(SequenceDecision.Duplicate, small.Decide(At(1, id: 1), 1, out _));
        Assert.Equal(SequenceDecision.New, small.Decide(At(9, id: 2), 1, out _));
        Assert.Equal(SequenceDecision.Unknown, small.Decide(At(9, id: 4), 1, out _));
    }

    [Fact]
    public void AProducerNotSeenForAWeekIsForgotten()
    {
        Store(0, 1, id: 1, atMs: 0);
        Store(0, 1, id: 2, atMs: 10);
        Assert.Equal(0, table.Expire(ProducerTable.DefaultMaxAgeMs - 1));
        Assert.Equal(1, table.Expire(ProducerTable.DefaultMaxAgeMs));
        Assert.Equal(SequenceDecision.Gap, Decide(5, 1, id: 2));
        Assert.Equal(SequenceDecision.New, Decide(1, 1, id: 1));
    }

    [Fact]
    public void WhatWasCutFromTheLogIsNotRemembered()
    {
        Store(0, 10, offset: 100);
        Store(10, 10, offset: 110);
        Store(0, 1, offset: 120, id: 2);
        table.ClampTo(110);
        Assert.Equal(SequenceDecision.New, Decide(10, 10));
        Assert.Equal(1, table.Count);
        Assert.Equal(SequenceDecision.New, Decide(1, 1, id: 2));
    }

    private const string Golden = """
        02 FFFFFFFFFFFFFFFF 01000000
          0700000000000000 FEFFFFFF 6300000000000000
          02000000
            00000000 0A000000 F401000000000000 09000000
            0A000000 01000000 FD01000000000000 01000000
        """;

    [Fact]
    public void ATableIsSavedAsDrawn()
    {
        table.Apply(At(0, -2, 7), 10, 500, 9, 98);
        table.Apply(At(10, -2, 7), 1, 509, 1, 99);
        Assert.Equal(State.Hex(Golden), State.Of(table.Save));
        Assert.Equal(State.Hex(Golden), State.Of(Reload(table).Save));
    }

    [Fact]
    public void WhoWasForgottenIsSaved()
    {
        Store(0, 1, id: 3);
        table.Expire(ProducerTable.DefaultMaxAgeMs);

        var loaded = Reload(table);

        Assert.Equal(State.Hex("02 0300000000000000 00000000"), State.Of(loaded.Save));
        Assert.Equal(SequenceDecision.New, loaded.Decide(At(1, id: 3), 1, out _));
        Assert.Equal(SequenceDecision.Unknown, loaded.Decide(At(1, id: 4), 1, out _));
    }

    /// <summary>An earlier release did not write down whether it forgot anybody.</summary>
    [Fact]
    public void ATableOfTheFirstVersionIsReadAndItsUnknownProducersMayBeginAnywhere()
    {
        var reader = new StateReader(Convert.FromHexString(State.Hex("01 01000000 0700000000000000 00000000 6300000000000000 01000000 00000000 0A000000 F401000000000000 0A000000")));

        var loaded = ProducerTable.Load(ref reader);

        Assert.Equal(SequenceDecision.Duplicate, loaded.Decide(At(0, id: 7), 10, out _));
        Assert.Equal(SequenceDecision.New, loaded.Decide(At(4, id: 8), 1, out _));
    }

    [Fact]
    public void EveryTruncationIsRefused()
    {
        Store(0, 10);
        var bytes = State.Bytes(table.Save);
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<StateFormatException>(() =>
            {
                var reader = new StateReader(bytes.AsSpan(0, length));
                ProducerTable.Load(ref reader);
            });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void EveryHistoryAgreesWithAFullMemory(int seed)
    {
        var random = new Random(seed);
        var (current, stored) = (table, new Dictionary<long, (short Epoch, List<(int Sequence, int Count, long Offset)> Batches)>());
        for (var step = 0; step < 3000; step++)
        {
            if (random.Next(100) == 0)
                current = Reload(current);
            var id = random.NextInt64(1, 6);
            var known = stored.TryGetValue(id, out var producer);
            var last = known ? producer.Batches[^1] : (Sequence: int.MaxValue, Count: 1, Offset: 0L);
            var next = (int)(((long)last.Sequence + last.Count) % (1L << 31));
            var epoch = (short)((known ? producer.Epoch : 0) + (random.Next(12) == 0 ? random.Next(-1, 2) : 0));
            var again = known ? producer.Batches[random.Next(Math.Max(0, producer.Batches.Count - 8), producer.Batches.Count)] : last;
            var (sequence, count) = random.Next(5) switch { < 2 => (next, random.Next(1, 9)), 2 => (again.Sequence, again.Count), 3 => (0, 3), _ => (int)Math.Min(int.MaxValue, (long)next + 2) is var far ? (far, 1) : default };
            var wanted = Wanted(known, producer.Epoch, producer.Batches, epoch, sequence, count, next);
            Assert.Equal(wanted, current.Decide(At(sequence, epoch, id), count, out _));
            if (wanted != SequenceDecision.New)
                continue;
            current.Apply(At(sequence, epoch, id), count, step, count, step);
            if (!known || producer.Epoch != epoch)
                stored[id] = producer = (epoch, []);
            producer.Batches.Add((sequence, count, step));
        }
    }

    private static SequenceDecision Wanted(bool known, short knownEpoch, List<(int Sequence, int Count, long Offset)> batches, short epoch, int sequence, int count, int next)
    {
        if (!known)
            return sequence == 0 ? SequenceDecision.New : SequenceDecision.Unknown;
        if (epoch != knownEpoch)
            return epoch < knownEpoch ? SequenceDecision.Fenced : sequence == 0 ? SequenceDecision.New : SequenceDecision.Gap;
        if (batches.TakeLast(5).Any(b => b.Sequence == sequence && b.Count == count))
            return SequenceDecision.Duplicate;
        if (sequence == next)
            return SequenceDecision.New;
        var ahead = ((long)sequence - next + (1L << 31)) % (1L << 31);
        return ahead < 1L << 30 ? SequenceDecision.Gap : SequenceDecision.Old;
    }

    private static ProducerTable Reload(ProducerTable table)
    {
        var reader = new StateReader(State.Bytes(table.Save));
        return ProducerTable.Load(ref reader);
    }
}

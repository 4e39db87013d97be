using System.Globalization;
using System.Text;
using OrleansMq.Core.Cursors;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Core.Tests.Partitions;

/// <summary>Keys that wait for their dead letters: what is known, and what happens beyond the limit.</summary>
public sealed class HeldKeyTests
{
    private static readonly LogIdentity Log = new(7, Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), 1);
    private static readonly PartitionLimits Limits = new() { TokenCount = 100, TokenAgeMs = 10_000 };
    private static readonly Redelivery Rules = new(3, 0);

    private readonly FrameBuffer _frames = new(Log, 1);
    private readonly Partition _partition = new(Log, Limits, 0);
    private readonly PartitionGroup _group;
    private readonly List<RecordView> _records = [];

    public HeldKeyTests()
    {
        _group = _partition.AddGroup("g", Guid.NewGuid(), GroupFlags.ByKey, 0, 1, _frames);
        _group.SetRules(Rules, DeliveryOrder.OfLane, holdKeys: true);
    }

    [Fact]
    public void ALetterHoldsItsKeyUntilItIsGone()
    {
        Append("a", "a", "b");
        Bury(Receive(1));

        Assert.Equal([2], Receive());
        _partition.Discard(_group, [0], 1, _frames);
        Assert.Equal([1], Receive());
    }

    [Fact]
    public void TwoLettersOfAKeyHoldItUntilBothAreGone()
    {
        Append("a", "a", "a");
        Bury([0]);
        Bury([1]);

        _partition.Discard(_group, [0], 1, _frames);
        Assert.Empty(Receive());
        _partition.Discard(_group, [1], 1, _frames);
        Assert.Equal([2], Receive());
    }

    [Fact]
    public void ALetterWithoutAKeyHoldsNothing()
    {
        Append("", "");
        Bury([0]);
        Assert.Equal([1], Receive());
    }

    [Fact]
    public void NothingIsGrantedUntilTheLettersThatWereThereAreKnown()
    {
        Append("a", "a", "b");
        Bury(Receive(1));
        _group.SetRules(Rules, DeliveryOrder.OfLane, holdKeys: false);
        _group.SetRules(Rules, DeliveryOrder.OfLane, holdKeys: true);

        Assert.True(_group.WantsLetters);
        Assert.Empty(Receive());
        var (redriven, item) = Assert.Single(_group.UnknownLetters());
        _group.Held!.Add(redriven, item.Offset, KeyHash.Of("a"u8));
        _group.Held.Know();

        Assert.False(_group.WantsLetters);
        Assert.Equal([2], Receive());
    }

    /// <summary>Order before progress: nothing is skipped and nothing grows without bound; the group goes on when letters are settled or discarded.</summary>
    [Fact]
    public void WithTooManyLettersTheMainLaneStands()
    {
        Append([.. Enumerable.Range(0, HeldKeys.MaxLetters + 3).Select(i => "k" + i.ToString(CultureInfo.InvariantCulture))]);
        Append("k1", "k2", "free");
        for (var at = 0; at < HeldKeys.MaxLetters; at += 1_000)
            Bury([.. Enumerable.Range(at, 1_000).Select(i => (long)i)]);
        Assert.Equal([10_000], Receive(1));

        Bury([10_000]);

        Assert.Empty(Receive());
        Assert.False(_group.WantsLetters);
        Assert.False(_group.Held!.IsKnown);
        Assert.Equal(HeldKeys.MaxLetters + 1, _group.DeadLetters.Count);

        _partition.Discard(_group, [1], 1, _frames);
        Assert.True(_group.WantsLetters);
        Assert.Empty(Receive());
        foreach (var (redriven, item) in _group.UnknownLetters().ToList())
            _group.Held.Add(redriven, item.Offset, KeyHash.Of(_records[(int)item.Offset].Key.Span));
        _group.Held.Know();
        Assert.Equal([10_001, 10_002, 10_003, 10_005], Receive());
    }

    /// <summary>What waits counts in the window: when it is full of held keys, other keys wait too.</summary>
    [Fact]
    public void AHeldKeysBacklogFillsTheWindow()
    {
        Append([.. Enumerable.Repeat("a", DeliveryWindowSize), "b"]);
        Bury(Receive(1));
        // The dead one has made room for one more, and that is b.
        Assert.Equal([DeliveryWindowSize], Receive());
        Append("a", "c");

        Assert.Empty(Receive());
        _partition.Discard(_group, [0], 1, _frames);
        Assert.Equal([1], Receive());
    }

    private const int DeliveryWindowSize = 16_384;

    private void Append(params string[] keys)
    {
        foreach (var some in keys.Chunk(1_000))
        {
            var builder = new RecordBatchBuilder(1024);
            foreach (var key in some)
                builder.Append(1000, Encoding.UTF8.GetBytes(key), key.Length > 0, "value"u8, true);
            var batch = RecordBatch.ReadExactly(builder.ToArray());
            _partition.Append(new AdmissibleBatch(batch, null, null), null, 1, _frames);
            foreach (var record in batch.Records())
                _records.Add(record);
        }
    }

    private List<long> Receive(int max = 100)
    {
        while (_group.Main!.WantsTraits(_partition.End, out var from, out var count))
            _group.Main.Offer(from, [.. _records.Skip((int)from).Take(count).Select(record => new MessageTraits(record.HasKey ? KeyHash.Of(record.Key.Span) : 0, 0, 1, 4))]);
        var leases = new List<GrantedLease>();
        _partition.Lease(_group, new LeaseTerms("c", max, 1, 1_000, 1), _partition.End, _group.RedrivenLane.End, _frames, leases);
        return leases.ConvertAll(lease => lease.Offset);
    }

    private void Bury(List<long> offsets) =>
        _partition.MoveToDeadLetters(_group, offsets.ConvertAll(offset => new DeadLetterMove(Lane.Main, offset, _records[(int)offset], "poison", 1)), 1, _frames);
}

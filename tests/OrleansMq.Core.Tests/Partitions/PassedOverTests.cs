using System.Globalization;
using OrleansMq.Core.Cursors;
using OrleansMq.Core.Filters;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Core.Tests.Partitions;

/// <summary>A group's cursor with a filter: what is granted, what is passed over and at which price, and what survives.</summary>
public sealed class PassedOverTests
{
    private static readonly LogIdentity Log = new(7, Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), 1);
    private static readonly PartitionLimits Limits = new() { TokenCount = 100, TokenAgeMs = 10_000 };
    private static readonly Redelivery Rules = new(3, 0);

    private readonly FrameBuffer _frames = new(Log, 1);
    private readonly List<RecordView> _records = [];
    private Partition _partition = new(Log, Limits, 0);

    public PassedOverTests()
    {
        _partition.AddGroup("g", Guid.NewGuid(), GroupFlags.None, 0, 1, _frames);
        Filter("n > 0");
    }

    private PartitionGroup Group => _partition.FindGroup(1)!;

    [Fact]
    public void NothingIsGrantedThatWasNotLookedAt()
    {
        Append(1, 2);

        Assert.Empty(Lease());
        Look();
        Assert.Equal([0, 1], Lease());
        Append(3);
        Assert.Empty(Lease());
    }

    [Fact]
    public void TheCursorMovesOverWhatDoesNotMatch()
    {
        Append(0, 0, 1, 0, 2, 0);
        Look();

        Assert.Equal((2, 2, 4), (Group.Floor, Group.Lag(_partition.End), Group.PassedOver));
        Settle(Lease());
        Assert.Equal((6, 0), (Group.Floor, Group.Lag(_partition.End)));
    }

    /// <summary>The price in the log: an entry for each run, of which there is at most one more than of messages that match; a backlog of one run costs one.</summary>
    [Theory]
    [InlineData(10_000, 0, 1)]
    [InlineData(10_000, 5_000, 2)]
    [InlineData(100, 2, 50)]
    public void ARunOfThemIsOneEntry(int messages, int everyMatches, int entries)
    {
        Append([.. Enumerable.Range(0, messages).Select(i => everyMatches > 0 && i % everyMatches == 0 ? 1 : 0)]);
        var before = _frames.Seal().ToArray();
        Look();

        Assert.Equal(entries, Entries(_frames.Seal().ToArray(), before.Length).Count(entry => entry.Kind == EntryKind.PassedOver));
        Assert.Equal(everyMatches == 0 ? messages : messages - (messages / everyMatches), Group.PassedOver);
    }

    [Fact]
    public void WhatWasGrantedIsNotPassedOverByALaterFilter()
    {
        Append(1, 1, 0);
        Look();
        var granted = Lease(1);
        Filter("n = 5");
        Look();

        Assert.Equal([0], granted);
        Assert.Equal((2, 0, 1), (Group.PassedOver, Group.Floor, Group.Lag(_partition.End)));
        _partition.Redeliver(Group, Lane.Main, 0, 1, _frames);
        Assert.Equal([0], Lease());
    }

    [Fact]
    public void WhatMatchedAndWasNotGrantedIsLookedAtAnewWhenTheFilterChanges()
    {
        Append(1, 2);
        Look();
        Filter("n = 2");

        Assert.Empty(Lease());
        Look();
        Assert.Equal([1], Lease());
    }

    [Fact]
    public void WithoutAFilterAllThatIsLeftIsGranted()
    {
        Append(0, 1);
        Look();
        Append(0);
        Filter(null);

        Assert.False(Group.Main!.WantsTraits(_partition.End, out _, out _));
        Assert.Equal([1, 2], Lease());
    }

    [Fact]
    public void ASeekBringsBackWhatWasPassedOver()
    {
        Append(0, 1);
        Look();
        _partition.Seek(Group, 0, 1, _frames);
        Filter("n = 0");

        Assert.Empty(Lease());
        Look();
        Assert.Equal([0], Lease());
    }

    [Fact]
    public void ASnapshotKeepsWhatWasPassedOverAndHowMany()
    {
        Append(0, 1, 0, 2);
        Look();
        Settle(Lease(1));
        var bytes = State.Bytes(_partition.Save);

        _partition = Partition.Load(Log, Limits, bytes, 0);
        Filter("n > 0");
        Group.Main!.ReplayEnded();

        Assert.Equal((3, 2, 1), (Group.Floor, Group.PassedOver, Group.Lag(_partition.End)));
        Assert.Equal(bytes, State.Bytes(_partition.Save));
        Look();
        Assert.Equal([3], Lease());
        Assert.Equal(2, Group.PassedOver);
    }

    [Fact]
    public void AStaleLookSaysNothingTwice()
    {
        Append(0, 1, 0);
        MessageTraits[] traits = [Traits(0), Traits(1), Traits(2)];
        for (var again = 0; again < 2; again++)
        {
            _partition.PassOver(Group, 0, traits, 1, _frames);
            Group.Main!.Offer(0, traits);
        }

        Assert.Equal((2, 1, 1), (Group.PassedOver, Group.Floor, Group.Lag(_partition.End)));
    }

    private void Filter(string? text)
    {
        Group.SetRules(Rules, DeliveryOrder.OfLane, filter: text is null ? null : MessageFilter.Parse(text));
    }

    private void Append(params int[] numbers)
    {
        foreach (var some in numbers.Chunk(1_000))
        {
            var builder = new RecordBatchBuilder(1024);
            foreach (var number in some)
                builder.Append(1000, default, false, "value"u8, true, [RecordHeader.OfText("n", number.ToString(CultureInfo.InvariantCulture))]);
            var batch = RecordBatch.ReadExactly(builder.ToArray());
            _partition.Append(new AdmissibleBatch(batch, null, null), null, 1, _frames);
            foreach (var record in batch.Records())
                _records.Add(record);
        }
    }

    /// <summary>As the engine does.</summary>
    private void Look()
    {
        while (Group.Main!.WantsTraits(_partition.End, out var from, out var count, further: true))
        {
            MessageTraits[] traits = [.. Enumerable.Range(0, count).Select(i => Traits(from + i))];
            _partition.PassOver(Group, from, traits, 1, _frames);
            Group.Main.Offer(from, traits);
        }
    }

    private MessageTraits Traits(long offset) => new(0, 0, 1, 4, IsPassedOver: !Group.Main!.Filter!.Begin(1).Matches(_records[(int)offset]));

    private List<long> Lease(int max = 100)
    {
        var leases = new List<GrantedLease>();
        _partition.Lease(Group, new LeaseTerms("c", max, 1, 1_000, 1), _partition.End, Group.RedrivenLane.End, _frames, leases);
        return leases.ConvertAll(lease => lease.Offset);
    }

    private void Settle(List<long> offsets) => offsets.ForEach(offset => Assert.Null(_partition.Acknowledge(Group, new LeaseId(1, Lane.Main, Group.GrantEpoch(1), offset, 1), 1, _frames)));

    private static List<Entry> Entries(byte[] frames, int from)
    {
        var entries = new List<Entry>();
        for (var at = from; at < frames.Length;)
        {
            Assert.True(FrameHeader.TryRead(frames.AsSpan(at), out var header));
            ReadOnlySpan<byte> payload = frames.AsSpan(at + FrameHeader.Size, header.PayloadLength);
            while (header.Kind == FrameKind.Entries && !payload.IsEmpty)
            {
                Assert.True(EntryCodec.TryRead(ref payload, out var entry));
                entries.Add(entry);
            }

            at += header.TotalLength;
        }

        return entries;
    }
}

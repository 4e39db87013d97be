using OrleansMq.Core.Half;
using OrleansMq.Core.Snapshots;
using Xunit;

namespace OrleansMq.Core.Tests.Half;

/// <summary>Checks come at times that follow from a half message's birth; decisions are remembered for a while; the lane's form never changes.</summary>
public sealed class HalfLaneTests
{
    private static readonly HalfSchedule Pay = new("pay", 10, 60, 3);
    private readonly HalfLane _lane = new();

    [Fact]
    public void ChecksFollowFromTheBirth()
    {
        Assert.Equal([0, 1, 1, 2, 3, 3], new long[] { 1_009, 1_010, 1_069, 1_070, 1_130, 9_999 }.Select(now => Pay.Checks(1_000, now)));
        Assert.Equal([1_010, 1_070, 1_130, long.MaxValue], Enumerable.Range(0, 4).Select(checks => Pay.NextCheckMs(1_000, checks)));
        Assert.Equal(1_190, Pay.TimeOutMs(1_000));
    }

    [Fact]
    public void EachCheckIsHandedOutOnce()
    {
        _lane.ApplyAdded(0, 100, 1_000, Pay);
        _lane.ApplyAdded(1, 200, 1_000, Pay with { Group = "ship" });

        Assert.Empty(Taken(1_009));
        Assert.Equal([0], Taken(1_010));
        Assert.Empty(Taken(1_069));
        Assert.Equal([0], Taken(1_200));
        Assert.Empty(Taken(9_999));
    }

    [Fact]
    public void WhatTimesOutIsTakenOnceAndNotCheckedAgain()
    {
        _lane.ApplyAdded(0, 100, 1_000, Pay);
        Assert.Equal(1_190, _lane.NextTimeOutMs);
        var late = new List<long>();
        _lane.SelectTimedOut(1_189, 10, late);
        Assert.Empty(late);
        _lane.SelectTimedOut(1_190, 10, late);
        Assert.Equal([0], late);

        _lane.ApplyTimedOut(0);

        Assert.Null(_lane.NextTimeOutMs);
        Assert.Empty(Taken(1_200));
        Assert.Equal((1, 100), (_lane.Count, _lane.LeastPosition));
    }

    [Fact]
    public void NothingTimesOutBeforeItCouldBeAskedAfterAnOpening()
    {
        _lane.ApplyAdded(0, 100, 1_000, Pay);

        _lane.OpenedAtMs = 5_000;

        Assert.Equal(5_060, _lane.NextTimeOutMs);
        Assert.Equal([0], Taken(5_000));
        var late = new List<long>();
        _lane.SelectTimedOut(5_059, 10, late);
        Assert.Empty(late);
        _lane.SelectTimedOut(5_060, 10, late);
        Assert.Equal([0], late);
    }

    [Fact]
    public void OldDecisionsAreForgotten()
    {
        for (var offset = 0; offset < 3; offset++)
            _lane.ApplyAdded(offset, 100, 1_000, Pay);
        _lane.ApplyDecided(0, 7, 1_000);
        _lane.ApplyDecided(1, -1, 2_000);
        Assert.True(_lane.TryFindDecided(0, out var main) && main == 7);

        _lane.ApplyDecided(2, 8, 1_000 + HalfLane.DecidedAgeMs);

        Assert.False(_lane.TryFindDecided(0, out _));
        Assert.True(_lane.TryFindDecided(1, out main) && main == -1);
        Assert.Equal((0, long.MaxValue), (_lane.Count, _lane.LeastPosition));
    }

    [Fact]
    public void ADecisionOfAMessageThatIsNotHereTakesItsOffset()
    {
        _lane.ApplyDecided(4, 7, 1_000);

        Assert.Equal(5, _lane.End);
        Assert.Equal(State.Of(_lane.Save), State.Of(Loaded(State.Bytes(_lane.Save)).Save));
    }

    private const string Golden = """
        01 0300000000000000
        01000000
          0100000000000000 C800000000000000 E803000000000000 0A00000000000000 3C00000000000000 03000000 01 0300 706179
        02000000
          0000000000000000 D007000000000000 0700000000000000
          0200000000000000 B80B000000000000 FFFFFFFFFFFFFFFF
        """;

    [Fact]
    public void TheLaneIsSavedAndReadAsDrawn()
    {
        _lane.ApplyAdded(0, 100, 1_000, Pay);
        _lane.ApplyAdded(1, 200, 1_000, Pay);
        _lane.ApplyAdded(2, 300, 1_000, Pay);
        _lane.ApplyTimedOut(1);
        _lane.ApplyDecided(0, 7, 2_000);
        _lane.ApplyDecided(2, -1, 3_000);

        Assert.Equal(State.Hex(Golden), State.Of(_lane.Save));
        Assert.Equal(State.Hex(Golden), State.Of(Loaded(Convert.FromHexString(State.Hex(Golden))).Save));
    }

    [Fact]
    public void EveryTruncationAndEveryChangedByteIsRefusedOrReadAsSomeState()
    {
        var bytes = Convert.FromHexString(State.Hex(Golden));
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<StateFormatException>(() => Loaded(bytes[..length]));
        for (var at = 0; at < bytes.Length; at++)
            foreach (var value in new byte[] { 0, 1, 0x7F, 0x80, 0xFF })
            {
                var changed = bytes.ToArray();
                changed[at] = value;
                if (Record.Exception(() => Loaded(changed)) is { } thrown and not StateFormatException)
                    Assert.Fail($"byte {at} = {value}: {thrown}");
            }
    }

    private static HalfLane Loaded(byte[] bytes)
    {
        var reader = new StateReader(bytes);
        return HalfLane.Load(ref reader);
    }

    private List<long> Taken(long now)
    {
        var taken = new List<Undecided>();
        _lane.TakeChecks("pay", now, 10, long.MaxValue, taken);
        return taken.ConvertAll(item => item.Offset);
    }
}

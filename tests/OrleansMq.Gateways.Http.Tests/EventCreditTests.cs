using OrleansMq.Conformance;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>What a stream may still send.</summary>
public sealed class EventCreditTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly StreamedGroup Group = new(null, "orders", "g");

    private readonly ManualTime _clock = new();

    [Fact]
    public void WhatIsHeldIsFreeAgainWhenItLapses()
    {
        var credit = Two();
        Assert.Equal(0, credit.Free);
        _clock.Advance(Minute - TimeSpan.FromTicks(1));
        Assert.Equal(0, credit.Free);
        _clock.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(2, credit.Free);
    }

    [Fact]
    public void WhatHasLapsedOrIsSettledIsHeldNoMore()
    {
        var credit = Two();
        credit.Take(Lease(2), Minute * 2); // each by its own time
        credit.Give(Lease(0));
        Assert.Equal((false, true, true, false), (credit.Holds(Lease(0)), credit.Holds(Lease(1)), credit.Holds(Lease(2)), credit.Holds(Lease(9))));
        _clock.Advance(Minute);
        Assert.Equal((false, true), (credit.Holds(Lease(1)), credit.Holds(Lease(2))));
    }

    [Fact]
    public void AnExtensionHoldsItLonger()
    {
        var credit = Two();
        _clock.Advance(Minute / 2);
        credit.Extend(Lease(0), Minute);
        credit.Extend(Lease(9), Minute); // another stream's
        _clock.Advance(Minute / 2);
        Assert.Equal(1, credit.Free);
        _clock.Advance(Minute / 2);
        Assert.Equal(2, credit.Free);
    }

    [Fact]
    public void WhatIsSettledUpToAPositionIsFree()
    {
        var credit = new EventCredit(5, _clock);
        foreach (var lease in (LeaseId[])[new(0, 0, 1, 3, 1), new(0, 0, 1, 4, 1), new(0, 0, 1, 5, 1), new(1, 0, 1, 3, 1), new(0, 1, 1, 3, 1)])
            credit.Take(lease, Minute);
        credit.GiveUpTo(new Position(0, 4));
        Assert.Equal(2, credit.Free); // of the same partition, and of no redriven message
    }

    [Fact]
    public async Task WhoWaitsIsWokenByWhatIsGivenBack()
    {
        var credit = Two();
        var waiting = credit.WaitForMore(TimeSpan.FromSeconds(10), CancellationToken.None);
        Assert.False(waiting.IsCompleted);
        credit.Give(Lease(9)); // nobody's here
        Assert.False(waiting.IsCompleted);
        credit.Give(Lease(1));
        await waiting;
        Assert.Equal(1, credit.Free);
    }

    [Fact]
    public async Task WhoWaitsIsWokenByALapse()
    {
        var credit = Two();
        var waiting = credit.WaitForMore(TimeSpan.FromHours(1), CancellationToken.None);
        _clock.Advance(Minute);
        await waiting;
        Assert.Equal(2, credit.Free);
    }

    [Fact]
    public void StreamsAreToldOfTheirOwnGroupOfTheirOwnTenant()
    {
        var streams = new EventStreams(2);
        var credit = streams.Open(Group, 1);
        credit.Take(Lease(0), TimeSpan.FromHours(1));
        foreach (var other in (StreamedGroup[])[Group with { Tenant = "acme" }, Group with { Topic = "x" }, Group with { Group = "x" }])
            streams.Settled(other, Settlement.Acknowledge([Lease(0)]), [new(Lease(0), null)]);
        Assert.Equal(0, credit.Free);
        streams.Settled(Group, Settlement.Extend([Lease(0)], Minute), [new(Lease(0), null)]);
        Assert.Equal(0, credit.Free);
        streams.Settled(Group, Settlement.Extend([Lease(0)], Minute), [new(Lease(0), ErrorCodes.LeaseLapsed)]);
        Assert.Equal(1, credit.Free);
    }

    [Fact]
    public void StreamsBeyondTheLimitAreRefusedUntilOneCloses()
    {
        var streams = new EventStreams(1);
        var first = streams.Open(Group, 1);
        Assert.Equal(ErrorCodes.Overloaded, Assert.Throws<MqException>(() => streams.Open(Group, 1)).Code);
        streams.Close(Group, first);
        streams.Open(Group, 1);
    }

    private EventCredit Two()
    {
        var credit = new EventCredit(2, _clock);
        credit.Take(Lease(0), Minute);
        credit.Take(Lease(1), Minute);
        return credit;
    }

    private static LeaseId Lease(long offset) => new(0, 0, 1, offset, 1);
}

using OrleansMq.Core.Cursors;
using Xunit;

namespace OrleansMq.Core.Tests.Cursors;

public sealed class QueueCursorTests
{
    private const long LeaseMs = 1000;
    private readonly QueueCursor cursor = new(0, new Redelivery(3, 100, 500));

    private List<GrantRange> Receive(long nowMs, int max, long laneEnd, string consumer = "a", int epoch = 1)
    {
        var ranges = new List<GrantRange>();
        cursor.Lapse(nowMs);
        cursor.Select(nowMs, max, laneEnd, ranges);
        foreach (var range in ranges)
            cursor.ApplyGranted(range, nowMs + LeaseMs, epoch, consumer);
        return ranges;
    }

    private LeaseState Check(long offset, int delivery, long nowMs, int epoch = 1) => cursor.Check(new LeaseId(0, 0, epoch, offset, delivery), nowMs);

    [Fact]
    public void FreshMessagesAreGrantedAsOneRangeInOrder()
    {
        Assert.Equal([new GrantRange(0, 4, 1)], Receive(0, 4, 10));
        Assert.Equal([new GrantRange(4, 6, 1)], Receive(0, 100, 10));
        Assert.Empty(Receive(0, 100, 10));
        Assert.Equal(10, cursor.InFlight);
    }

    [Fact]
    public void SelectingChangesNothing()
    {
        Receive(0, 2, 10);
        cursor.ApplyReturned(1, 50);
        List<GrantRange> once = [], again = [];
        cursor.Select(60, 5, 10, once);
        cursor.Select(60, 5, 10, again);
        Assert.Equal([new GrantRange(1, 1, 2), new GrantRange(2, 4, 1)], once);
        Assert.Equal(once, again);
    }

    [Fact]
    public void TheFloorIsTheLowestUnsettledMessage()
    {
        Receive(0, 10, 10);
        cursor.ApplySettled(1, 2);
        Assert.Equal(0, cursor.Floor);
        Assert.Equal(8, cursor.Unsettled(10));
        cursor.ApplySettled(0, 1);
        Assert.Equal(3, cursor.Floor);
        Assert.Equal(7, cursor.Unsettled(10));
    }

    [Fact]
    public void ARefusedMessageComesBackWhenItIsDueAndBeforeFreshOnes()
    {
        Receive(0, 3, 10);
        cursor.ApplyReturned(1, 100);
        Assert.Equal([new GrantRange(3, 1, 1)], Receive(99, 1, 10));
        Assert.Equal([new GrantRange(1, 1, 2), new GrantRange(4, 1, 1)], Receive(100, 2, 10));
    }

    [Fact]
    public void ALapsedLeaseComesBackAfterTheBackoff()
    {
        Receive(0, 2, 2);
        Assert.Equal(1000, cursor.NextDeadline);
        Assert.Equal(0, cursor.Lapse(999));
        Assert.Equal(2, cursor.Lapse(1000));
        Assert.Equal(1100, cursor.NextDeadline);
        Assert.Empty(Receive(1099, 5, 2));
        Assert.Equal([new GrantRange(0, 2, 2)], Receive(1100, 5, 2));
    }

    [Fact]
    public void WhenItLapsesDoesNotDependOnWhenItIsNoticed()
    {
        Receive(0, 1, 1);
        Assert.Equal(1, cursor.Lapse(50_000));
        Assert.Equal([new GrantRange(0, 1, 2)], Receive(50_000, 1, 1));
    }

    [Fact]
    public void AMessageThatHadAllItsDeliveriesIsOnlyForTheDeadLetters()
    {
        for (var (delivery, now) = (1, 0L); delivery <= 3; delivery++, now += 10_000)
            Assert.Equal([new GrantRange(0, 1, delivery)], Receive(now, 1, 1));
        cursor.ApplyReturned(0, 90_000);
        Assert.Empty(Receive(1_000_000, 1, 1));
        var exhausted = new List<long>();
        Assert.Equal(1, cursor.SelectExhausted(10, exhausted));
        Assert.Equal([0], exhausted);
        cursor.ApplySettled(0, 1);
        Assert.Equal((1, 0, 0), (cursor.Floor, cursor.Exhausted, cursor.Returned));
    }

    [Fact]
    public void MoreDeliveriesReviveAnExhaustedMessage()
    {
        cursor.Rules = new Redelivery(1, 0);
        Receive(0, 1, 1);
        cursor.ApplyReturned(0, 5);
        Assert.Equal(1, cursor.Exhausted);
        cursor.Rules = new Redelivery(2, 0);
        Assert.Equal([new GrantRange(0, 1, 2)], Receive(5, 1, 1));
    }

    [Fact]
    public void ALeaseIsHeldUntilItsEndAndNoLonger()
    {
        Receive(0, 1, 5);
        Assert.Equal(LeaseState.Held, Check(0, 1, 999));
        Assert.Equal(LeaseState.Lapsed, Check(0, 1, 1000));
    }

    [Fact]
    public void ALeaseOfAnotherDeliveryOrEpochHasLapsed()
    {
        Receive(0, 1, 5);
        Receive(1100, 1, 1, "b");
        Assert.Equal(LeaseState.Lapsed, Check(0, 1, 1200));
        Assert.Equal(LeaseState.Held, Check(0, 2, 1200));
        Assert.Equal(LeaseState.Lapsed, Check(0, 2, 1200, epoch: 7));
    }

    [Fact]
    public void ALeaseThatWasNeverGrantedOrIsSettledIsUnknown()
    {
        Receive(0, 2, 5);
        cursor.ApplySettled(1, 1);
        Assert.Equal(LeaseState.Unknown, Check(1, 1, 10));
        Assert.Equal(LeaseState.Unknown, Check(4, 1, 10));
        Assert.Equal(LeaseState.Unknown, Check(400, 1, 10));
    }

    [Fact]
    public void ARefusedLeaseHasLapsedForWhoRefusedIt()
    {
        Receive(0, 1, 1);
        cursor.ApplyReturned(0, 0);
        Assert.Equal(LeaseState.Lapsed, Check(0, 1, 10));
    }

    [Fact]
    public void ExtendingOneLeaseLeavesTheOthersOfItsGrant()
    {
        Receive(0, 3, 3);
        cursor.ApplyExtended(1, 5000);
        Assert.Equal(2, cursor.Lapse(1000));
        Assert.Equal(LeaseState.Held, Check(1, 1, 4999));
        Assert.Equal(1, cursor.Lapse(5000));
    }

    [Fact]
    public void NeighboursExtendedToDifferentTimesEndAtTheirs()
    {
        Receive(0, 4, 4);
        cursor.ApplyExtended(0, 5000);
        cursor.ApplyExtended(1, 5000);
        cursor.ApplyExtended(2, 7000);
        Assert.Equal(1, cursor.Lapse(1000));
        Assert.Equal(2, cursor.Lapse(5000));
        Assert.Equal(LeaseState.Held, Check(2, 1, 6999));
        Assert.Equal(1, cursor.Lapse(7000));
    }

    [Fact]
    public void AShortenedLeaseEndsSooner()
    {
        Receive(0, 1, 1);
        cursor.ApplyExtended(0, 10);
        Assert.Equal(10, cursor.NextDeadline);
        Assert.Equal(1, cursor.Lapse(10));
    }

    [Fact]
    public void AcknowledgingUpToTakesWhatWasDelivered()
    {
        Receive(0, 6, 20);
        cursor.ApplySettled(2, 1);
        cursor.ApplyReturned(4, 500);
        var ranges = new List<OffsetRange>();
        Assert.Equal(4, cursor.SelectUpTo(100, ranges));
        Assert.Equal([new OffsetRange(0, 2), new OffsetRange(3, 1), new OffsetRange(5, 1)], ranges);
    }

    [Fact]
    public void SeekingBackDeliversEverythingAnewAndEndsLeases()
    {
        Receive(0, 5, 10);
        cursor.ApplySettled(0, 3);
        cursor.ApplySought(1);
        Assert.Equal(LeaseState.Unknown, Check(4, 1, 10));
        Assert.Equal((1, 0, null), (cursor.Floor, cursor.InFlight, cursor.NextDeadline));
        Assert.Equal([new GrantRange(1, 9, 1)], Receive(0, 50, 10));
    }

    [Fact]
    public void WhatRetentionRemovedUnsettledIsCounted()
    {
        Receive(0, 5, 10);
        cursor.ApplySettled(1, 2);
        cursor.ApplyDropped(7);
        Assert.Equal((7, 5, 0), (cursor.Floor, cursor.Dropped, cursor.InFlight));
        Assert.Equal(LeaseState.Unknown, Check(0, 1, 10));
        Assert.Equal([new GrantRange(7, 3, 1)], Receive(0, 50, 10));
    }

    [Fact]
    public void GapsThatAreSettledBeforeDeliveryAreSteppedOver()
    {
        cursor.ApplySettled(2, 3);
        Assert.Equal([new GrantRange(0, 2, 1), new GrantRange(5, 3, 1)], Receive(0, 5, 10));
        Assert.Equal(8, cursor.Next);
    }

    [Fact]
    public void AfterAnUncleanEndTheOffsetsThatWereCutBeginAfresh()
    {
        Receive(0, 10, 10);
        cursor.ApplySettled(0, 7);
        cursor.ApplySettled(9, 1);
        cursor.ClampTo(5);
        Assert.Equal((5, 5, 0), (cursor.Floor, cursor.Next, cursor.InFlight));
        Assert.Equal([new GrantRange(5, 1, 1)], Receive(0, 10, 6));
    }

    [Fact]
    public void ReplayWithoutLapsesMeetsTheSameState()
    {
        Receive(0, 2, 2);
        Receive(2000, 2, 2, "b", epoch: 2);
        var replayed = new QueueCursor(0, cursor.Rules);
        replayed.ApplyGranted(new GrantRange(0, 2, 1), 1000, 1, "a");
        replayed.ApplyGranted(new GrantRange(0, 2, 2), 3000, 2, "b");
        Assert.Equal(State.Of(cursor.Save), State.Of(replayed.Save));
        Assert.Equal(3000, replayed.NextDeadline);
    }

    [Fact]
    public void TheHolderIsKnownAfterLoading()
    {
        Receive(0, 2, 2, "worker-7");
        var loaded = State.Reload(cursor);
        Assert.True(loaded.Holds("worker-7", 999));
        Assert.False(loaded.Holds("worker-8", 999));
        Assert.Equal("worker-7", loaded.LastHolder(999));
        Assert.Null(loaded.LastHolder(1000));
    }

    [Fact]
    public void ManyRefusalsStopFreshDeliveriesAtTheBound()
    {
        var big = new QueueCursor(0, new Redelivery(9, 1_000_000));
        for (var at = 0L; at < QueueCursor.MaxReturned; at++)
        {
            big.ApplyGranted(new GrantRange(at, 1, 1), 100, 1, "a");
            big.ApplyReturned(at, 1_000_000);
        }
        var ranges = new List<GrantRange>();
        Assert.Equal(0, big.Select(0, 10, long.MaxValue, ranges));
        big.ApplySettled(0, 1);
        Assert.Equal(10, big.Select(0, 10, long.MaxValue, ranges));
    }
}

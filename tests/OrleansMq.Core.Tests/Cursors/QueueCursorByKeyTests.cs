using OrleansMq.Core.Cursors;
using Xunit;

namespace OrleansMq.Core.Tests.Cursors;

public sealed class QueueCursorByKeyTests
{
    private readonly QueueCursor cursor = new(0, new Redelivery(3, 100), byKey: true);

    private List<long> Receive(long nowMs, int max = 100)
    {
        var ranges = new List<GrantRange>();
        cursor.Lapse(nowMs);
        cursor.Select(nowMs, max, long.MaxValue, ranges);
        foreach (var range in ranges)
            cursor.ApplyGranted(range, nowMs + 1000, 1, "a");
        return [.. ranges.SelectMany(r => Enumerable.Range(0, r.Count).Select(i => r.From + i))];
    }

    [Fact]
    public void OnlyTheFirstMessageOfAKeyIsOut()
    {
        cursor.Offer(0, [7, 7, 8, 7, 8]);
        Assert.Equal([0, 2], Receive(0));
        Assert.Empty(Receive(0));
        cursor.ApplySettled(0, 1);
        Assert.Equal([1], Receive(0));
    }

    [Fact]
    public void MessagesWithoutAKeyAreFreeOfOrder()
    {
        cursor.Offer(0, [0, 7, 0, 7, 0]);
        Assert.Equal([0, 1, 2, 4], Receive(0));
    }

    [Fact]
    public void ARefusedMessageHoldsItsKeyUntilItIsSettled()
    {
        cursor.Offer(0, [7, 7]);
        Receive(0);
        cursor.ApplyReturned(0, 50);
        Assert.Empty(Receive(49));
        Assert.Equal([0], Receive(50));
        cursor.ApplySettled(0, 1);
        Assert.Equal([1], Receive(50));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void OneThatWasSetAsideComesBackBehindALaterOneOfItsKeyThatIsOut(bool isLoaded)
    {
        cursor.Offer(0, [7, 7]);
        Receive(0);
        cursor.ApplyReturned(0, QueueCursor.DeferredMs);
        Assert.Equal([1], Receive(0));
        var after = isLoaded ? State.Reload(cursor) : cursor;

        after.ApplyReturned(0, 0);

        Assert.Empty(Select(after));
        after.Offer(0, [7]);
        Assert.Empty(Select(after));
        after.Offer(0, [7, 7]);
        Assert.Empty(Select(after));
        after.ApplySettled(1, 1);
        Assert.Equal([0], Select(after));
    }

    [Fact]
    public void WhatIsSettledUpToTheHighestThatWasOutNeedNotBeReadForOneThatComesBack()
    {
        cursor.Offer(0, [7, 7]);
        Receive(0);
        cursor.ApplyReturned(0, QueueCursor.DeferredMs);
        Receive(0);
        cursor.ApplyReturned(0, 0);
        cursor.Offer(0, [7]);
        Assert.Empty(Select(cursor));

        cursor.ApplySettled(1, 1);

        Assert.Equal([0], Select(cursor));
    }

    [Fact]
    public void AFullTableOfReturnedOnesStopsNewOnesByKeyToo()
    {
        cursor.ApplyGranted(new GrantRange(0, QueueCursor.MaxReturned, 1), 1000, 1, "a");
        for (var at = 0L; at < QueueCursor.MaxReturned; at++)
            cursor.ApplyReturned(at, QueueCursor.DeferredMs);
        Assert.True(cursor.WantsTraits(long.MaxValue, out var from, out _));
        Assert.Equal(QueueCursor.MaxReturned, from);
        cursor.Offer(from, [7, 8]);

        Assert.Empty(Select(cursor));
        cursor.ApplySettled(0, 1);

        Assert.Equal([from, from + 1], Select(cursor));
    }

    private static List<long> Select(QueueCursor cursor)
    {
        var ranges = new List<GrantRange>();
        cursor.Select(0, 100, long.MaxValue, ranges);
        return [.. ranges.SelectMany(range => Enumerable.Range(0, range.Count).Select(i => range.From + i))];
    }

    [Fact]
    public void ALapsedMessageHoldsItsKey()
    {
        cursor.Offer(0, [7, 7]);
        Receive(0);
        Assert.Empty(Receive(1050));
        Assert.Equal([0], Receive(1100));
    }

    [Fact]
    public void ADeadLetteredMessageLetsItsKeyGoOn()
    {
        cursor.Rules = new Redelivery(1, 0);
        cursor.Offer(0, [7, 7]);
        Receive(0);
        cursor.ApplyReturned(0, 0);
        Assert.Empty(Receive(10));
        cursor.ApplySettled(0, 1);
        Assert.Equal([1], Receive(10));
    }

    [Fact]
    public void LeasesKnownFromReplayHoldTheirKeysWhenOffered()
    {
        cursor.ApplyGranted(new GrantRange(0, 1, 1), 1000, 1, "a");
        cursor.ApplyGranted(new GrantRange(3, 1, 1), 1000, 1, "b");
        cursor.Offer(0, [7, 7, 8, 9, 9]);
        Assert.Equal([2], Receive(0));
    }

    [Fact]
    public void AfterLoadingEverythingFromTheFloorIsOfferedAgain()
    {
        cursor.Offer(0, [7, 7, 8, 8]);
        Receive(0);
        cursor.ApplySettled(0, 1);
        var loaded = State.Reload(cursor);
        Assert.True(loaded.WantsTraits(4, out var from, out var count));
        Assert.Equal((1, 3), (from, count));
        loaded.Offer(1, [7, 8, 8]);
        var ranges = new List<GrantRange>();
        loaded.Select(0, 10, 4, ranges);
        Assert.Equal([new GrantRange(1, 1, 1)], ranges);
    }

    [Fact]
    public void TheWindowBoundsHowFarIsReadAhead()
    {
        Assert.True(cursor.WantsTraits(1_000_000, out _, out var count));
        Assert.Equal(16_384, count);
        cursor.Offer(0, Enumerable.Repeat(7UL, count).ToArray().AsSpan());
        Assert.False(cursor.WantsTraits(1_000_000, out _, out _));
        cursor.ApplySettled(0, 10);
        Assert.True(cursor.WantsTraits(1_000_000, out var from, out count));
        Assert.Equal((16_384, 10), (from, count));
    }

    [Fact]
    public void AnotherHashOfALeasedKeyStillHoldsWhatItIsSaidToBe()
    {
        cursor.ApplyGranted(new GrantRange(1, 1, 1), 1000, 1, "a");
        cursor.Offer(0, [7, 7]);
        Assert.Empty(Receive(0));
        cursor.ApplySettled(1, 1);
        Assert.Equal([0], Receive(0));
    }

    [Fact]
    public void KeysThatAreMissingCannotBeSkipped() =>
        Assert.Throws<InvalidOperationException>(() => cursor.Offer(1, [7]));

    /// <summary>Random histories: a key is never out twice, its messages come in order, and in the end all were settled.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void AKeyIsNeverOutTwiceAndKeepsItsOrder(int seed)
    {
        for (var round = 0; round < 10; round++)
            new DeliveryHistory(seed * 100 + round).Run();
    }
}

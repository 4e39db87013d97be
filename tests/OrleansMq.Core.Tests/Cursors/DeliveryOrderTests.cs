using OrleansMq.Core.Cursors;
using Xunit;

namespace OrleansMq.Core.Tests.Cursors;

public sealed class DeliveryOrderTests
{
    private static readonly DeliveryOrder ByPriority = new(true, null);
    private static readonly DeliveryOrder Fairly = new(false, FairBy.Key);
    private static readonly Redelivery Rules = new(3, 100);

    private QueueCursor _cursor = new(0, Rules) { Order = ByPriority };

    private List<long> Receive(long nowMs = 0, int max = 100)
    {
        var ranges = new List<GrantRange>();
        _cursor.Lapse(nowMs);
        _cursor.Select(nowMs, max, long.MaxValue, ranges);
        foreach (var range in ranges)
            _cursor.ApplyGranted(range, nowMs + 1_000, 1, "a");
        return [.. ranges.SelectMany(r => Enumerable.Range(0, r.Count).Select(i => r.From + i))];
    }

    private void Offer(params int[] priorities) => _cursor.Offer(0, [.. priorities.Select(priority => Traits.Of(priority))]);

    [Fact]
    public void HigherPrioritiesGoFirstAndEqualOnesInOrder()
    {
        Offer(0, 9, 4, 9, 0, 5);
        Assert.Equal([1, 3, 5, 2, 0, 4], Receive());
    }

    [Fact]
    public void OneThatComesLaterGoesBeforeWhatWaits()
    {
        Offer(1, 1, 1);
        Assert.Equal([0], Receive(max: 1));
        _cursor.Offer(3, [Traits.Of(8)]);
        Assert.Equal([3], Receive(max: 1));
    }

    /// <summary>The share that the lowest keep: of any ten choices one is the oldest, however many higher ones there are and come.</summary>
    [Fact]
    public void EveryTenthIsTheOldest()
    {
        _cursor.Offer(0, Enumerable.Range(0, 1_000).Select(at => Traits.Of(at < 100 ? 0 : 9)).ToArray());
        var chosen = Receive(max: 500);
        Assert.Equal(50, chosen.Count(at => at < 100));
        for (var tenth = 0; tenth < 50; tenth++)
            Assert.Equal(tenth, chosen[tenth * 10 + 9]);
    }

    [Fact]
    public void TheShareOfTheOldestIsCountedOverReceives()
    {
        _cursor.Offer(0, Enumerable.Range(0, 100).Select(at => Traits.Of(at < 10 ? 0 : 9)).ToArray());
        List<long> chosen = [];
        while (chosen.Count < 40)
            chosen.AddRange(Receive(max: 3));
        Assert.Equal([0, 1, 2, 3], chosen.Take(40).Where(at => at < 10));
    }

    [Fact]
    public void WhatWasPassedOverIsStillThereAfterLoading()
    {
        Offer(0, 9, 0, 9);
        Assert.Equal([1, 3], Receive(max: 2));
        _cursor.ApplySettled(1, 1);
        _cursor.ApplySettled(3, 1);
        _cursor = State.Reload(_cursor);
        Assert.Equal(0, _cursor.Floor);
        Assert.True(_cursor.WantsTraits(4, out var from, out var count));
        Assert.Equal((0, 4), (from, count));
        Offer(0, 9, 0, 9);
        Assert.Equal([0, 2], Receive());
    }

    [Fact]
    public void OneThatCameBackKeepsItsPriority()
    {
        Offer(2, 7);
        Assert.Equal([1, 0], Receive());
        _cursor.ApplyReturned(0, 10);
        _cursor.ApplyReturned(1, 10);
        _cursor.Offer(2, [Traits.Of(5)]);
        Assert.Equal([1, 2, 0], Receive(10));
    }

    [Fact]
    public void ByKeyThePriorityChoosesBetweenFirstMessages()
    {
        _cursor = new QueueCursor(0, Rules, byKey: true) { Order = ByPriority };
        _cursor.Offer(0, [Traits.Of(1, key: 7), Traits.Of(9, key: 7), Traits.Of(5, key: 8), Traits.Of(3)]);
        Assert.Equal([2, 3, 0], Receive());
        _cursor.ApplySettled(0, 1);
        Assert.Equal([1], Receive());
    }

    [Fact]
    public void AFloodDelaysItsOwnShareAlone()
    {
        _cursor.Order = Fairly;
        _cursor.Offer(0, Enumerable.Range(0, 10_003).Select(at => Traits.Of(4, share: at < 10_000 ? 1UL : (ulong)(at - 9_998))).ToArray());
        Assert.Equal([0, 10_000, 10_001, 10_002, 1, 2, 3], Receive(max: 7));
    }

    [Fact]
    public void SharesTakeTurnsOverReceives()
    {
        _cursor.Order = Fairly;
        _cursor.Offer(0, [Traits.Of(4, 1), Traits.Of(4, 1), Traits.Of(4, 1), Traits.Of(4, 2), Traits.Of(4, 2), Traits.Of(4, 3)]);
        Assert.Equal([0, 3, 5, 1, 4, 2], Enumerable.Range(0, 6).SelectMany(_ => Receive(max: 1)));
    }

    [Fact]
    public void AMessageThatCostsMoreLetsItsSharesTurnsPass()
    {
        _cursor.Order = Fairly;
        _cursor.Offer(0, [Traits.Of(4, 1, cost: 3), Traits.Of(4, 1), Traits.Of(4, 2), Traits.Of(4, 2), Traits.Of(4, 2), Traits.Of(4, 2)]);
        Assert.Equal([0, 2, 3, 4, 1, 5], Receive());
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(65_536, 1)]
    [InlineData(65_537, 2)]
    [InlineData(int.MaxValue / 2, MessageTraits.MaxCost)]
    public void ATurnIsWorthSoManyBytes(int bytes, int cost) => Assert.Equal(cost, MessageTraits.CostOf(bytes));

    [Fact]
    public void WithBothTheSharesOfTheHighestPriorityTakeTurns()
    {
        _cursor.Order = new DeliveryOrder(true, FairBy.Key);
        _cursor.Offer(0, [Traits.Of(1, 1), Traits.Of(9, 1), Traits.Of(9, 1), Traits.Of(9, 2), Traits.Of(1, 2)]);
        Assert.Equal([1, 3, 2, 0, 4], Receive());
    }

    [Theory]
    [InlineData(true, 1_000_000)]
    [InlineData(false, 16_384)]
    public void TheWindowBoundsHowFarIsReadAhead(bool byPriority, int bound)
    {
        _cursor.Order = byPriority ? ByPriority : Fairly;
        var offered = 0;
        for (; _cursor.WantsTraits(10_000_000, out var from, out var count); offered += count)
        {
            Assert.InRange(count, 1, 16_384);
            _cursor.Offer(from, Enumerable.Range(0, count).Select(i => Traits.Of(4, (ulong)i % 3)).ToArray());
        }

        Assert.Equal(bound, offered);
        _cursor.ApplySettled(5, 10);
        Assert.True(_cursor.WantsTraits(10_000_000, out _, out var more));
        Assert.Equal(10, more);
    }

    /// <summary>Who reads ahead may have read more than there is room for: what is over is not known, and wanted again.</summary>
    [Theory]
    [InlineData(true, 1_000_000)]
    [InlineData(false, 16_384)]
    public void WhatIsOfferedBeyondTheBoundIsWantedAgain(bool byPriority, int bound)
    {
        _cursor.Order = byPriority ? ByPriority : Fairly;
        _cursor.Offer(0, Enumerable.Range(0, bound + 5).Select(at => Traits.Of(at < bound ? 4 : 9, at < bound ? 1UL : 2)).ToArray());
        Assert.Equal(bound, _cursor.Scanned);
        Assert.False(_cursor.WantsTraits(10_000_000, out _, out _));
        Assert.Equal([0, 1], Receive(max: 2));

        _cursor.ApplySettled(0, 2);
        Assert.True(_cursor.WantsTraits(10_000_000, out var from, out var count));
        Assert.Equal((bound, 2), (from, count));
        _cursor.Offer(bound, Enumerable.Repeat(Traits.Of(9, 2), 5).ToArray());
        Assert.Equal(bound + 2, _cursor.Scanned);
        Assert.Equal(byPriority ? [bound, bound + 1] : [2, bound], Receive(max: 2));
    }

    /// <summary>A window full of one share: what is behind it is seen as soon as it moves, and it moves with each that is settled.</summary>
    [Fact]
    public void WhatIsBehindAFullWindowIsSeenWhenItMoves()
    {
        _cursor.Order = Fairly;
        _cursor.Offer(0, Enumerable.Range(0, 16_384).Select(_ => Traits.Of(4, 1)).ToArray());
        Assert.Equal([0, 1], Receive(max: 2));
        _cursor.ApplySettled(0, 1);
        Assert.True(_cursor.WantsTraits(20_000, out var from, out var count));
        Assert.Equal((16_384, 1), (from, count));
        _cursor.Offer(16_384, [Traits.Of(4, 2)]);
        Assert.Equal([2, 16_384], Receive(max: 2));
    }

    [Fact]
    public void AnotherOrderBeginsAtTheFloorAndNothingIsLost()
    {
        Offer(0, 9, 0, 5);
        Assert.Equal([1], Receive(max: 1));
        _cursor.Order = DeliveryOrder.OfLane;
        Assert.False(_cursor.WantsTraits(4, out _, out _));
        Assert.Equal([0], Receive(max: 1));
        _cursor.Order = ByPriority;
        Assert.Equal(0, _cursor.Scanned);
        Offer(0, 9, 0, 5);
        Assert.Equal([3, 2], Receive());
    }

    [Fact]
    public void WhatIsDroppedIsForgotten()
    {
        Offer(9, 9, 1, 9);
        _cursor.ApplyDropped(2);
        Assert.Equal([3, 2], Receive());
        _cursor.ApplySettled(2, 2);
        Assert.Equal(4, _cursor.Floor);
        Assert.True(_cursor.WantsTraits(2_000_000, out _, out var count));
        Assert.Equal(16_384, count);
    }

    [Fact]
    public void ChoosingTakesNothing()
    {
        Offer(3, 9);
        var ranges = new List<GrantRange>();
        _cursor.Select(0, 10, 2, ranges);
        Assert.Equal([1, 0], Receive());
    }

    [Fact]
    public void OnlyWhatReadersMaySeeIsChosen()
    {
        Offer(1, 2, 3);
        var ranges = new List<GrantRange>();
        Assert.Equal(1, _cursor.Select(0, 10, 1, ranges));
        Assert.Equal([new GrantRange(0, 1, 1)], ranges);
    }

    /// <summary>Random histories with every order: what is chosen is what may be, in the order that is promised, keys keep theirs, and in the end all were settled.</summary>
    [Theory]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    [InlineData(false, true, true)]
    [InlineData(true, true, false)]
    [InlineData(true, false, true)]
    [InlineData(true, true, true)]
    public void HistoriesLoseNothing(bool byKey, bool byPriority, bool fair)
    {
        for (var seed = 0; seed < 15; seed++)
            new DeliveryHistory(seed + 7_000, byKey, new DeliveryOrder(byPriority, fair ? FairBy.Key : null)).Run();
    }
}

using OrleansMq.Core.Groups;
using Xunit;

namespace OrleansMq.Core.Tests.Groups;

public sealed class StandbyTests
{
    private readonly Standby standby = new();

    private bool Poll(string consumer, long nowMs, long waitMs = 0, string? holder = null)
    {
        var admitted = standby.MayReceive(consumer, nowMs, holder);
        standby.Polled(consumer, nowMs, waitMs, admitted);
        return admitted;
    }

    [Fact]
    public void TheFirstIsActiveAndOthersStandBy()
    {
        Assert.True(Poll("a", 0));
        Assert.False(Poll("b", 0));
        Assert.True(Poll("a", 9_000));
        Assert.False(Poll("b", 18_000));
        Assert.Equal([("a", true), ("b", false)], standby.Present(18_000));
    }

    [Fact]
    public void AnotherTakesOverWhenTheActiveOneIsSilent()
    {
        Poll("a", 0);
        Assert.True(Poll("b", Standby.IdleMs));
        Assert.False(Poll("a", Standby.IdleMs));
    }

    [Fact]
    public void WhoHoldsLeasesStaysActive()
    {
        Poll("a", 0);
        Assert.False(Poll("b", 60_000, holder: "a"));
        Assert.True(Poll("b", 60_000));
    }

    [Fact]
    public void AWaitingPollCountsAsThere()
    {
        Poll("a", 0, waitMs: 30_000);
        Assert.False(Poll("b", 35_000));
        Assert.True(Poll("b", 40_000));
    }

    [Fact]
    public void WhoLeftIsReplacedAtOnce()
    {
        Poll("a", 0);
        standby.Left("a");
        Assert.True(Poll("b", 1));
    }

    [Fact]
    public void AfterARestartWhoHoldsLeasesIsActive()
    {
        Assert.False(Poll("b", 0, holder: "a"));
        Assert.True(Poll("a", 0, holder: "a"));
    }

    [Fact]
    public void ConsumersRememberedAreBounded()
    {
        for (var i = 0; i < 3 * Standby.MaxSeen; i++)
            Poll($"c{i}", i % 100);
        Assert.Equal(Standby.MaxSeen, standby.Present(0).Count);
        Assert.Equal("c0", standby.Active);
        Assert.Contains(("c0", true), standby.Present(0));
    }
}

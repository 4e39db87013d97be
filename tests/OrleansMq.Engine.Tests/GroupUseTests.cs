using OrleansMq.Conformance;
using OrleansMq.Engine.Groups;
using Xunit;

namespace OrleansMq.Engine.Tests;

/// <summary>When an ephemeral group ends.</summary>
public sealed class GroupUseTests
{
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(10);

    private readonly ManualTime _time = new();

    [Fact]
    public void ItEndsWhenNobodyUsedItForItsTimeAndLetsNobodyInThen()
    {
        var use = new GroupUse(_time);
        Assert.True(use.TryEnter());
        _time.Advance(Idle * 3);
        Assert.False(use.TryEnd(Idle, out var left));
        Assert.Equal(Idle, left);

        use.Leave();
        _time.Advance(Idle * 0.75);
        Assert.False(use.TryEnd(Idle, out left));
        Assert.Equal(Idle / 4, left);
        _time.Advance(Idle / 4);

        Assert.True(use.TryEnd(Idle, out _));
        Assert.False(use.TryEnter());
        use.Revive();
        Assert.True(use.TryEnter());
    }

    [Fact]
    public void OneThatWasLoadedWaitsAMinuteAtMostForThoseOfBefore()
    {
        var (slow, quick) = (new GroupUse(_time), new GroupUse(_time));

        _time.Advance(GroupUse.Reconnect - TimeSpan.FromSeconds(1));
        Assert.False(slow.TryEnd(Idle, out _));
        Assert.True(quick.TryEnd(TimeSpan.FromSeconds(5), out _));
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.True(slow.TryEnd(Idle, out _));
    }

    [Fact]
    public void ThePartitionIsToldOnceInAQuarterOfTheTimeAndAgainWhereThatFailed()
    {
        var use = new GroupUse(_time);

        Assert.True(use.TakeKeep(Idle));
        _time.Advance(Idle / 4 - TimeSpan.FromMilliseconds(1));
        Assert.False(use.TakeKeep(Idle));
        use.KeepAgain();
        Assert.True(use.TakeKeep(Idle));
        _time.Advance(Idle / 4);
        Assert.True(use.TakeKeep(Idle));
        Assert.Equal(Idle * 1.25, GroupUse.Kept(Idle));
    }
}

using OrleansMq.Core.Limits;
using Xunit;

namespace OrleansMq.Core.Tests.Limits;

public sealed class BacklogTests
{
    private static readonly BacklogLimit Limit = new("topic orders", 100, 1000);

    private static BacklogDecision Decide(WhenFull whenFull, long messages, long bytes, long coming = 1, long comingBytes = 10) =>
        Backlog.Decide(whenFull, Limit, new BacklogSize(messages, bytes), new BacklogSize(coming, comingBytes));

    [Fact]
    public void WhatFitsIsAdmittedUpToTheLimitItself() => Assert.Equal(BacklogAnswer.Admit, Decide(WhenFull.Refuse, 99, 990).Answer);

    [Fact]
    public void WithoutALimitEverythingFits() =>
        Assert.Equal(BacklogAnswer.Admit, Backlog.Decide(WhenFull.Refuse, BacklogLimit.For("orders", new TopicSettings()), new(long.MaxValue / 2, 0), new(1, 1)).Answer);

    [Fact]
    public void ARefusalNamesWhoseLimitItIs()
    {
        var decision = Decide(WhenFull.Refuse, 100, 0);
        Assert.Equal(BacklogAnswer.Refuse, decision.Answer);
        Assert.Contains("topic orders", decision.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void AFullTopicThatWaitsWaits() => Assert.Equal(BacklogAnswer.Wait, Decide(WhenFull.Wait, 0, 995).Answer);

    [Fact]
    public void DroppingSaysHowMuchHasToGo() =>
        Assert.Equal(new BacklogDecision(BacklogAnswer.Drop, new BacklogSize(3, 20)), Decide(WhenFull.DropOldest, 98, 970, 5, 50));

    [Theory]
    [InlineData(WhenFull.Wait)]
    [InlineData(WhenFull.DropOldest)]
    public void WhatCanNeverFitIsRefused(WhenFull whenFull) => Assert.Equal(BacklogAnswer.Refuse, Decide(whenFull, 0, 0, 1, 1001).Answer);
}

using OrleansMq.Core.Cursors;
using Xunit;

namespace OrleansMq.Core.Tests.Cursors;

public sealed class LogCursorTests
{
    private readonly LogCursor cursor = new(10);

    [Fact]
    public void AStaleGenerationIsRefused()
    {
        cursor.ApplyCommitted(20, 5);
        Assert.Equal(CommitDecision.Stale, cursor.Decide(25, 4, 100));
        Assert.Equal(CommitDecision.Accept, cursor.Decide(25, 5, 100));
        Assert.Equal(CommitDecision.Accept, cursor.Decide(25, 6, 100));
    }

    [Fact]
    public void ALowerCommitOfTheSameGenerationIsAcceptedAsKafkaDoes()
    {
        cursor.ApplyCommitted(20, 5);
        Assert.Equal(CommitDecision.Accept, cursor.Decide(15, 5, 100));
        cursor.ApplyCommitted(15, 5);
        Assert.Equal(85, cursor.Lag(100));
    }

    [Fact]
    public void WhoReadsAloneHasNoGeneration()
    {
        cursor.ApplyCommitted(20, 5);
        Assert.Equal(CommitDecision.Accept, cursor.Decide(25, 0, 100));
        cursor.ApplyCommitted(25, 0);
        Assert.Equal(5, cursor.Generation);
    }

    [Fact]
    public void ACommitBeyondTheEndIsRefused()
    {
        Assert.Equal(CommitDecision.OutOfRange, cursor.Decide(101, 1, 100));
        Assert.Equal(CommitDecision.Accept, cursor.Decide(100, 1, 100));
    }

    [Fact]
    public void WhatRetentionRemovedIsCountedOnce()
    {
        cursor.ApplyDropped(15);
        cursor.ApplyDropped(12);
        Assert.Equal((15, 5), (cursor.Committed, cursor.Dropped));
    }

    [Fact]
    public void AfterAnUncleanEndItStandsAtTheEnd()
    {
        cursor.ApplyCommitted(50, 1);
        cursor.ClampTo(40);
        Assert.Equal(40, cursor.Committed);
    }
}

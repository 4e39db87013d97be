using OrleansMq.Conformance;
using Xunit;

namespace OrleansMq.AdoNet.Tests;

/// <summary>How long a topic rests.</summary>
public sealed class RestingTopicsTests
{
    private readonly ManualTime _clock = new();

    [Fact]
    public void WhatFailsInSeveralWorkersAtOnceIsOneFailure()
    {
        var resting = new RestingTopics(new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1)), _clock);
        for (var worker = 0; worker < 4; worker++)
            resting.Failed("orders", null);
        Assert.Equal(["orders"], resting.Now);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(resting.Now);

        // Half of the second step is the whole of the first.
        resting.Failed("orders", null);
        _clock.Advance(TimeSpan.FromSeconds(0.99));
        Assert.Equal(["orders"], resting.Now);
    }
}

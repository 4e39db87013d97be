using OrleansMq.Simulation.Worlds;
using Xunit;

namespace OrleansMq.Simulation.Tests;

/// <summary>A share of the simulated worlds, and that they can be had again.</summary>
public sealed class WorldTests
{
    /// <summary>Enough for CI; the program runs thousands: <c>dotnet run --project tests/OrleansMq.Simulation -c Release -- --seeds 1000</c>.</summary>
    private const int Seeds = 8;

    [Fact]
    public void NoPromiseIsBroken()
    {
        for (var seed = 1; seed <= Seeds; seed++)
            NothingIsBrokenIn(seed);
    }

    /// <summary>Each found something once, in a sweep; that world may have become another since.</summary>
    /// <param name="seed">
    /// 697: a message whose lease ended while it was read came with a state that it was in already. 98: a process that was taken over deleted an ephemeral group that its successor
    /// served. 1622: a group that another process had changed was refused with an exception of the storage's. 1742: who looked at a group when a message came due hid it.
    /// </param>
    [Theory]
    [InlineData(697)]
    [InlineData(98)]
    [InlineData(1622)]
    [InlineData(1742)]
    public void WhatWasFoundIsMended(int seed) => NothingIsBrokenIn(seed);

    [Fact]
    public void WorkThatGoesInCirclesIsEnded()
    {
        using var world = new World(1);
        var circling = Assert.Throws<InvalidOperationException>(() => world.Run(() =>
        {
            while (world.Outside.Time.GetUtcNow() < DateTimeOffset.MaxValue)
            {
            }

            return Task.CompletedTask;
        }));
        Assert.Contains("goes in circles", circling.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(8)]
    public void TheSameSeedIsTheSameWorld(int seed)
    {
        var plan = WorldPlan.Of(seed) with { Length = TimeSpan.FromSeconds(15) };
        Assert.Equal(Simulator.Run(plan, Planted.Nothing).Hash, Simulator.Run(plan, Planted.Nothing).Hash);
    }

    private static void NothingIsBrokenIn(int seed)
    {
        var verdict = Simulator.Run(seed);
        Assert.True(verdict.Violations.Count == 0, $"{string.Join("\n", verdict.Violations.Take(10))}\nagain: dotnet run --project tests/OrleansMq.Simulation -c Release -- --seed {seed}");
    }
}

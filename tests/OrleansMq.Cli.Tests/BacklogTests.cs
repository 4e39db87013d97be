using OrleansMq.Cli.Commands;

namespace OrleansMq.Cli.Tests;

/// <summary>What <c>mq why</c> concludes from what it sees.</summary>
public sealed class BacklogTests
{
    private static readonly StageHistogram TwoSecondsEach = new(100, 200_000, 2_000, [new StageBucket(2_047, 100)]);

    private static Backlog Behind(GroupSettings? settings = null) => new()
    {
        Settings = settings ?? new GroupSettings(),
        Lag = 1_000,
        InFlight = 4,
        Consumers = 2,
        In = 10,
        Out = 2,
        Counts = new UnsettledCounts(996, 4, 0, 0, 0),
        Times = StageTimes.None with { Messages = 100, Wait = TwoSecondsEach, Handle = TwoSecondsEach },
    };

    private static IEnumerable<string> Codes(Backlog backlog) => backlog.Causes().Select(cause => cause.Code);

    [Fact]
    public void SlowHandlersAreFoundByHowManyWouldBeNeeded()
    {
        var cause = Assert.Single(Behind().Causes());

        // 10 a second times 2 s each.
        Assert.Equal("slow-handlers", cause.Code);
        Assert.Contains("need 20 at once, and 4 are at work", cause.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatStandsStillSaysWhy()
    {
        Assert.Equal(["paused"], Codes(Behind(new GroupSettings { Paused = true }) with { Out = 20 }));
        Assert.Equal(["no-consumer"], Codes(Behind() with { Consumers = 0, InFlight = 0 }));
        Assert.Equal(["in-flight"], Codes(Behind(new GroupSettings { MaxInFlight = 4 }) with { Out = 20 }));
        Assert.Equal(["throttled"], Codes(Behind(new GroupSettings { RatePerSecond = 5 }) with { In = 4, Out = 5 }));
        Assert.Equal(["not-served"], Codes(Behind() with { Out = 20, Unserved = ["partition 3: damaged"] }));
    }

    [Fact]
    public void PoisonAndHotSpotsAreNamed()
    {
        Assert.Equal(["returned"], Codes(Behind() with { Out = 20, Counts = new UnsettledCounts(800, 0, 200, 0, 0) }));
        Assert.Equal(["redeliveries"], Codes(Behind() with { Out = 20, Times = Behind().Times with { Redeliveries = 20 } }));
        Assert.Equal(["poison"], Codes(Behind() with { Out = 20, Counts = new UnsettledCounts(996, 4, 0, 3, 0) }));
        Assert.Equal(["hot-key"], Codes(Behind(new GroupSettings { ByKey = true }) with { Out = 20, HotKey = ("k", 0.5) }));
        Assert.Empty(Codes(Behind() with { Out = 20, HotKey = ("k", 0.9) }));
        Assert.Equal(["hot-partition"], Codes(Behind() with { Out = 20, HotPartition = (1, 0.8) }));
    }

    [Fact]
    public void TheTimeToDrainFollowsFromTheRates()
    {
        Assert.Null(Behind().TimeToDrain);
        Assert.Equal(TimeSpan.FromSeconds(100), (Behind() with { Out = 20 }).TimeToDrain);
        Assert.Equal(TimeSpan.Zero, (Behind() with { Lag = 0 }).TimeToDrain);
        Assert.Empty(Codes(Behind() with { Lag = 0 }));
    }

    [Fact]
    public async Task TheCommandLooksAtTheBroker()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new TopicChange());
        await broker.PutGroup("t", "g", new GroupChange());
        await broker.Publish("t", [Message.OfText("a"), Message.OfText("b")]);

        var lines = (await Mq.Ok(broker, "why", "t", "g", "--watch", "10ms")).Lines;

        Assert.Equal("t/g: 2 behind, 0 a second come in, 0 are settled; it does not get shorter", lines[0]);
        Assert.Equal("no-consumer: no consumer has asked within the last minute", lines[1]);
        Assert.Equal("no-consumer", (string)(await Mq.Ok(broker, "why", "t", "g", "--watch", "10ms", "--json")).Json["causes"]![0]!["code"]!);
    }
}

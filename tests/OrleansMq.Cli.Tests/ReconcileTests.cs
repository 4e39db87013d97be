namespace OrleansMq.Cli.Tests;

/// <summary><c>mq reconcile</c>.</summary>
public sealed class ReconcileTests : IAsyncLifetime
{
    private EmbeddedBroker _broker = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("t", new TopicChange());
        await _broker.PutGroup("t", "g", new GroupChange());
        await _broker.Publish("t", [Message.OfText("bad"), Message.OfText("new")]);
        var leased = (await _broker.Receive("t", "g", new ReceiveRequest()))[0];
        await _broker.Settle("t", "g", Settlement.DeadLetter([leased.Lease], "broken"));
    }

    public async Task DisposeAsync() => await _broker.DisposeAsync();

    [Fact]
    public async Task WhatIsUnsettledIsCountedShownAndDeliveredAgainOnce()
    {
        var counted = (await Mq.Ok(_broker, "reconcile", "t", "g", "--json")).Json;
        Assert.Equal((2, 1, 1), ((int)counted["counts"]!["total"]!, (int)counted["counts"]!["neverDelivered"]!, (int)counted["counts"]!["dead"]!));

        var shown = (await Mq.Ok(_broker, "reconcile", "t", "g", "--cause", "dead")).Out;
        Assert.Contains("0:0\tdead\t1\t-\tbroken\t\tbad", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("neverDelivered", shown, StringComparison.Ordinal);

        Assert.Equal("1 delivered again\n", (await Mq.Ok(_broker, "reconcile", "t", "g", "--redeliver")).Out);
        Assert.Equal("0 delivered again\n", (await Mq.Ok(_broker, "reconcile", "t", "g", "--redeliver")).Out);
    }

    [Fact]
    public async Task AWordThatIsNoCauseIsAUsageError()
    {
        Assert.Equal(ExitCode.Usage, (await Mq.Run(_broker, "reconcile", "t", "g", "--cause", "lost")).Code);
        Assert.Equal(ExitCode.Usage, (await Mq.Run(_broker, "reconcile", "t", "g", "--positions", "0:0")).Code);
    }
}

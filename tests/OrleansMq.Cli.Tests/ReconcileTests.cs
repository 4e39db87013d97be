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
    public async Task AScheduleIsSetListedAndTakenAway()
    {
        await Mq.Ok(_broker, "reconcile", "schedule", "t", "g", "--every", "10m", "--older-than", "5m", "--redeliver", "--max-redrives", "2");
        await Mq.Ok(_broker, "reconcile", "schedule", "t", "g", "--cron", "0 6 * * *", "--zone", "Europe/Berlin", "--older-than", "5m", "--redeliver", "--cause", "dead", "--report-to", "t");

        var listed = (await Mq.Ok(_broker, "reconcile", "schedules", "--json")).Json;
        Assert.Equal(
            """{"topic":"t","group":"g","cron":"0 6 * * *","zone":"Europe/Berlin","olderThanMs":300000,"redeliver":["dead"],"maxRedrives":3,"reportTo":"t"}""", listed.ToJsonString());
        Assert.StartsWith("t\tg\tby 0 6 * * * Europe/Berlin\t0:05:00\tdead\t3\tt\t", (await Mq.Ok(_broker, "reconcile", "schedules")).Out, StringComparison.Ordinal);

        Assert.Equal("t/g unscheduled\n", (await Mq.Ok(_broker, "reconcile", "unschedule", "t", "g")).Out);
        Assert.Equal(ExitCode.Refused, (await Mq.Run(_broker, "reconcile", "unschedule", "t", "g")).Code);
        Assert.Empty((await Mq.Ok(_broker, "reconcile", "schedules")).Out);
    }

    [Theory]
    [InlineData(ExitCode.Usage, "t", "g")]
    [InlineData(ExitCode.Usage, "t", "g", "--cron", "0 6 * * *", "--every", "1h")]
    [InlineData(ExitCode.Usage, "t", "g", "--every", "1h", "--max-redrives", "2")]
    [InlineData(ExitCode.Refused, "t", "g", "--cron", "at six")]
    [InlineData(ExitCode.Refused, "t", "g", "--every", "1s")]
    [InlineData(ExitCode.Refused, "t", "other", "--every", "1h")]
    public async Task AScheduleThatCannotBeIsRefused(int code, params string[] schedule) =>
        Assert.Equal(code, (await Mq.Run(_broker, ["reconcile", "schedule", .. schedule])).Code);

    [Fact]
    public async Task AWordThatIsNoCauseIsAUsageError()
    {
        Assert.Equal(ExitCode.Usage, (await Mq.Run(_broker, "reconcile", "t", "g", "--cause", "lost")).Code);
        Assert.Equal(ExitCode.Usage, (await Mq.Run(_broker, "reconcile", "t", "g", "--positions", "0:0")).Code);
    }
}

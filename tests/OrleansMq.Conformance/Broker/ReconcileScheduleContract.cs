using System.Text.Json.Nodes;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>A schedule is kept by the broker, a run that is due is done once however many could do it, and its report says what was found.</summary>
public abstract class ReconcileScheduleContract : BrokerContract
{
    private static readonly ReconcileSchedule Hourly = new() { Topic = "t", Group = "g", Every = TimeSpan.FromHours(1) };

    [Fact]
    public Task ASchedulesLastWordCounts() => Story(async broker =>
    {
        await Declare(broker);
        var schedules = new ReconcileSchedules(broker, ClientTime);
        Assert.False(await schedules.Remove("t", "g"));

        await schedules.Put(Hourly);
        var last = Hourly with { Every = null, Cron = "0 6 * * *", Zone = "Europe/Berlin", OlderThan = TimeSpan.FromMinutes(10), Redeliver = [UnsettledCause.Dead], MaxRedrives = 5, ReportTo = new TopicName("t") };
        await schedules.Put(last);

        Assert.Equal(last, Assert.Single(await schedules.List()).Schedule);
        Assert.True(await schedules.Remove("t", "g"));
        Assert.Empty(await schedules.List());
    });

    [Fact]
    public Task WhatCannotBeIsRefusedAndKeepsWhatWas() => Story(async broker =>
    {
        await Declare(broker);
        await broker.PutGroup("t", "log", new() { Style = GroupStyle.Log });
        var schedules = new ReconcileSchedules(broker, ClientTime);
        await schedules.Put(Hourly);

        foreach (var wrong in new[]
        {
            Hourly with { Every = null },
            Hourly with { Cron = "0 6 * * *" },
            Hourly with { Zone = "Europe/Berlin" },
            Hourly with { ReportTo = new TopicName("_orleansmq.audit") },
            Hourly with { Topic = "_orleansmq.audit" },
            Hourly with { Every = TimeSpan.FromSeconds(59) },
            Hourly with { Every = TimeSpan.FromDays(366) },
            Hourly with { Every = null, Cron = "61 6 * * *" },
            Hourly with { Every = null, Cron = "at six" },
            Hourly with { Every = null, Cron = "0 0 6 * * *", Zone = "Nowhere/City" },
            Hourly with { Every = null, Cron = "*/10 * * * * *" },
            Hourly with { Every = null, Cron = "@every_second" },
            Hourly with { Every = null, Cron = "0 0 30 2 *" },
            Hourly with { OlderThan = TimeSpan.FromSeconds(-1) },
            Hourly with { OlderThan = TimeSpan.FromDays(366) },
            Hourly with { MaxRedrives = 0 },
            Hourly with { MaxRedrives = ReconcileSchedule.MostRedrives + 1 },
            Hourly with { Redeliver = [UnsettledCause.NeverDelivered] },
        })
            await Refused(ErrorCodes.Malformed, () => new ValueTask(schedules.Put(wrong)));
        await Refused(ErrorCodes.TopicUnknown, () => new ValueTask(schedules.Put(Hourly with { Topic = "other" })));
        await Refused(ErrorCodes.GroupUnknown, () => new ValueTask(schedules.Put(Hourly with { Group = "other" })));
        await Refused(ErrorCodes.TopicUnknown, () => new ValueTask(schedules.Put(Hourly with { ReportTo = new TopicName("other") })));
        await Refused(ErrorCodes.Conflict, () => new ValueTask(schedules.Put(Hourly with { Group = "log", Redeliver = [UnsettledCause.Dead] })));

        Assert.Equal(Hourly, Assert.Single(await schedules.List()).Schedule);
    });

    [Fact]
    public Task ADueRunIsDoneOnceThoughTwoCouldDoIt() => Story(async broker =>
    {
        await Declare(broker);
        await Kill(broker, "broken", "first", "second");
        await broker.Publish("t", [Text("new")]);
        await new ReconcileSchedules(broker, ClientTime).Put(Hourly with { Redeliver = [UnsettledCause.Dead] });
        await using var one = new ReconcileDesk(broker, time: ClientTime);
        await using var two = new ReconcileDesk(broker, time: ClientTime);

        await SendDue(broker, 0, "2030-01-01T05:00:00Z", 3);

        var report = Assert.Single(await Reports(broker, 1));
        Assert.Equal(("t/g", "reconcile-0@2030-01-01T05:00:00Z", "application/json"), (report.KeyText, report.Token, report.ContentType));
        var said = JsonNode.Parse(report.BodyText)!;
        Assert.Equal(("t", "g", "2030-01-01T05:00:00Z", 0), ((string?)said["topic"], (string?)said["group"], (string?)said["due"], (int)said["olderThanMs"]!));
        Assert.Equal((3, 2, 1), ((int)said["counts"]!["total"]!, (int)said["counts"]!["dead"]!, (int)said["counts"]!["neverDelivered"]!));
        Assert.Equal((2, 0, false), ((int)said["redelivered"]!, (int)said["atLimit"]!, (bool)said["moreToRedeliver"]!));
        Assert.Equal(["neverDelivered", "dead", "dead"], said["messages"]!.AsArray().Select(each => (string?)each!["cause"]));
        Assert.Equal(("0:0", "broken", 0, 1), ((string?)said["messages"]![1]!["position"], (string?)said["messages"]![1]!["reason"], (int)said["messages"]![1]!["redrives"]!, (int)said["messages"]![1]!["deliveries"]!));
        Assert.Null(said["messages"]![1]!["body"]);
        Assert.Equal(["first", "new", "second"], Bodies(await Receive(broker, "t", "g")).Order());
    });

    [Fact]
    public Task ADeadLetterIsRedrivenAsOftenAsItMayBeAndNotOnceMore() => Story(async broker =>
    {
        await Declare(broker);
        await broker.PutTopic("found", new());
        await new ReconcileSchedules(broker, ClientTime).Put(Hourly with { Redeliver = [UnsettledCause.Dead, UnsettledCause.Returned], MaxRedrives = 2, ReportTo = new TopicName("found") });
        await using var desk = new ReconcileDesk(broker, time: ClientTime);
        await Publish(broker, "t", "a");
        List<(int, int)> said = [];

        for (var run = 0; run < 3; run++)
        {
            await Kill(broker, $"broken {run}");
            await SendDue(broker, 0, $"2030-01-01T0{run}:00:00Z", 1);
            var report = JsonNode.Parse((await Reports(broker, run + 1, "found"))[^1].BodyText)!;
            said.Add(((int)report["redelivered"]!, (int)report["atLimit"]!));
        }

        Assert.Equal([(1, 0), (1, 0), (0, 1)], said);
        Assert.Empty(await Receive(broker, "t", "g"));
        var letter = Assert.Single((await broker.Reconcile("t", "g", new())).Messages).Message;
        Assert.Equal(("broken 2", 2), (letter.DeadLetter?.Reason, letter.DeadLetter?.Redrives));
    });

    [Fact]
    public Task AGroupThatIsGoneIsToldInTheReport() => Story(async broker =>
    {
        await Declare(broker);
        await new ReconcileSchedules(broker, ClientTime).Put(Hourly);
        await broker.DeleteGroup("t", "g");
        await using var desk = new ReconcileDesk(broker, time: ClientTime);

        await SendDue(broker, 0, "2030-01-01T05:00:00Z", 1);

        Assert.Equal(ErrorCodes.GroupUnknown, (string?)JsonNode.Parse(Assert.Single(await Reports(broker, 1)).BodyText)!["error"]!["code"]);
    });

    [Fact]
    public Task ARunOfAScheduleThatWasReplacedIsLookedPast() => Story(async broker =>
    {
        await Declare(broker);
        var schedules = new ReconcileSchedules(broker, ClientTime);
        await schedules.Put(Hourly);
        await using var desk = new ReconcileDesk(broker, time: ClientTime);
        await schedules.Put(Hourly with { OlderThan = TimeSpan.FromHours(2) });

        await SendDue(broker, 0, "2030-01-01T05:00:00Z", 1);
        await SendDue(broker, 1, "2030-01-01T06:00:00Z", 1);

        Assert.Equal(7_200_000, (int)JsonNode.Parse(Assert.Single(await Reports(broker, 1)).BodyText)!["olderThanMs"]!);
        Assert.Equal(0, (await broker.Reconcile(ReconcileSchedules.Due, "runners", new() { Max = 0 })).Counts.Dead);
    });

    [Fact]
    public Task WhatIsNoScheduleIsToldAndNoRunIsADeadLetter() => Story(async broker =>
    {
        await Declare(broker);
        await new ReconcileSchedules(broker, ClientTime).Put(Hourly);
        await broker.Publish(ReconcileSchedules.Topic, [Text("nonsense", "t/h"), Text("""{"topic":"t","group":"g","everyMs":60000}""", "t/other"), Text("""{"topic":"t","group":"h","cron":"never"}""", "t/h")]);
        List<string> told = [];
        await using var desk = new ReconcileDesk(broker, line => { lock (told) told.Add(line); }, ClientTime);

        await SendDue(broker, 7, "nonsense", 1);
        await SendDue(broker, 0, "2030-01-01T05:00:00Z", 1);

        Assert.Single(await Reports(broker, 1));
        await Eventually(async () => (await broker.Reconcile(ReconcileSchedules.Due, "runners", new() { Max = 0 })).Counts.Dead == 1);
        lock (told)
            Assert.EndsWith("Nor do 2 more.", Assert.Single(told, line => line.Contains("not count", StringComparison.Ordinal)), StringComparison.Ordinal);
    });

    [Fact]
    public Task ARunWithNowhereToReportToDeliversNothingAgain() => Story(async broker =>
    {
        await Declare(broker);
        await Kill(broker, "broken", "first");
        await broker.PutTopic("found", new());
        await new ReconcileSchedules(broker, ClientTime).Put(Hourly with { Redeliver = [UnsettledCause.Dead], ReportTo = new TopicName("found") });
        await broker.DeleteTopic("found");
        await using var desk = new ReconcileDesk(broker, time: ClientTime);

        await SendDue(broker, 0, "2030-01-01T05:00:00Z", 1);

        await Eventually(async () => (await Runs(broker)).Returned == 1);
        Assert.Equal(1, (await broker.Reconcile("t", "g", new())).Counts.Dead);
        Assert.Empty(await Receive(broker, "t", "g"));
    });

    [Fact]
    public Task ARunOfAScheduleThatCannotBeReadHereIsLeftForAnotherProcess() => Story(async broker =>
    {
        await Declare(broker);
        await broker.PutGroup("t", "h", new());
        await new ReconcileSchedules(broker, ClientTime).Put(Hourly with { Group = "h" });
        await broker.Publish(ReconcileSchedules.Topic, [Text("""{"topic":"t","group":"g","everyMs":3600000,"ofTomorrow":1}""", "t/g")]);
        await using var desk = new ReconcileDesk(broker, time: ClientTime);

        await SendDue(broker, 1, "2030-01-01T05:00:00Z", 1);

        await Eventually(async () => (await Runs(broker)).Returned == 1);
    });

    protected static async Task Declare(IBroker broker)
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());
    }

    /// <summary>Sends messages, if any are given, and makes dead letters of what there is.</summary>
    protected static async Task Kill(IBroker broker, string reason, params string[] bodies)
    {
        if (bodies.Length > 0)
            await Publish(broker, "t", bodies);
        await Settle(broker, "t", "g", Settlement.DeadLetter([.. (await Receive(broker, "t", "g")).Select(each => each.Lease)], reason));
    }

    /// <summary>A run under its token, as each of the desks sends it ahead.</summary>
    private async Task SendDue(IBroker broker, long schedule, string due, int times)
    {
        // The desk makes the topic when it has read the schedule.
        await Eventually(async () => (await broker.ListGroupsOrNone(ReconcileSchedules.Due)).Count > 0);
        for (var i = 0; i < times; i++)
            await broker.Publish(ReconcileSchedules.Due, [Text($$"""{"topic":"t","group":"g","schedule":{{schedule}},"due":"{{due}}"}""") with { Token = $"reconcile-{schedule}@{due}" }]);
    }

    protected async Task<List<StoredMessage>> Reports(IBroker broker, int atLeast, string topic = "_orleansmq.reports")
    {
        List<StoredMessage> found = [];
        await Eventually(async () =>
        {
            try
            {
                return (found = await broker.ReadAll(new TopicName(topic))).Count >= atLeast && await IsIdle(broker);
            }
            catch (MqException unknown) when (unknown.Code == ErrorCodes.TopicUnknown)
            {
                return false;
            }
        });
        return await broker.ReadAll(new TopicName(topic));
    }

    /// <summary>Nothing that is due waits to be run.</summary>
    private static async Task<bool> IsIdle(IBroker broker)
    {
        var counts = await Runs(broker);
        return counts.NeverDelivered + counts.Leased + counts.Returned == 0;
    }

    private static async Task<UnsettledCounts> Runs(IBroker broker) => (await broker.Reconcile(ReconcileSchedules.Due, "runners", new() { Max = 0 })).Counts;

    protected Task Eventually(Func<Task<bool>> holds)
    {
        return Until(Wait());

        async Task Wait()
        {
            while (!await holds())
                await Task.Delay(TimeSpan.FromMilliseconds(20), ClientTime);
        }
    }
}

/// <inheritdoc cref="ReconcileScheduleContract"/>
public abstract class TimedReconcileScheduleContract : ReconcileScheduleContract
{
    [Fact]
    public Task ItRunsAtItsTimesOnceThoughTwoProcessesKeepIt() => Story(async broker =>
    {
        await Declare(broker);
        await new ReconcileSchedules(broker, Time).Put(new() { Topic = "t", Group = "g", Cron = "0 * * * *" });
        await using (new ReconcileDesk(broker, time: Time))
        await using (new ReconcileDesk(broker, time: Time))
            await Time.Pass(TimeSpan.FromMinutes(125));

        // The clock began at midnight.
        Assert.Equal(["2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"], (await Reports(broker, 2)).Select(Due));
    });

    [Fact]
    public Task OnlyWhatIsOldEnoughIsDeliveredAgain() => Story(async broker =>
    {
        await Declare(broker);
        await new ReconcileSchedules(broker, Time).Put(new() { Topic = "t", Group = "g", Every = TimeSpan.FromMinutes(10), OlderThan = TimeSpan.FromMinutes(15), Redeliver = [UnsettledCause.Dead] });
        await using var desk = new ReconcileDesk(broker, time: Time);
        await Time.Pass(TimeSpan.FromMinutes(1));
        await Kill(broker, "broken", "a");

        await Time.Pass(TimeSpan.FromMinutes(10));
        Assert.Empty(await Receive(broker, "t", "g"));
        await Time.Pass(TimeSpan.FromMinutes(10));

        Assert.Equal(["a"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task ARunThatCameDueWhileNobodyWasThereIsMadeUpForAfterARestart() => Story(async host =>
    {
        await Declare(host.Broker);
        await new ReconcileSchedules(host.Broker, Time).Put(new() { Topic = "t", Group = "g", Cron = "0 2 * * *", Redeliver = [UnsettledCause.Dead] });
        await Kill(host.Broker, "broken", "a");
        await using (new ReconcileDesk(host.Broker, time: Time))
            await Time.Pass(TimeSpan.FromMinutes(1));

        await Time.Pass(TimeSpan.FromHours(3));
        Assert.Empty(await Receive(host.Broker, "t", "g"));
        await host.Restart();
        await using (new ReconcileDesk(host.Broker, time: Time))
            await Time.Pass(TimeSpan.FromMinutes(1));

        Assert.Equal(["2026-01-01T02:00:00Z"], (await Reports(host.Broker, 1)).Select(Due));
        Assert.Equal(["a"], Bodies(await Receive(host.Broker, "t", "g")));
    });

    [Fact]
    public Task ARunThatWasBegunByOneThatIsLostIsDoneByAnother() => Story(async broker =>
    {
        await Declare(broker);
        await new ReconcileSchedules(broker, Time).Put(new() { Topic = "t", Group = "g", Every = TimeSpan.FromHours(1) });
        await using (new ReconcileDesk(broker, time: Time))
            await Time.Pass(TimeSpan.FromMinutes(1));
        await Time.Pass(TimeSpan.FromHours(1));
        var lost = await ReceiveOne(broker, ReconcileSchedules.Due, "runners");

        await using var desk = new ReconcileDesk(broker, time: Time);
        await Time.Pass(TimeSpan.FromMinutes(5));

        Assert.Equal(["2026-01-01T01:00:00Z"], (await Reports(broker, 1)).Select(Due));
        Assert.Equal(ErrorCodes.LeaseUnknown, await CodeOf(broker, ReconcileSchedules.Due, "runners", Settlement.Acknowledge(lost.Lease)));
    });

    [Fact]
    public Task WhatIsTakenAwayRunsNoMore() => Story(async broker =>
    {
        await Declare(broker);
        var schedules = new ReconcileSchedules(broker, Time);
        await schedules.Put(new() { Topic = "t", Group = "g", Every = TimeSpan.FromHours(1) });
        await using var desk = new ReconcileDesk(broker, time: Time);
        await Time.Pass(TimeSpan.FromMinutes(61));
        await schedules.Remove("t", "g");

        await Time.Pass(TimeSpan.FromHours(2));

        Assert.Single(await Reports(broker, 1));
        Assert.Empty((await broker.ListScheduled(ReconcileSchedules.Due)).Items);
    });

    private static string? Due(StoredMessage report) => (string?)JsonNode.Parse(report.BodyText)!["due"];
}

internal static class GroupLists
{
    public static async Task<IReadOnlyList<GroupName>> ListGroupsOrNone(this IBroker broker, TopicName topic)
    {
        try
        {
            return (await broker.ListGroups(topic)).Items;
        }
        catch (MqException unknown) when (unknown.Code == ErrorCodes.TopicUnknown)
        {
            return [];
        }
    }
}

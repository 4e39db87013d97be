using System.CommandLine;
using System.Globalization;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq reconcile schedule|schedules|unschedule</c>: what the broker looks for by itself.</summary>
internal static class ReconcileScheduleCommands
{
    public static Command Schedule(Shell shell)
    {
        var (topic, group) = (Common.Topic(), Common.GroupArgument());
        var cron = new Option<string?>("--cron") { Description = "Run by this expression of five fields, such as '0 6 * * *'.", HelpName = "CRON" };
        var zone = new Option<string?>("--zone") { Description = "Whose clock --cron is read by, such as Europe/Berlin. Default: UTC.", HelpName = "ZONE" };
        var every = Options.Of<TimeSpan?>("--every", "Run so often; a minute at least.", "TIME", t => Text.Duration(t));
        var olderThan = Options.Of<TimeSpan?>("--older-than", "Only what was appended so long ago. Default: all.", "TIME", t => Text.Duration(t));
        var again = new Option<bool>("--redeliver") { Description = "Give what is found to the group again: dead and returned ones, or those of --cause." };
        var causes = Options.Of<IReadOnlyList<UnsettledCause>?>(
            "--cause", "With --redeliver: only these: returned, dead, leased, deferred.", "CAUSE,…", t => [.. t.Split(',').Select(word => Text.Word(Words.UnsettledCause)(word))]);
        var redrives = Options.Of<int?>("--max-redrives", "With --redeliver: a dead letter that was redriven so often stays one. Default 3.", "N", t => Text.SmallCount(t));
        var reportTo = Options.Of<TopicName?>("--report-to", $"Topic of the reports. Default: {ReconcileSchedules.Reports}.", "TOPIC", t => new TopicName(t));
        var command = new Command("schedule", "Let the broker reconcile by itself, and report.") { topic, group, cron, zone, every, olderThan, again, causes, redrives, reportTo };
        command.Validators.Add(result =>
        {
            if (result.GetResult(cron) is null == result.GetResult(every) is null)
                result.AddError("Give one of --cron and --every.");
            if ((result.GetResult(causes) is not null || result.GetResult(redrives) is not null) && !result.GetValue(again))
                result.AddError("--cause and --max-redrives go with --redeliver.");
        });
        return shell.Handle(command, async run =>
        {
            var standard = new ReconcileSchedule { Topic = run.Get(topic), Group = run.Get(group) };
            var schedule = standard with
            {
                Cron = run.Get(cron),
                Zone = run.Get(zone),
                Every = run.Get(every),
                OlderThan = run.Get(olderThan) ?? TimeSpan.Zero,
                Redeliver = run.Get(again) ? run.Get(causes) ?? new RedeliverRequest().Causes : [],
                MaxRedrives = run.Get(redrives) ?? standard.MaxRedrives,
                ReportTo = run.Get(reportTo),
            };
            await new ReconcileSchedules(run.Broker).Put(schedule, run.Cancel);
            run.Out.Result($"{schedule} {TimesOf(schedule)}", json => ReconcileScheduleJson.Write(json, schedule));
            return ExitCode.Done;
        });
    }

    public static Command List(Shell shell) => shell.Handle(new Command("schedules", "All schedules."), async run =>
    {
        var rows = new List<IReadOnlyList<string>>();
        foreach (var stored in await new ReconcileSchedules(run.Broker).List(run.Cancel))
        {
            if (run.Out.Json)
                run.Out.Line(json => ReconcileScheduleJson.Write(json, stored.Schedule));
            else
                rows.Add(Row(stored));
        }
        if (!run.Out.Json)
            run.Out.Table("schedules", ["topic", "group", "runs", "older than", "redelivers", "at most", "reports to", "since"], rows);
        return ExitCode.Done;
    });

    public static Command Unschedule(Shell shell)
    {
        var (topic, group) = (Common.Topic(), Common.GroupArgument());
        return shell.Handle(new Command("unschedule", "Take a group's schedule away.") { topic, group }, async run =>
        {
            if (!await new ReconcileSchedules(run.Broker).Remove(run.Get(topic), run.Get(group), run.Cancel))
            {
                run.Say($"mq: {run.Get(topic)}/{run.Get(group)} has no schedule.");
                return ExitCode.Refused;
            }
            run.Out.Result($"{run.Get(topic)}/{run.Get(group)} unscheduled", Printer.Fields(("topic", run.Get(topic).Text), ("group", run.Get(group).Text)));
            return ExitCode.Done;
        });
    }

    private static string[] Row(StoredSchedule stored) =>
    [
        stored.Schedule.Topic.Text, stored.Schedule.Group.Text, TimesOf(stored.Schedule), stored.Schedule.OlderThan.ToString("g", CultureInfo.InvariantCulture),
        stored.Schedule.Redeliver.Count == 0 ? "nothing" : string.Join(',', stored.Schedule.Redeliver.Select(Words.UnsettledCause.Write)),
        stored.Schedule.MaxRedrives.ToString(CultureInfo.InvariantCulture), (stored.Schedule.ReportTo ?? ReconcileSchedules.Reports).Text, TimeText.Write(stored.Since),
    ];

    private static string TimesOf(ReconcileSchedule schedule) => schedule.Cron is { } cron
        ? $"by {cron} {schedule.Zone ?? "UTC"}"
        : string.Create(CultureInfo.InvariantCulture, $"every {schedule.Every:g}");
}

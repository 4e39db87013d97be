using System.CommandLine;
using System.Globalization;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq reconcile</c>: what was published and is not settled, and once more with it.</summary>
internal static class ReconcileCommand
{
    public static Command Build(Shell shell)
    {
        var (topic, group) = (Common.Topic(), Common.GroupArgument());
        var olderThan = Options.Of<TimeSpan?>("--older-than", "Only what was appended so long ago. Default: all.", "TIME", t => Text.Duration(t));
        var causes = Options.Of<IReadOnlyList<UnsettledCause>?>(
            "--cause", "Only these: neverDelivered, leased, returned, dead, uncommitted, deferred. Default: all are shown; dead and returned are delivered again.", "CAUSE,…",
            t => [.. t.Split(',').Select(word => Text.Word(Words.UnsettledCause)(word))]);
        var positions = Common.Positions("With --redeliver: only these, by their positions in the topic.");
        var max = Options.Of<long?>("--max", "Show at most so many messages; 0 counts alone. Default 20.", "N", t => Text.Count(t));
        var again = new Option<bool>("--redeliver") { Description = "Give them to the group again at once. A second time changes nothing more." };
        var command = new Command("reconcile", "What was published and is not settled by a group, by cause; deliver it again.")
        {
            topic, group, olderThan, causes, positions, max, again, ReconcileScheduleCommands.Schedule(shell), ReconcileScheduleCommands.List(shell), ReconcileScheduleCommands.Unschedule(shell),
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(positions) is not null && !result.GetValue(again))
                result.AddError("--positions goes with --redeliver.");
        });
        return shell.Handle(command, async run =>
        {
            var age = run.Get(olderThan) ?? TimeSpan.Zero;
            if (run.Get(again))
                return await Redeliver(run, run.Get(topic), run.Get(group), age, run.Get(causes), run.Get(positions));
            var request = new ReconcileRequest { OlderThan = age, Causes = run.Get(causes) };
            await Show(run, run.Get(topic), run.Get(group), request, run.Get(max) ?? 20);
            return ExitCode.Done;
        });
    }

    private static async Task<int> Redeliver(Invocation run, TopicName topic, GroupName group, TimeSpan age, IReadOnlyList<UnsettledCause>? causes, IReadOnlyList<Position>? positions)
    {
        var request = new RedeliverRequest { OlderThan = age, Positions = positions };
        var count = await run.Broker.Redeliver(topic, group, causes is null ? request : request with { Causes = causes }, run.Cancel);
        run.Out.Result($"{count} delivered again", Printer.Fields(("redelivered", count)));
        return ExitCode.Done;
    }

    private static async Task Show(Invocation run, TopicName topic, GroupName group, ReconcileRequest request, long left)
    {
        var (rows, counts, after) = (new List<IReadOnlyList<string>>(), (UnsettledCounts?)null, (string?)null);
        do
        {
            var page = await run.Broker.Reconcile(topic, group, request with { Max = (int)Math.Min(left, ReconcileRequest.MaxMessages), After = after }, run.Cancel);
            counts ??= page.Counts;
            if (run.Out.Json)
                run.Out.Line(json => ReconcileJson.Write(json, page));
            rows.AddRange(page.Messages.Select(Row));
            (left, after) = (left - page.Messages.Count, page.Next);
        }
        while (left > 0 && after is not null);
        if (run.Out.Json)
            return;
        run.Out.Table($"unsettled by {topic}/{group}", ["cause", "messages"],
        [
            ["never delivered", Number(counts.NeverDelivered)], ["leased", Number(counts.Leased)], ["returned", Number(counts.Returned)], ["dead", Number(counts.Dead)],
            ["uncommitted", Number(counts.Uncommitted)], ["deferred", Number(counts.Deferred)], ["total", Number(counts.Total)],
        ]);
        if (rows.Count > 0)
            run.Out.Table(after is null ? "messages" : "messages (there are more: --max)", ["position", "cause", "deliveries", "appended", "reason", "key", "body"], rows);
    }

    private static string[] Row(UnsettledMessage unsettled) =>
    [
        unsettled.Message.Position.ToString(),
        Words.UnsettledCause.Write(unsettled.Cause) + (unsettled.Expired ? ", expired" : ""),
        Number(unsettled.Deliveries),
        unsettled.AppendedAt is { } at ? TimeText.Write(at) : "-",
        unsettled.Message.DeadLetter?.Reason ?? "",
        unsettled.Message.KeyText ?? "",
        unsettled.Message.BodyText.Length <= 60 ? unsettled.Message.BodyText : unsettled.Message.BodyText[..59] + "…",
    ];

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}

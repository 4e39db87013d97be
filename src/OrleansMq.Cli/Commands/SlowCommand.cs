using System.CommandLine;
using System.Globalization;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq slow</c>: in which stage the time of a group's messages goes.</summary>
internal static class SlowCommand
{
    public static Command Build(Shell shell)
    {
        var (topic, group) = (Common.Topic(), Common.Group());
        var last = Options.Of<TimeSpan?>("--last", "Messages that were appended so lately; up to 7d. Default 10m.", "TIME", t => Text.Duration(t));
        return shell.Handle(new Command("slow", "How long messages take from stage to stage for a group, and which stage is the bottleneck.") { topic, group, last }, async run =>
        {
            var times = await run.Broker.Stages(run.Get(topic), run.Get(group), run.Get(last) ?? TimeSpan.FromMinutes(10), run.Cancel);
            if (run.Out.Json)
            {
                run.Out.Line(json => TraceJson.WriteTimes(json, times));
                return ExitCode.Done;
            }

            run.Out.Table($"{run.Get(topic)}/{run.Get(group)}: {times.Messages} messages", ["stage", "messages", "mean", "p50", "p90", "p99", "longest"],
            [
                Row("producer to append", times.Append), Row("append to first lease (log style: to the commit)", times.Wait), Row("last lease to settling", times.Handle),
                Row("append to settling", times.Total),
            ]);
            run.Out.Line(Verdict(times));
            return ExitCode.Done;
        });
    }

    /// <summary>The stage that most of the time goes to.</summary>
    internal static string Verdict(StageTimes times)
    {
        if (times.Wait.Count == 0)
            return $"none of {times.Messages} messages was taken by the group: it has no consumer, or stands still ('mq why')";
        var slowest = new[] { ("producer", times.Append), ("wait", times.Wait), ("handler", times.Handle) }.MaxBy(stage => Mean(stage.Item2)).Item1;
        var verdict = slowest switch
        {
            "producer" => "bottleneck: before the append (batching at the producer, a slow way to the broker, or two clocks that differ)",
            "wait" => "bottleneck: messages wait for a consumer (too few consumers, or the group was behind: 'mq why')",
            _ => "bottleneck: the consumers' own handling",
        };
        if (times.Redeliveries > 0 || times.DeadLettered > 0)
            verdict += string.Create(CultureInfo.InvariantCulture, $"; {times.Redeliveries} redeliveries, {times.DeadLettered} became dead letters");
        return times.IsWhole ? verdict : verdict + "; not all of the log was read, give a shorter --last";
    }

    private static double Mean(StageHistogram stage) => stage.Count == 0 ? 0 : (double)stage.SumMs / stage.Count;

    private static string[] Row(string name, StageHistogram stage) =>
        stage.Count == 0 ? [name, "0", "-", "-", "-", "-", "-"] :
        [
            name, stage.Count.ToString(CultureInfo.InvariantCulture), Ms(Mean(stage)), Ms(stage.Percentile(50).TotalMilliseconds), Ms(stage.Percentile(90).TotalMilliseconds),
            Ms(stage.Percentile(99).TotalMilliseconds), Ms(stage.MaxMs),
        ];

    private static string Ms(double ms) => ms.ToString("0", CultureInfo.InvariantCulture) + " ms";
}

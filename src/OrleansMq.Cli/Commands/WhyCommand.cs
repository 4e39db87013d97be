using System.CommandLine;
using System.Globalization;
using OrleansMq.Cli.Input;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq why</c>: why a group's backlog grows, and how long it takes to drain.</summary>
internal static class WhyCommand
{
    public static Command Build(Shell shell)
    {
        var (topic, group) = (Common.Topic(), Common.GroupArgument());
        var watch = Options.Of<TimeSpan?>("--watch", "How long the rates are measured. Default 5s.", "TIME", t => Text.Duration(t));
        var last = Options.Of<TimeSpan?>("--last", "Stage times of messages that were appended so lately. Default 10m.", "TIME", t => Text.Duration(t));
        return shell.Handle(new Command("why", "Why a group is behind: no consumer, poison, a hot key, slow handlers, a limit; and the time to drain.") { topic, group, watch, last }, async run =>
        {
            var backlog = await Look(run, run.Get(topic), run.Get(group), run.Get(watch) ?? TimeSpan.FromSeconds(5), run.Get(last) ?? TimeSpan.FromMinutes(10));
            if (run.Out.Json)
                run.Out.Line(json =>
                {
                    json.WriteStartObject();
                    json.WriteNumber("lag", backlog.Lag);
                    json.WriteNumber("inPerSecond", backlog.In);
                    json.WriteNumber("outPerSecond", backlog.Out);
                    if (backlog.TimeToDrain is { } drain)
                        json.WriteNumber("drainMs", (long)drain.TotalMilliseconds);
                    else
                        json.WriteNull("drainMs");
                    json.WriteStartArray("causes");
                    foreach (var (code, text) in backlog.Causes())
                    {
                        json.WriteStartObject();
                        json.WriteString("code", code);
                        json.WriteString("detail", text);
                        json.WriteEndObject();
                    }
                    json.WriteEndArray();
                    json.WriteEndObject();
                });
            else
                Print(run.Out, run.Get(topic), run.Get(group), backlog);
            return ExitCode.Done;
        });
    }

    private static void Print(Printer output, TopicName topic, GroupName group, Backlog backlog)
    {
        output.Line(string.Create(CultureInfo.InvariantCulture, $"{topic}/{group}: {backlog.Lag} behind, {backlog.In:0.##} a second come in, {backlog.Out:0.##} are settled; {Drain(backlog)}"));
        foreach (var (code, text) in backlog.Causes())
            output.Line($"{code}: {text}");
    }

    private static string Drain(Backlog backlog) => backlog switch
    {
        { Lag: 0 } => "nothing to drain",
        { TimeToDrain: { } drain } => string.Create(CultureInfo.InvariantCulture, $"drained in {drain:c}"),
        _ => "it does not get shorter",
    };

    private static async Task<Backlog> Look(Invocation run, TopicName topic, GroupName group, TimeSpan watch, TimeSpan last)
    {
        var (broker, time) = (run.Broker, run.Console.Time);
        var (began, before, endBefore) = (time.GetTimestamp(), await broker.DescribeGroup(topic, group, run.Cancel), await End(run, topic));
        await Task.Delay(watch, time, run.Cancel);
        var (after, endAfter) = (await broker.DescribeGroup(topic, group, run.Cancel), await End(run, topic));
        var seconds = Math.Max(0.001, time.GetElapsedTime(began).TotalSeconds);
        var (lagBefore, lag) = (before.Partitions.Sum(each => each.Lag), after.Partitions.Sum(each => each.Lag));
        var unsettled = await broker.Reconcile(topic, group, new ReconcileRequest { Max = ReconcileRequest.MaxMessages }, run.Cancel);
        var most = after.Partitions.MaxBy(each => each.Lag);
        return new Backlog
        {
            Settings = after.Settings,
            Lag = lag,
            InFlight = after.Partitions.Sum(each => each.InFlight),
            Consumers = after.Members.Count,
            In = (endAfter - endBefore) / seconds,
            Out = Math.Max(0, endAfter - endBefore - (lag - lagBefore)) / seconds,
            Counts = unsettled.Counts,
            Times = await broker.Stages(topic, group, last, run.Cancel),
            HotKey = HotKey(unsettled.Messages),
            HotPartition = after.Partitions.Count > 1 && lag > 0 ? (most!.Partition, (double)most.Lag / lag) : null,
            Unserved = [.. after.Partitions.Where(each => each.Error is not null).Select(each => $"partition {each.Partition}: {each.Error!.Code}: {each.Error.Detail}")],
        };
    }

    private static async Task<long> End(Invocation run, TopicName topic) => (await run.Broker.DescribeTopic(topic, run.Cancel)).Partitions.Sum(each => each.End);

    /// <summary>Of a handful nothing can be said.</summary>
    private static (string, double)? HotKey(IReadOnlyList<UnsettledMessage> messages) =>
        messages.Count < 20 ? null : messages.Where(each => each.Message.Key is not null).GroupBy(each => each.Message.KeyText!).MaxBy(each => each.Count()) is { } most
            ? (most.Key, (double)most.Count() / messages.Count)
            : null;
}

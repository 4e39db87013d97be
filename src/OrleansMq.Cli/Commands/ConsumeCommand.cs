using System.CommandLine;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary>When a consumed message is acknowledged.</summary>
internal enum AckMode
{
    /// <summary>Once it has left standard output: printed at least once.</summary>
    AfterPrint = 0,

    /// <summary>Before it is printed: printed at most once.</summary>
    BeforePrint = 1,

    /// <summary>Not at all: the lease lapses, and the message is delivered again.</summary>
    Never = 2,

    /// <summary>Not at all: once it has left standard output it is set aside.</summary>
    Defer = 3,
}

/// <summary>What <c>mq consume</c> was asked.</summary>
internal sealed record ConsumeOptions(TopicName Topic, GroupName Group, long? Max, bool Follow, AckMode Ack, TimeSpan Wait, string Consumer, IReadOnlyList<Position> Deferred, Action<StoredMessage> Print);

/// <summary><c>mq consume</c>.</summary>
internal static class ConsumeCommand
{
    public static Command Build(Shell shell)
    {
        var (topic, group, max) = (Common.Topics(), Common.Group(), Common.Max("End after so many messages."));
        var follow = new Option<bool>("--follow", "-f") { Description = "Wait for more instead of ending when there is nothing left; outlasts the broker's restarts." };
        var style = Options.Of<GroupStyle?>("--style", "queue: lease and acknowledge; log: read whole partitions and commit. Default: the group's, queue for a new one.", "STYLE", t => Text.Word(Words.GroupStyle)(t));
        var ack = Options.Of("--ack", "after-print: printed at least once (default); before-print: at most once; never: the messages come again; defer: they are set aside, to be had by --deferred.", "WHEN", Ack, AckMode.AfterPrint);
        var wait = Options.Of<TimeSpan?>("--wait", "Without --follow: how long to wait for the next message before ending. Default 1s.", "TIME", t => Text.Duration(t));
        var consumer = new Option<string>("--consumer") { Description = "This consumer's name in the group.", HelpName = "NAME", DefaultValueFactory = _ => $"mq-{Environment.MachineName}-{Environment.ProcessId}" };
        var deferred = Common.Positions("Not what is next but these, which the group set aside.", "--deferred");
        var separator = Common.KeySeparator("Print each message's key before its body, with this between.");
        var command = new Command("consume", "Print a group's messages and acknowledge them. The group is made on first use.") { topic, group, max, follow, style, ack, wait, consumer, deferred, separator };
        return shell.Handle(command, async run =>
        {
            if (run.Get(topic).Text.Contains('*', StringComparison.Ordinal))
            {
                if (!run.Get(follow) || run.Get(ack) != AckMode.AfterPrint || run.Get(deferred) is not null)
                    throw new UsageException("topics that match a pattern are followed, and acknowledged after printing: say --follow, and --ack after-print or nothing.");
                await PatternConsumption.Run(run, new(run.Get(topic), run.Get(group), run.Get(style) ?? GroupStyle.Queue, run.Get(max), run.Get(consumer), run.Get(separator)));
                return ExitCode.Done;
            }
            var options = new ConsumeOptions(run.Get(topic).Text, run.Get(group), run.Get(max), run.Get(follow), run.Get(ack), run.Get(wait) ?? TimeSpan.FromSeconds(1), run.Get(consumer), run.Get(deferred) ?? [],
                MessagePrinter.For(run, run.Get(separator)));
            var isLog = await StyleOf(run, options, run.Get(style)) == GroupStyle.Log;
            if (isLog && (options.Ack == AckMode.Defer || options.Deferred.Count > 0))
                throw new UsageException("a group of log style sets nothing aside.");
            if (isLog)
                await LogConsumption.Run(run, options);
            else
                await QueueConsumption.Run(run, options);
            return ExitCode.Done;
        });
    }

    private static async Task<GroupStyle> StyleOf(Invocation run, ConsumeOptions options, GroupStyle? asked)
    {
        try
        {
            var group = await Patience.Try(run, options.Follow, () => run.Broker.DescribeGroup(options.Topic, options.Group, run.Cancel));
            return asked is { } style && style != group.Settings.Style
                ? throw new MqException(ErrorCodes.Conflict, $"Group {options.Topic}/{options.Group} is of {Words.GroupStyle.Write(group.Settings.Style)} style.")
                : group.Settings.Style;
        }
        catch (MqException e) when (e.Code == ErrorCodes.GroupUnknown)
        {
            return asked ?? GroupStyle.Queue;
        }
    }

    private static AckMode Ack(string text) => text switch
    {
        "after-print" => AckMode.AfterPrint,
        "before-print" => AckMode.BeforePrint,
        "never" => AckMode.Never,
        "defer" => AckMode.Defer,
        _ => throw new FormatException($"'{text}' is not after-print, before-print, never, defer"),
    };
}

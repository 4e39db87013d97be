using System.CommandLine;
using OrleansMq.Cli.Input;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq browse</c>: looks, and leaves no trace.</summary>
internal static class BrowseCommand
{
    public static Command Build(Shell shell)
    {
        var topic = Common.Topic();
        var partition = Options.Of<int?>("--partition", "One partition, or all. Default all, one after another.", "P|all", t => t == "all" ? null : Text.SmallCount(t));
        var from = Options.Of("--from", "earliest, latest, an offset, a time (RFC 3339), or how long ago (10m). Default earliest.", "WHERE", t => Text.Start(t, shell.Console.Time.GetUtcNow()), StartAt.Earliest);
        var max = Common.Max("At most so many messages.");
        var separator = Common.KeySeparator("Print each message's key before its body, with this between.");
        return shell.Handle(new Command("browse", "Print messages without consuming them; changes nothing. Ends at what was the end when it began.") { topic, partition, from, max, separator }, async run =>
        {
            var described = await run.Broker.DescribeTopic(run.Get(topic), run.Cancel);
            var print = MessagePrinter.For(run, run.Get(separator));
            await foreach (var message in Messages(run, described, run.Get(partition), run.Get(from)).Take(run.Get(max)))
                print(message);
            return ExitCode.Done;
        });
    }

    private static async IAsyncEnumerable<StoredMessage> Messages(Invocation run, TopicDescription topic, int? only, StartAt from)
    {
        var partitions = only is { } one ? [one] : topic.Partitions.Select(p => p.Partition);
        foreach (var partition in partitions)
        {
            var start = await run.Broker.FindOffset(topic.Name, partition, from, run.Cancel);
            var end = topic.Partitions.FirstOrDefault(p => p.Partition == partition)?.End ?? start;
            await foreach (var message in run.Broker.Browse(topic.Name, partition, start, end, run.Cancel))
                yield return message;
        }
    }
}

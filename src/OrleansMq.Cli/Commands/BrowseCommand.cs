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
        var follow = new Option<bool>("--follow", "-f") { Description = "Wait for more at the end. One partition only." };
        var filter = Options.Of<string?>("--filter", "Only messages for which this holds: type = 'order' AND total > 100. Default all.", "CONDITION", t => t);
        var separator = Common.KeySeparator("Print each message's key before its body, with this between.");
        return shell.Handle(new Command("browse", "Print messages without consuming them; changes nothing. Ends at what was the end when it began.") { topic, partition, from, max, follow, filter, separator }, async run =>
        {
            var partitions = run.Get(partition) is { } one ? [one] : await AllOf(run, run.Get(topic));
            if (run.Get(follow) && partitions.Count > 1)
                throw new UsageException("--follow browses one partition; give --partition.");
            var print = MessagePrinter.For(run, run.Get(separator));
            await foreach (var message in Messages(run, run.Get(topic), partitions, run.Get(from), run.Get(follow), run.Get(filter)).Take(run.Get(max)))
            {
                print(message);
                if (run.Get(follow))
                    run.Out.Flush();
            }
            return ExitCode.Done;
        });
    }

    private static async Task<IReadOnlyList<int>> AllOf(Invocation run, TopicName topic) =>
        [.. (await run.Broker.DescribeTopic(topic, run.Cancel)).Partitions.Select(p => p.Partition)];

    private static async IAsyncEnumerable<StoredMessage> Messages(Invocation run, TopicName topic, IReadOnlyList<int> partitions, StartAt from, bool follow, string? filter)
    {
        foreach (var partition in partitions)
            await foreach (var message in run.Broker.Browse(topic, partition, from, follow, filter, run.Cancel))
                yield return message;
    }
}

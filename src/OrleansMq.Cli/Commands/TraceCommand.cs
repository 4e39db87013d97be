using System.CommandLine;
using System.Globalization;
using System.Text;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq trace</c>: the way of a message, of a key's last ones, or of all messages of one operation.</summary>
internal static class TraceCommand
{
    public static Command Build(Shell shell)
    {
        var topic = new Argument<string?>("TOPIC") { Description = "The topic. With --operation: all topics where it is left out.", Arity = ArgumentArity.ZeroOrOne };
        var what = new Argument<string?>("MESSAGE") { Description = "Its position, such as 0:42, or its token.", Arity = ArgumentArity.ZeroOrOne };
        var key = new Option<string?>("--key") { Description = "The last messages of this key in place of one.", HelpName = "KEY" };
        var operation = new Option<string?>("--operation") { Description = "All messages with this correlation id, in the order of time.", HelpName = "ID" };
        var max = Common.Max("With --key and --operation: at most so many messages, the last. Default 10.");
        var since = Options.Of<TimeSpan?>("--since", "With --key and --operation: how far back messages are looked for. Default 1h.", "TIME", t => Text.Duration(t));
        var command = new Command("trace", "When a message was appended, leased, and settled by each group.") { topic, what, key, operation, max, since };
        command.Validators.Add(result =>
        {
            var asked = new[] { result.GetValue(what), result.GetValue(key), result.GetValue(operation) }.Count(each => each is not null);
            if (asked != 1 || (result.GetValue(topic) is null && result.GetValue(operation) is null))
                result.AddError("trace needs a topic and one of MESSAGE, --key and --operation; with --operation the topic may be left out.");
        });
        return shell.Handle(command, async run =>
        {
            var name = run.GetOptional(topic) is { } text ? new TopicName(text) : (TopicName?)null;
            var search = new Search(run, run.Console.Time.GetUtcNow() - (run.Get(since) ?? TimeSpan.FromHours(1)), (int)Math.Min(run.Get(max) ?? 10, 1_000));
            var traces = run.GetOptional(what) is { } message ? [(name!.Value, await run.Broker.Trace(name.Value, RequestOf(message), run.Cancel))]
                : run.Get(key) is { } wanted ? await search.OfKey(name!.Value, wanted)
                : await search.OfOperation(name, run.Get(operation)!);
            foreach (var (of, trace) in traces)
                Print(run.Out, of, trace);
            if (traces.Count > 0)
                return ExitCode.Done;
            throw new MqException(ErrorCodes.MessageUnknown, "No such message was found; --since looks further back.");
        });
    }

    private static TraceRequest RequestOf(string message)
    {
        try
        {
            return new TraceRequest { Position = Text.Position(message) };
        }
        catch (FormatException)
        {
            return new TraceRequest { Token = message };
        }
    }

    private static void Print(Printer output, TopicName topic, MessageTrace trace)
    {
        if (output.Json)
        {
            output.Line(json => TraceJson.Write(json, trace));
            return;
        }

        var rows = new List<IReadOnlyList<string>>();
        DateTimeOffset? last = null;
        foreach (var told in trace.Events)
        {
            rows.Add([TimeText.Write(told.At), last is { } before ? Milliseconds(told.At - before) : "", Words.TraceStage.Write(told.Stage), told.Group ?? "", Detail(told)]);
            last = told.At;
        }

        output.Table($"{topic} {trace.Message.Position}{(trace.IsWhole ? "" : " (the log was not read to its end)")}", ["at", "later by", "stage", "group", ""], rows);
    }

    private static string Detail(TraceEvent told) => told.Stage switch
    {
        TraceStage.Leased => string.Create(CultureInfo.InvariantCulture, $"delivery {told.Delivery} to {(string.IsNullOrEmpty(told.Consumer) ? "?" : told.Consumer)}"),
        TraceStage.Returned when told.Until is { } due => $"due at {TimeText.Write(due)}",
        TraceStage.Extended when told.Until is { } until => $"until {TimeText.Write(until)}",
        _ => "",
    };

    private static string Milliseconds(TimeSpan time) => ((long)time.TotalMilliseconds).ToString(CultureInfo.InvariantCulture) + " ms";

    /// <summary>Looks for messages by what stands in them.</summary>
    private sealed class Search(Invocation run, DateTimeOffset since, int max)
    {
        public async Task<List<(TopicName, MessageTrace)>> OfKey(TopicName topic, string key)
        {
            var partitions = (await run.Broker.DescribeTopic(topic, run.Cancel)).Partitions.Count;
            uint turn = 0;
            var partition = PartitionChoice.Of(Message.OfText("", key), partitions, ref turn);
            var wanted = Encoding.UTF8.GetBytes(key);
            return await Traces([.. (await Found(topic, partition, message => message.Key is { } k && k.Span.SequenceEqual(wanted))).TakeLast(max)]);
        }

        public async Task<List<(TopicName, MessageTrace)>> OfOperation(TopicName? topic, string operation)
        {
            var found = new List<(TopicName Topic, StoredMessage Message)>();
            await foreach (var each in Topics(topic))
                foreach (var partition in (await run.Broker.DescribeTopic(each, run.Cancel)).Partitions)
                    found.AddRange(await Found(each, partition.Partition, message => message.CorrelationId == operation));
            return await Traces([.. found.OrderBy(each => each.Message.Timestamp).TakeLast(max)]);
        }

        private async IAsyncEnumerable<TopicName> Topics(TopicName? topic)
        {
            if (topic is { } one)
                yield return one;
            else
                await foreach (var each in Pages.All(after => run.Broker.ListTopics("", after, 1_000, run.Cancel)))
                    yield return each;
        }

        private async Task<List<(TopicName Topic, StoredMessage Message)>> Found(TopicName topic, int partition, Func<StoredMessage, bool> wanted)
        {
            var found = new List<(TopicName, StoredMessage)>();
            await foreach (var message in run.Broker.Browse(topic, partition, StartAt.Time(since), cancel: run.Cancel))
                if (wanted(message))
                    found.Add((topic, message));
            return found;
        }

        private async Task<List<(TopicName, MessageTrace)>> Traces(List<(TopicName Topic, StoredMessage Message)> messages)
        {
            var traces = new List<(TopicName, MessageTrace)>();
            foreach (var (topic, message) in messages)
                traces.Add((topic, await run.Broker.Trace(topic, new TraceRequest { Position = message.Position }, run.Cancel)));
            return traces;
        }
    }
}

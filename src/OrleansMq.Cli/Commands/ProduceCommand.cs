using System.CommandLine;
using System.Text;
using OrleansMq.Cli.Input;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq produce</c>: a message for each line.</summary>
internal static class ProduceCommand
{
    public static Command Build(Shell shell)
    {
        var topic = Common.Topic();
        var file = new Option<string?>("--file") { Description = "Read this file instead of standard input.", HelpName = "FILE" };
        var separator = Common.KeySeparator("A line is KEY, this text, BODY. Without: the whole line is the body.");
        var jsonLines = new Option<bool>("--json-lines") { Description = "A line is a message object as HTTP takes it and 'mq browse --json' prints it." };
        var headers = Common.Headers("name=text on every message; may be given again.");
        var contentType = new Option<string?>("--content-type") { Description = "Of every body, such as application/json.", HelpName = "TYPE" };
        var token = new Option<string?>("--token") { Description = "Idempotency token of each line: {n} is its number, {key} its key. The same input sent again with the same tokens is stored once.", HelpName = "TEMPLATE" };
        var acks = Common.Acks();
        var partition = Options.Of<int?>("--partition", "Send all to this one. Default: by key, else by token, else in turn.", "P", t => Text.SmallCount(t));
        var delay = Options.Of<TimeSpan?>("--delay", "Deliver every message so long after the broker has it.", "TIME", t => Text.Duration(t));
        var at = Options.Of<DateTimeOffset?>("--at", "Deliver every message at this time, not before.", "TIME", t => Text.Time(t));
        var ttl = Options.Of<TimeSpan?>("--ttl", "How long every message may wait for its delivery by a queue-style group.", "TIME", t => Text.Duration(t));
        var priority = Options.Of<int?>("--priority", "Of every message, 0 to 9: higher ones first in groups that say so. Default 4.", "N", t => Text.Priority(t));
        var rate = Options.Of<double?>("--rate", "At most so many lines a second.", "N", t => Text.Rate(t));
        var retryFor = Options.Of<TimeSpan?>("--retry-for", "How long what may pass (unavailable, a rate, an unknown outcome) is tried again. Default: without end.", "TIME", t => Text.Duration(t));

        var command = new Command("produce", "Send a message for each line of standard input or a file, in order.") { topic, file, separator, jsonLines, headers, contentType, token, acks, partition, delay, at, ttl, priority, rate, retryFor };
        command.Validators.Add(result =>
        {
            if (result.GetValue(jsonLines) && result.GetResult(separator) is not null)
                result.AddError("--json-lines carries its keys; --key-separator does not go with it.");
        });
        command.Validators.Add(result =>
        {
            if (result.GetResult(delay) is not null && result.GetResult(at) is not null)
                result.AddError("--delay and --at contradict each other: give one.");
        });
        return shell.Handle(command, async run =>
        {
            var lines = new LineReading(
                run.Get(jsonLines), run.Get(separator), [.. run.Get(headers).Select(Text.Header)], run.Get(contentType), run.Get(token), run.Get(partition))
            {
                DeliverAfter = run.Get(delay),
                DeliverAt = run.Get(at),
                TimeToLive = run.Get(ttl),
                Priority = run.Get(priority),
            };
            var options = new ProducerOptions { Acks = run.Get(acks), RetryFor = run.Get(retryFor) ?? Timeout.InfiniteTimeSpan, Client = "mq produce" };
            using var opened = run.Get(file) is { } name ? new StreamReader(name, new UTF8Encoding(false)) : null;
            return await Production.Run(run, run.Get(topic), options, lines, opened ?? run.Console.In, run.Get(rate));
        });
    }
}

/// <summary>How a line becomes a message.</summary>
internal sealed record LineReading(
    bool JsonLines, string? KeySeparator, IReadOnlyList<KeyValuePair<string, string>> Headers, string? ContentType, string? Token, int? Partition)
{
    public TimeSpan? DeliverAfter { get; init; }
    public DateTimeOffset? DeliverAt { get; init; }
    public TimeSpan? TimeToLive { get; init; }
    public int? Priority { get; init; }

    /// <exception cref="UsageException">The line is not what the options say.</exception>
    public Message Read(string line, long number)
    {
        var message = JsonLines ? ReadJson(line, number) : ReadText(line, number);
        return message with
        {
            Headers = Headers.Count == 0 ? message.Headers : [.. message.Headers, .. Headers],
            ContentType = ContentType ?? message.ContentType,
            Token = Token is null ? message.Token : TokenTemplate.Fill(Token, number, message.Key is { } key ? Encoding.UTF8.GetString(key.Span) : null),
            Partition = Partition ?? message.Partition,
            DeliverAfter = DeliverAt is null ? DeliverAfter ?? message.DeliverAfter : null,
            DeliverAt = DeliverAfter is null ? DeliverAt ?? message.DeliverAt : null,
            TimeToLive = TimeToLive ?? message.TimeToLive,
            Priority = Priority ?? message.Priority,
        };
    }

    private static Message ReadJson(string line, long number)
    {
        try
        {
            return MessageLine.Parse(line);
        }
        catch (FormatException e)
        {
            throw new UsageException($"line {number}: {e.Message}.");
        }
    }

    private Message ReadText(string line, long number)
    {
        if (KeySeparator is not { } separator)
            return new Message { Body = Encoding.UTF8.GetBytes(line) };
        var at = line.IndexOf(separator, StringComparison.Ordinal);
        if (at < 0)
            throw new UsageException($"line {number} has no '{separator}' between key and body.");
        return new Message { Key = Encoding.UTF8.GetBytes(line[..at]), Body = Encoding.UTF8.GetBytes(line[(at + separator.Length)..]) };
    }
}

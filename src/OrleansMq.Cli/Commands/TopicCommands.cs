using System.CommandLine;
using System.Globalization;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq topic create|change|grow|describe|delete|list</c>.</summary>
internal static class TopicCommands
{
    public static Command Build(Shell shell) => new("topic", "Create, change, grow, describe, delete and list topics.")
    {
        Put(shell, "create", "Create a topic. One that exists already is left as it is and refused (name-taken).", Create),
        Put(shell, "change", "Change settings of a topic; those left out keep their value.", Change),
        Grow(shell),
        Describe(shell),
        Delete(shell),
        List(shell),
    };

    private static Command Put(Shell shell, string name, string description, Func<Invocation, TopicName, TopicChange, Task<TopicDescription>> put)
    {
        var topic = Common.Topic();
        var settings = new TopicOptions();
        var command = new Command(name, description) { topic };
        settings.AddTo(command);
        return shell.Handle(command, async run =>
        {
            var now = await put(run, run.Get(topic), settings.Read(run));
            run.Out.Result($"topic {now.Name}: {name}d, {now.Settings.Partitions} partition{(now.Settings.Partitions == 1 ? "" : "s")}", json => TopicJson.Write(json, now));
            return ExitCode.Done;
        });
    }

    private static async Task<TopicDescription> Create(Invocation run, TopicName topic, TopicChange change)
    {
        if (await Existing(run, topic) is not null)
            throw new MqException(ErrorCodes.NameTaken, $"Topic {topic} exists already; 'mq topic change' changes it.");
        return await run.Broker.PutTopic(topic, change, run.Cancel);
    }

    private static async Task<TopicDescription> Change(Invocation run, TopicName topic, TopicChange change)
    {
        // PutTopic would create it: a mistyped name must not become a topic.
        _ = await run.Broker.DescribeTopic(topic, run.Cancel);
        return await run.Broker.PutTopic(topic, change, run.Cancel);
    }

    private static Command Grow(Shell shell)
    {
        var topic = Common.Topic();
        var partitions = new Option<int>("--partitions") { Description = "How many there are to be: a multiple of those that there are.", Required = true };
        var breakKeyOrder = new Option<bool>("--break-key-order") { Description = "Also to what is no multiple: keys then move without waiting for what stood before." };
        return shell.Handle(new Command("grow", "Give a topic more partitions, while it is at work.") { topic, partitions, breakKeyOrder }, async run =>
        {
            var now = await run.Broker.GrowTopic(run.Get(topic), run.Get(partitions), run.Get(breakKeyOrder), run.Cancel);
            run.Out.Result($"topic {now.Name}: {now.Settings.Partitions} partition{(now.Settings.Partitions == 1 ? "" : "s")}", json => TopicJson.Write(json, now));
            return ExitCode.Done;
        });
    }

    private static async Task<TopicDescription?> Existing(Invocation run, TopicName topic)
    {
        try
        {
            return await run.Broker.DescribeTopic(topic, run.Cancel);
        }
        catch (MqException e) when (e.Code == ErrorCodes.TopicUnknown)
        {
            return null;
        }
    }

    private static Command Describe(Shell shell)
    {
        var topic = Common.Topic();
        return shell.Handle(new Command("describe", "A topic's settings and each partition's owner, start, end and bytes.") { topic }, async run =>
        {
            var found = await run.Broker.DescribeTopic(run.Get(topic), run.Cancel);
            if (run.Out.Json)
                run.Out.Line(json => TopicJson.Write(json, found));
            else
                Print(run.Out, found);
            return ExitCode.Done;
        });
    }

    private static void Print(Printer output, TopicDescription topic)
    {
        output.Facts($"topic {topic.Name}", json => TopicJson.Write(json, topic), of: "settings");
        output.Table("partitions", ["partition", "owner", "start", "end", "messages", "bytes", "state"], topic.Partitions.Select(p => (IReadOnlyList<string>)
            [Number(p.Partition), p.Owner, Number(p.Start), Number(p.End), Number(p.End - p.Start), Number(p.Bytes), p.Error is { } e ? $"{e.Code}: {e.Detail}" : "served"]));
    }

    private static Command Delete(Shell shell)
    {
        var topic = Common.Topic();
        return shell.Handle(new Command("delete", "Delete a topic with its messages, groups and dead letters.") { topic }, async run =>
        {
            await run.Broker.DeleteTopic(run.Get(topic), run.Cancel);
            run.Out.Result($"topic {run.Get(topic)}: deleted", Printer.Fields(("topic", run.Get(topic).Text), ("deleted", true)));
            return ExitCode.Done;
        });
    }

    private static Command List(Shell shell)
    {
        var prefix = new Option<string>("--prefix") { Description = "Only names that begin so.", DefaultValueFactory = _ => "" };
        return shell.Handle(new Command("list", "Names of all topics, one a line.") { prefix }, async run =>
        {
            await Pages.Print(run.Out, "topics", Pages.All(after => run.Broker.ListTopics(run.Get(prefix), after, 1_000, run.Cancel)), name => name.Text);
            return ExitCode.Done;
        });
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A topic's settings as options.</summary>
internal sealed class TopicOptions
{
    private readonly Option<Change<int>> _partitions = Options.Change("--partitions", "1 to 10,000; grows by multiples, can't shrink. Default 1.", "N", Text.SmallCount);
    private readonly Option<Change<Acks?>> _acks = Options.ChangeOrNone("--acks", "Least level of acknowledgement: accepted or durable. Default none set.", "LEVEL", Text.Word(Words.Acks));
    private readonly Option<Change<bool>> _keepUnsettled = Options.Change("--keep-unsettled", "Whether what a declared group has not settled outlives the retention. Default true.", "BOOL", Text.Switch);
    private readonly Option<Change<TimeSpan>> _retention = Options.Change("--retention", "How long settled messages stay. Default 7d.", "TIME", Text.Duration);
    private readonly Option<Change<long?>> _retentionBytes = Options.ChangeOrNone("--retention-bytes", "Bytes in each partition beyond which settled messages go. Default none.", "BYTES", Text.Bytes);
    private readonly Option<Change<long?>> _maxMessages = Options.ChangeOrNone("--max-messages", "Backlog limit over all partitions. Default none.", "N", Text.Count);
    private readonly Option<Change<long?>> _maxBytes = Options.ChangeOrNone("--max-bytes", "Backlog limit in bytes. Default none.", "BYTES", Text.Bytes);
    private readonly Option<Change<WhenFull>> _whenFull = Options.Change("--when-full", "What the limits do: refuse, dropOldest, wait. Default refuse.", "WHAT", Text.Word(Words.WhenFull));
    private readonly Option<Change<long?>> _admit = Options.ChangeOrNone("--admit", "Exactly so many messages are accepted in the topic's life. Default none.", "N", Text.Count);
    private readonly Option<Change<double?>> _rate = Options.ChangeOrNone("--rate", "Messages a second. Default none.", "N", Text.Rate);
    private readonly Option<Change<double?>> _producerRate = Options.ChangeOrNone("--producer-rate", "Messages a second of each producer. Default none.", "N", Text.Rate);
    private readonly Option<Change<int>> _maxMessageBytes = Options.Change("--max-message-bytes", "Largest message. Default 1MiB.", "BYTES", t => checked((int)Text.Bytes(t)));
    private readonly Option<Change<int>> _maxBatchBytes = Options.Change("--max-batch-bytes", "Largest batch. Default 4MiB.", "BYTES", t => checked((int)Text.Bytes(t)));
    private readonly Option<Change<int>> _tokenCount = Options.Change("--token-count", "Idempotency tokens remembered in each partition. Default 1000000.", "N", Text.SmallCount);
    private readonly Option<Change<TimeSpan>> _tokenAge = Options.Change("--token-age", "How long a token is remembered, up to 7d. Default 10m.", "TIME", Text.Duration);
    private readonly Option<Change<TimeSpan?>> _ttl = Options.ChangeOrNone("--ttl", "How long a message may wait for its delivery by a queue-style group. Default none.", "TIME", Text.Duration);
    private readonly Option<Change<bool>> _compact = Options.Change("--compact", "Keep each key's last message and let those before it go.", "BOOL", Text.Switch);
    private readonly Option<Change<double?>> _compactRatio = Options.ChangeOrNone("--compact-ratio", "Compacted once this part of what is stored was not yet, 0 to 1. Default the broker's, 0.5.", "RATIO", Text.Fraction);
    private readonly Option<Change<TimeSpan?>> _compactMinAge = Options.ChangeOrNone("--compact-min-age", "What is younger is not compacted. Default the broker's, 0.", "TIME", Text.Duration);
    private readonly Option<Change<TimeSpan?>> _tombstoneAge = Options.ChangeOrNone("--tombstone-age", "How long tombstones stay after a compaction. Default the broker's, 24h.", "TIME", Text.Duration);

    public void AddTo(Command command)
    {
        foreach (var option in new Option[]
        {
            _partitions, _acks, _keepUnsettled, _retention, _retentionBytes, _maxMessages, _maxBytes, _whenFull, _admit, _rate, _producerRate,
            _maxMessageBytes, _maxBatchBytes, _tokenCount, _tokenAge, _ttl, _compact, _compactRatio, _compactMinAge, _tombstoneAge,
        })
            command.Add(option);
    }

    public TopicChange Read(Invocation run) => new()
    {
        Partitions = run.Get(_partitions),
        Acks = run.Get(_acks),
        KeepUnsettled = run.Get(_keepUnsettled),
        Retention = run.Get(_retention),
        RetentionBytes = run.Get(_retentionBytes),
        MaxMessages = run.Get(_maxMessages),
        MaxBytes = run.Get(_maxBytes),
        WhenFull = run.Get(_whenFull),
        Admit = run.Get(_admit),
        RatePerSecond = run.Get(_rate),
        ProducerRatePerSecond = run.Get(_producerRate),
        MaxMessageBytes = run.Get(_maxMessageBytes),
        MaxBatchBytes = run.Get(_maxBatchBytes),
        TokenCount = run.Get(_tokenCount),
        TokenAge = run.Get(_tokenAge),
        TimeToLive = run.Get(_ttl),
        Compact = run.Get(_compact),
        CompactDirtyRatio = run.Get(_compactRatio),
        CompactMinAge = run.Get(_compactMinAge),
        TombstoneAge = run.Get(_tombstoneAge),
    };
}

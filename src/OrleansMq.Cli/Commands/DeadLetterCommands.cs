using System.CommandLine;
using System.Globalization;
using System.Text;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq dlq list|show|redrive|discard</c>.</summary>
internal static class DeadLetterCommands
{
    public static Command Build(Shell shell) => new("dlq", "List, show, redrive and discard a group's dead letters.")
    {
        List(shell), Show(shell), Redrive(shell), Discard(shell),
    };

    private static Command List(Shell shell)
    {
        var (topic, group, max) = (Common.Topic(), Common.Group(), Common.Max("At most so many."));
        return shell.Handle(new Command("list", "Dead letters with reason, origin and deliveries.") { topic, group, max }, async run =>
        {
            var rows = new List<IReadOnlyList<string>>();
            var letters = DeadLetters(run, run.Get(topic), run.Get(group)).Take(run.Get(max));
            await foreach (var letter in letters)
                if (run.Out.Json)
                    run.Out.Line(json => StoredMessageJson.Write(json, letter));
                else
                    rows.Add(Row(letter));
            if (!run.Out.Json)
                run.Out.Table($"dead letters of {run.Get(topic)}/{run.Get(group)}", ["position", "at", "reason", "deliveries", "origin", "key", "body"], rows);
            return ExitCode.Done;
        });
    }

    private static string[] Row(StoredMessage letter) =>
    [
        letter.Position.ToString(),
        letter.DeadLetter is { } dead ? TimeText.Write(dead.At) : "",
        letter.DeadLetter?.Reason ?? "",
        letter.DeadLetter?.Deliveries.ToString(CultureInfo.InvariantCulture) ?? "",
        letter.DeadLetter?.Origin.ToString() ?? "",
        letter.KeyText ?? "",
        letter.BodyText.Length <= 60 ? letter.BodyText : letter.BodyText[..59] + "…",
    ];

    private static Command Show(Shell shell)
    {
        var (topic, group, position) = (Common.Topic(), Common.Group(), Position());
        return shell.Handle(new Command("show", "One dead letter with everything it carries.") { topic, position, group }, async run =>
        {
            var letter = await Find(run, run.Get(topic), run.Get(group), run.Get(position));
            if (run.Out.Json)
            {
                run.Out.Line(json => StoredMessageJson.Write(json, letter));
                return ExitCode.Done;
            }
            run.Out.Facts($"dead letter {letter.Position}", json => StoredMessageJson.Write(json, letter), without: ["body", "bodyBase64"]);
            run.Out.Line(letter.BodyText);
            return ExitCode.Done;
        });
    }

    private static Command Redrive(Shell shell)
    {
        var (topic, group, all, positions) = (Common.Topic(), Common.Group(), All(), Common.Positions("Dead letters by their position in the dead-letter topic."));
        var replace = new Option<string?>("--replace") { Description = "A new body instead of the old: the text, @FILE, or @- for standard input. One position only.", HelpName = "BODY" };
        var edit = new Option<bool>("--edit") { Description = "Open the body in $EDITOR and redrive what is saved. One position only." };
        var command = new Command("redrive", "Give dead letters to the group again.") { topic, group, all, positions, replace, edit };
        OneSelection(command, all, positions);
        command.Validators.Add(result =>
        {
            var changed = (result.GetValue(edit) ? 1 : 0) + (result.GetResult(replace) is null ? 0 : 1);
            if (changed > 1 || changed == 1 && result.GetValue(positions) is not { Count: 1 })
                result.AddError("--replace and --edit change one dead letter: give one of them, and exactly one position.");
        });
        return shell.Handle(command, async run =>
        {
            var replacement = await Replacement(run, run.Get(topic), run.Get(group), run.Get(positions), run.Get(replace), run.Get(edit));
            var count = await run.Broker.Redrive(run.Get(topic), run.Get(group), Selection(run.Get(positions)), replacement, run.Cancel);
            run.Out.Result($"{count} redriven", Printer.Fields(("redriven", count)));
            return ExitCode.Done;
        });
    }

    private static Command Discard(Shell shell)
    {
        var (topic, group, all, positions) = (Common.Topic(), Common.Group(), All(), Common.Positions("Dead letters by their position in the dead-letter topic."));
        var command = new Command("discard", "Throw dead letters away.") { topic, group, all, positions };
        OneSelection(command, all, positions);
        return shell.Handle(command, async run =>
        {
            var count = await run.Broker.Discard(run.Get(topic), run.Get(group), Selection(run.Get(positions)), run.Cancel);
            run.Out.Result($"{count} discarded", Printer.Fields(("discarded", count)));
            return ExitCode.Done;
        });
    }

    /// <summary>The letter with another body and all else as it was; null where nothing is to be changed.</summary>
    private static async Task<Message?> Replacement(Invocation run, TopicName topic, GroupName group, IReadOnlyList<Position>? positions, string? replace, bool edit)
    {
        if (replace is null && !edit)
            return null;
        var letter = await Find(run, topic, group, positions![0]);
        var body = replace is not null ? await BodyOf(run, replace)
            : run.Console.Edit is { } editor ? editor(letter.BodyText)
            : throw new UsageException("--edit needs a terminal and $EDITOR; --replace @FILE does without.");
        return MessageLine.Again(letter) with { Body = Encoding.UTF8.GetBytes(body), Tombstone = false };
    }

    private static async Task<string> BodyOf(Invocation run, string replace) => replace switch
    {
        "@-" => await run.Console.In.ReadToEndAsync(run.Cancel),
        ['@', .. var file] => await File.ReadAllTextAsync(file, run.Cancel),
        _ => replace,
    };

    private static async Task<StoredMessage> Find(Invocation run, TopicName topic, GroupName group, Position position)
    {
        await foreach (var letter in run.Broker.Browse(TopicName.DeadLettersOf(topic, group), position.Partition, StartAt.Offset(position.Offset), cancel: run.Cancel))
        {
            if (letter.Position == position)
                return letter;
            break;
        }
        throw new MqException(ErrorCodes.OffsetOutOfRange, $"There is no dead letter at {position}; it may be redriven or discarded already.");
    }

    private static async IAsyncEnumerable<StoredMessage> DeadLetters(Invocation run, TopicName topic, GroupName group)
    {
        var described = await run.Broker.DescribeGroup(topic, group, run.Cancel);
        foreach (var partition in described.Partitions)
            await foreach (var letter in run.Broker.Browse(TopicName.DeadLettersOf(topic, group), partition.Partition, StartAt.Earliest, cancel: run.Cancel))
                yield return letter;
    }

    private static DeadLetterSelection Selection(IReadOnlyList<Position>? positions) =>
        positions is null ? DeadLetterSelection.All : DeadLetterSelection.Of(positions);

    private static Option<bool> All() => new("--all") { Description = "All of them." };

    private static Argument<Position> Position() => new("POSITION")
    {
        Description = "Its position in the dead-letter topic, such as 0:42.",
        CustomParser = result =>
        {
            try
            {
                return Text.Position(result.Tokens[0].Value);
            }
            catch (FormatException e)
            {
                result.AddError(e.Message);
                return default;
            }
        },
    };

    private static void OneSelection(Command command, Option<bool> all, Option<IReadOnlyList<Position>?> positions) =>
        command.Validators.Add(result =>
        {
            if (result.GetValue(all) == result.GetResult(positions) is not null)
                result.AddError($"{command.Name} needs either --all or --positions.");
        });
}

using System.CommandLine;
using System.Globalization;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq half list|show|commit|rollback</c>.</summary>
internal static class HalfCommands
{
    public static Command Build(Shell shell) => new("half", "List, show and decide half messages.")
    {
        List(shell), Show(shell),
        End(shell, "commit", "Let a half message be delivered.", HalfState.Committed), End(shell, "rollback", "Take a half message back.", HalfState.RolledBack),
    };

    private static Command List(Shell shell)
    {
        var (topic, max) = (Common.Topic(), Common.Max("At most so many."));
        var group = new Option<string?>("--producer-group") { Description = "Only of this group of producers.", HelpName = "GROUP" };
        return shell.Handle(new Command("list", "Half messages that are undecided or timed out.") { topic, group, max }, async run =>
        {
            var rows = new List<IReadOnlyList<string>>();
            var left = run.Get(max) ?? long.MaxValue;
            await foreach (var half in Pages.All(after => run.Broker.ListHalf(run.Get(topic), run.Get(group), after, cancel: run.Cancel)))
            {
                if (left-- == 0)
                    break;
                if (run.Out.Json)
                    run.Out.Line(json => HalfJson.Write(json, half));
                else
                    rows.Add([half.Id, HalfJson.States.Write(half.State), half.Group, TimeText.Write(half.BornAt), half.Checks.ToString(CultureInfo.InvariantCulture), half.Message.KeyText ?? "", half.Message.BodyText]);
            }
            if (!run.Out.Json)
                run.Out.Table($"half messages of {run.Get(topic)}", ["id", "state", "group", "born at", "checks", "key", "body"], rows);
            return ExitCode.Done;
        });
    }

    private static Command Show(Shell shell)
    {
        var (topic, id) = (Common.Topic(), Id());
        return shell.Handle(new Command("show", "One half message with all that belongs to it.") { topic, id }, async run =>
        {
            var half = await run.Broker.DescribeHalf(run.Get(topic), run.Get(id), run.Cancel);
            if (run.Out.Json)
                run.Out.Line(json => HalfJson.Write(json, half));
            else
                run.Out.Facts(half.Id, json => HalfJson.Write(json, half));
            return ExitCode.Done;
        });
    }

    private static Command End(Shell shell, string name, string description, HalfState decision)
    {
        var (topic, id) = (Common.Topic(), Id());
        var force = new Option<bool>("--force") { Description = "Also one that timed out." };
        return shell.Handle(new Command(name, description) { topic, id, force }, async run =>
        {
            var result = await run.Broker.EndHalf(run.Get(topic), run.Get(id), decision, run.Get(force), run.Cancel);
            run.Out.Result(
                result.Position is { } position ? $"{run.Get(id)} committed at {position}" : $"{run.Get(id)} rolled back", json => HalfJson.WriteResult(json, result));
            return ExitCode.Done;
        });
    }

    private static Argument<string> Id() => new("ID") { Description = "As 'mq half list' shows it." };
}

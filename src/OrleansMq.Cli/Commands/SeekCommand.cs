using System.CommandLine;
using OrleansMq.Cli.Input;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq seek</c>.</summary>
internal static class SeekCommand
{
    public static Command Build(Shell shell)
    {
        var (topic, group) = (Common.Topic(), Common.Group());
        var to = Options.Of<StartAt?>("--to", "earliest, latest, a time (RFC 3339), or how long ago (10m).", "WHERE", t => Text.Start(t, shell.Console.Time.GetUtcNow(), offsets: false));
        var positions = Common.Positions("Next offset to be read on single partitions, such as 0:42,1:7.");
        var command = new Command("seek", "Set a group's cursors anew, all or some. Its leases end.") { topic, group, to, positions };
        command.Validators.Add(result =>
        {
            if (result.GetResult(to) is null == result.GetResult(positions) is null)
                result.AddError("seek needs either --to or --positions.");
        });
        return shell.Handle(command, async run =>
        {
            var request = run.Get(to) is { } everywhere ? SeekRequest.Everywhere(everywhere) : SeekRequest.At(run.Get(positions)!);
            await run.Broker.Seek(run.Get(topic), run.Get(group), request, run.Cancel);
            run.Out.Result($"group {run.Get(topic)}/{run.Get(group)}: cursors set", Printer.Fields(("group", run.Get(group).Text), ("sought", true)));
            return ExitCode.Done;
        });
    }
}

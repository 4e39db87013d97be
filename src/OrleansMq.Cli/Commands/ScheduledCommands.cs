using System.CommandLine;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq scheduled list|show|cancel</c>.</summary>
internal static class ScheduledCommands
{
    public static Command Build(Shell shell) => new("scheduled", "List, show and cancel messages that wait for their time.") { List(shell), Show(shell), Cancel(shell) };

    private static Command List(Shell shell)
    {
        var (topic, max) = (Common.Topic(), Common.Max("At most so many."));
        return shell.Handle(new Command("list", "Messages that wait, in the order they were sent.") { topic, max }, async run =>
        {
            var rows = new List<IReadOnlyList<string>>();
            var left = run.Get(max) ?? long.MaxValue;
            await foreach (var scheduled in Pages.All(after => run.Broker.ListScheduled(run.Get(topic), after, cancel: run.Cancel)))
            {
                if (left-- == 0)
                    break;
                if (run.Out.Json)
                    run.Out.Line(json => ScheduledJson.Write(json, scheduled));
                else
                    rows.Add([scheduled.Id, TimeText.Write(scheduled.DeliverAt), scheduled.Message.KeyText ?? "", scheduled.Message.BodyText]);
            }
            if (!run.Out.Json)
                run.Out.Table($"waiting in {run.Get(topic)}", ["id", "deliver at", "key", "body"], rows);
            return ExitCode.Done;
        });
    }

    private static Command Show(Shell shell)
    {
        var (topic, id) = (Common.Topic(), Id());
        return shell.Handle(new Command("show", "One message with all that belongs to it.") { topic, id }, async run =>
        {
            var scheduled = await run.Broker.DescribeScheduled(run.Get(topic), run.Get(id), run.Cancel);
            if (run.Out.Json)
                run.Out.Line(json => ScheduledJson.Write(json, scheduled));
            else
                run.Out.Facts(scheduled.Id, json => ScheduledJson.Write(json, scheduled));
            return ExitCode.Done;
        });
    }

    private static Command Cancel(Shell shell)
    {
        var (topic, id) = (Common.Topic(), Id());
        return shell.Handle(new Command("cancel", "Take a message back before its time.") { topic, id }, async run =>
        {
            await run.Broker.CancelScheduled(run.Get(topic), run.Get(id), run.Cancel);
            run.Out.Result($"{run.Get(id)} cancelled", Printer.Fields(("cancelled", run.Get(id))));
            return ExitCode.Done;
        });
    }

    private static Argument<string> Id() => new("ID") { Description = "Its token, else the name that 'mq scheduled list' shows." };
}

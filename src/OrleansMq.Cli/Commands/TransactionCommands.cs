using System.CommandLine;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq transactions list|abort</c>.</summary>
internal static class TransactionCommands
{
    public static Command Build(Shell shell) => new("transactions", "List transactional ids; end a transaction that somebody left open.") { List(shell), Abort(shell) };

    private static Command List(Shell shell)
    {
        var max = Common.Max("At most so many.");
        var open = new Option<bool>("--open") { Description = "Only those with a transaction open." };
        return shell.Handle(new Command("list", "Transactional ids and how they stand.") { open, max }, async run =>
        {
            var rows = new List<IReadOnlyList<string>>();
            var left = run.Get(max) ?? long.MaxValue;
            await foreach (var found in Pages.All(after => Transactions(run.Broker).List(after, cancel: run.Cancel)))
            {
                if (run.Get(open) && found.Phase == TransactionPhase.Empty)
                    continue;
                if (left-- == 0)
                    break;
                if (run.Out.Json)
                    run.Out.Line(json => TransactionJson.Write(json, found));
                else
                    rows.Add(
                    [
                        found.Id, TransactionJson.Phases.Write(found.Phase), $"{found.Producer.Id}/{found.Producer.Epoch}", found.Since is { } since ? TimeText.Write(since) : "",
                        found.Until is { } until ? TimeText.Write(until) : "", string.Join(' ', found.Partitions.Select(partition => $"{partition.Topic}/{partition.Partition}")),
                        string.Join(' ', found.Groups),
                    ]);
            }
            if (!run.Out.Json)
                run.Out.Table("transactions", ["id", "phase", "producer", "since", "until", "partitions", "groups"], rows);
            return ExitCode.Done;
        });
    }

    private static Command Abort(Shell shell)
    {
        var id = new Argument<string>("ID") { Description = "As 'mq transactions list' shows it." };
        return shell.Handle(new Command("abort", "Abort the open transaction of an id, and fence its producer.") { id }, async run =>
        {
            await Transactions(run.Broker).Abort(run.Get(id), run.Cancel);
            run.Out.Result($"the transaction of {run.Get(id)} is aborted, and its producer fenced", json =>
            {
                json.WriteStartObject();
                json.WriteString("aborted", run.Get(id));
                json.WriteEndObject();
            });
            return ExitCode.Done;
        });
    }

    private static ITransactionCoordinator Transactions(IBroker broker) =>
        broker.Transactions ?? throw new MqException(ErrorCodes.NotAvailable, "This broker has no transactions.");
}

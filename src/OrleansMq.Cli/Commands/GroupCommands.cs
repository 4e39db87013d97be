using System.CommandLine;
using System.Globalization;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq group declare|change|describe|delete|list|pause|resume</c>.</summary>
internal static class GroupCommands
{
    public static Command Build(Shell shell) => new("group", "Declare, change, describe, delete, list, pause and resume consumer groups.")
    {
        Put(shell, "declare", "Declare a group: from then on it holds back what it has not settled.", mustExist: false),
        Put(shell, "change", "Change settings of a group; those left out keep their value.", mustExist: true),
        Describe(shell),
        Delete(shell),
        List(shell),
        Pause(shell, "pause", "Stop delivering to a group; settling goes on.", paused: true),
        Pause(shell, "resume", "Deliver to a group again.", paused: false),
    };

    private static Command Put(Shell shell, string name, string description, bool mustExist)
    {
        var (topic, group) = (Common.Topic(), Common.GroupArgument());
        var settings = new GroupOptions(shell.Console.Time);
        var command = new Command(name, description) { topic, group };
        settings.AddTo(command);
        return shell.Handle(command, run => Put(run, run.Get(topic), run.Get(group), settings.Read(run), mustExist, name));
    }

    private static Command Pause(Shell shell, string name, string description, bool paused)
    {
        var (topic, group) = (Common.Topic(), Common.GroupArgument());
        return shell.Handle(new Command(name, description) { topic, group }, run =>
            Put(run, run.Get(topic), run.Get(group), new GroupChange { Paused = paused }, mustExist: true, name));
    }

    private static async Task<int> Put(Invocation run, TopicName topic, GroupName group, GroupChange change, bool mustExist, string done)
    {
        // PutGroup would declare it: a mistyped name must not become a group that holds messages back.
        if (mustExist)
            _ = await run.Broker.DescribeGroup(topic, group, run.Cancel);
        var now = await run.Broker.PutGroup(topic, group, change, run.Cancel);
        run.Out.Result($"group {topic}/{group}: {done}d, {Words.GroupStyle.Write(now.Settings.Style)} style", json => GroupJson.Write(json, now));
        return ExitCode.Done;
    }

    private static Command Describe(Shell shell)
    {
        var (topic, group) = (Common.Topic(), Common.GroupArgument());
        return shell.Handle(new Command("describe", "A group's settings, members, and on each partition its cursor, lag, leases and dead letters.") { topic, group }, async run =>
        {
            var found = await run.Broker.DescribeGroup(run.Get(topic), run.Get(group), run.Cancel);
            if (run.Out.Json)
                run.Out.Line(json => GroupJson.Write(json, found));
            else
                Print(run.Out, run.Get(topic), found);
            return ExitCode.Done;
        });
    }

    private static void Print(Printer output, TopicName topic, GroupDescription group)
    {
        output.Facts($"group {topic}/{group.Name}", json => GroupJson.Write(json, group), of: "settings");
        output.Table("partitions", ["partition", "cursor", "lag", "in flight", "oldest", "dead letters", "dropped", "filtered", "state"], group.Partitions.Select(p => (IReadOnlyList<string>)
            [Number(p.Partition), Number(p.Cursor), Number(p.Lag), Number(p.InFlight), p.OldestUnsettled?.ToString("c") ?? "-", Number(p.DeadLetters), Number(p.Dropped), Number(p.Filtered), p.Error is { } e ? $"{e.Code}: {e.Detail}" : "served"]));
        if (group.Members.Count > 0)
            output.Table("members", ["member", "partitions", ""], group.Members.Select(m => (IReadOnlyList<string>)
                [m.Member, string.Join(',', m.Partitions), m.Active ? "active" : "standing by"]));
    }

    private static Command Delete(Shell shell)
    {
        var (topic, group) = (Common.Topic(), Common.GroupArgument());
        return shell.Handle(new Command("delete", "Delete a group with its cursors and dead letters.") { topic, group }, async run =>
        {
            await run.Broker.DeleteGroup(run.Get(topic), run.Get(group), run.Cancel);
            run.Out.Result($"group {run.Get(topic)}/{run.Get(group)}: deleted", Printer.Fields(("group", run.Get(group).Text), ("deleted", true)));
            return ExitCode.Done;
        });
    }

    private static Command List(Shell shell)
    {
        var topic = Common.Topic();
        return shell.Handle(new Command("list", "Names of a topic's groups, one a line.") { topic }, async run =>
        {
            await Pages.Print(run.Out, "groups", Pages.All(after => run.Broker.ListGroups(run.Get(topic), after, 1_000, run.Cancel)), name => name.Text);
            return ExitCode.Done;
        });
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A group's settings as options.</summary>
internal sealed class GroupOptions(TimeProvider time)
{
    private readonly Option<Change<GroupStyle>> _style = Options.Change("--style", "queue: leases, one by one; log: whole partitions in order. Default queue.", "STYLE", Text.Word(Words.GroupStyle));
    private readonly Option<Change<bool>> _byKey = Options.Change("--by-key", "Queue style: messages of one key at one consumer at a time, in order. Default false.", "BOOL", Text.Switch);
    private readonly Option<Change<int?>> _maxActive = Options.ChangeOrNone("--max-active", "1: one consumer works, the others stand by. Default none.", "N", Text.SmallCount);
    private readonly Option<Change<StartAt>> _from = Options.Change("--from", "Where a new group begins: earliest, latest, a time, or how long ago (10m). Default earliest.", "WHERE", t => Text.Start(t, time.GetUtcNow(), offsets: false));
    private readonly Option<Change<int>> _maxDeliveries = Options.Change("--max-deliveries", "After so many a message goes to dead letters. Default 16.", "N", Text.SmallCount);
    private readonly Option<Change<IReadOnlyList<TimeSpan>>> _backoff = Options.Change<IReadOnlyList<TimeSpan>>("--backoff", "Delays before the second, third, … delivery. Default 1s,5s,30s,1m,5m.", "T,T,…", t => [.. t.Split(',').Select(Text.Duration)]);
    private readonly Option<Change<TimeSpan>> _lease = Options.Change("--lease", "How long a lease lasts. Default 30s.", "TIME", Text.Duration);
    private readonly Option<Change<int>> _maxInFlight = Options.Change("--max-in-flight", "Leases at once. Default 20000.", "N", Text.SmallCount);
    private readonly Option<Change<double?>> _rate = Options.ChangeOrNone("--rate", "Messages delivered a second. Default none.", "N", Text.Rate);
    private readonly Option<Change<long?>> _maxMessages = Options.ChangeOrNone("--max-messages", "This group's backlog limit. Default none.", "N", Text.Count);
    private readonly Option<Change<long?>> _maxBytes = Options.ChangeOrNone("--max-bytes", "The same in bytes. Default none.", "BYTES", Text.Bytes);
    private readonly Option<Change<WhenExpired>> _expired = Options.Change("--when-expired", "What becomes of messages whose time to live is over: skip, deadLetter. Default skip.", "WHAT", Text.Word(Words.WhenExpired));
    private readonly Option<Change<bool>> _hold = Options.Change("--hold-key-behind-dead-letter", "By key: later messages of a key wait until its dead letter is settled or discarded. Default false.", "BOOL", Text.Switch);

    private readonly Option<Change<bool>> _priority = Options.Change("--priority", "Queue style: higher priorities first on each partition, every tenth message the oldest. Default false.", "BOOL", Text.Switch);
    private readonly Option<Change<FairBy?>> _fairBy = Options.Change<FairBy?>("--fair-by", "Queue style: what takes turns, so that a flood of one delays itself alone: key, header:NAME. Default none.", "WHAT", t => t == "none" ? null : Text.FairBy(t));
    private readonly Option<Change<TimeSpan?>> _sessionIdle = Options.ChangeOrNone("--session-idle", "With --by-key: a key's later messages go to the consumer that had the last one, until so long after it settled that one. Default none.", "TIME", Text.Duration);

    private readonly Option<Change<TimeSpan?>> _deleteAfterIdle = Options.ChangeOrNone("--delete-after-idle", "The group is ephemeral: deleted when nobody has received from it for so long, and holding nothing back. Default none: it stays.", "TIME", Text.Duration);
    private readonly Option<Change<string?>> _filter = Options.Change<string?>("--filter", "Only messages for which this holds: type = 'order' AND total > 100. Default none.", "CONDITION", t => t == "none" ? null : t);

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _style, _byKey, _maxActive, _from, _maxDeliveries, _backoff, _lease, _maxInFlight, _rate, _maxMessages, _maxBytes, _expired, _hold, _priority, _fairBy, _sessionIdle, _deleteAfterIdle, _filter })
            command.Add(option);
    }

    public GroupChange Read(Invocation run) => new()
    {
        Style = run.Get(_style),
        ByKey = run.Get(_byKey),
        MaxActive = run.Get(_maxActive),
        From = run.Get(_from),
        MaxDeliveries = run.Get(_maxDeliveries),
        Backoff = run.Get(_backoff),
        Lease = run.Get(_lease),
        MaxInFlight = run.Get(_maxInFlight),
        RatePerSecond = run.Get(_rate),
        MaxMessages = run.Get(_maxMessages),
        MaxBytes = run.Get(_maxBytes),
        WhenExpired = run.Get(_expired),
        HoldKeyBehindDeadLetter = run.Get(_hold),
        Priority = run.Get(_priority),
        FairBy = run.Get(_fairBy),
        SessionIdle = run.Get(_sessionIdle),
        DeleteAfterIdle = run.Get(_deleteAfterIdle),
        Filter = run.Get(_filter),
    };
}

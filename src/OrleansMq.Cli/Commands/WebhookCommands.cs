using System.CommandLine;
using System.Globalization;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq webhook put|list|show|test|rm</c>.</summary>
internal static class WebhookCommands
{
    public static Command Build(Shell shell) => new("webhook", "Groups whose messages the broker pushes by POST; for administrators, of a broker with --webhooks-api.")
    {
        Put(shell),
        List(shell),
        Show(shell),
        Test(shell),
        Remove(shell),
    };

    private static Command Put(Shell shell)
    {
        var (topic, group) = (Common.Topic(), Common.GroupArgument());
        var url = Options.Of<Uri?>("--url", "Where it is pushed. Left out: where it was.", "URL", text => Uri.TryCreate(text, UriKind.Absolute, out var address) ? address : throw new FormatException($"'{text}' is no address"));
        var secrets = new Option<string?>("--secrets-file") { Description = "A file with a secret a line (whsec_…), each of which signs, in place of those it has. '-' for standard input, '' for none.", HelpName = "FILE" };
        var timeout = Options.Change<TimeSpan>("--timeout", "For an answer; 10s unless said, or 'default'.", "TIME", Text.Duration);
        var maxInFlight = Options.Change<int>("--max-in-flight", "Requests without an answer, of each node; 16 unless said, or 'default'.", "N", Text.SmallCount);
        return shell.Handle(new Command("put", "Have a group's messages pushed to an address, or change how.") { topic, group, url, secrets, timeout, maxInFlight }, async run =>
        {
            var change = new WebhookChange { Url = run.Get(url), Secrets = SecretsIn(run, run.Get(secrets)), Timeout = run.Get(timeout), MaxInFlight = run.Get(maxInFlight) };
            var webhook = await DirectoryOf(run).PutWebhook(run.Get(topic), run.Get(group), change, run.Cancel);
            run.Out.Result($"webhook of {webhook.Topic}/{webhook.Group}: {(webhook.Created ? "made" : "changed")}, {SecretsOf(webhook)}", json => WebhookJson.Write(json, webhook));
            return ExitCode.Done;
        });
    }

    private static Command List(Shell shell) => shell.Handle(new Command("list", "All webhooks; how they fare is what the node knows that is asked."), async run =>
    {
        var webhooks = await DirectoryOf(run).ListWebhooks(run.Cancel);
        if (run.Out.Json)
            run.Out.Line(json => AccessJson.WriteAll(json, "webhooks", webhooks, WebhookJson.Write));
        else
            run.Out.Table("webhooks", ["topic", "group", "url", "signed by", "state", "pushed", "refused", "last answer"], webhooks.Select(Row));
        return ExitCode.Done;
    });

    private static Command Show(Shell shell)
    {
        var (topic, group) = (Common.Topic(), Common.GroupArgument());
        return shell.Handle(new Command("show", "A group's webhook, and how it fares.") { topic, group }, async run =>
        {
            var webhook = await DirectoryOf(run).DescribeWebhook(run.Get(topic), run.Get(group), run.Cancel);
            if (run.Out.Json)
            {
                run.Out.Line(json => WebhookJson.Write(json, webhook));
                return ExitCode.Done;
            }
            run.Out.Facts("webhook", json => WebhookJson.Write(json, webhook), null, "state");
            run.Out.Facts("state", json => WebhookJson.Write(json, webhook), "state");
            return ExitCode.Done;
        });
    }

    private static Command Test(Shell shell)
    {
        var (topic, group) = (Common.Topic(), Common.GroupArgument());
        return shell.Handle(new Command("test", "Send one signed request without a message; 1 where it is not taken.") { topic, group }, async run =>
        {
            var trial = await DirectoryOf(run).TestWebhook(run.Get(topic), run.Get(group), run.Cancel);
            run.Out.Result(
                string.Create(CultureInfo.InvariantCulture, $"{(trial.Taken ? "taken" : "not taken")}: {trial.Answer}, after {trial.Took.TotalMilliseconds:0} ms"), json => WebhookJson.WriteTrial(json, trial));
            return trial.Taken ? ExitCode.Done : ExitCode.Refused;
        });
    }

    private static Command Remove(Shell shell)
    {
        var (topic, group) = (Common.Topic(), Common.GroupArgument());
        return shell.Handle(new Command("rm", "Take a group's webhook away. The group stays, and keeps what was not pushed: 'mq group delete' deletes it.") { topic, group }, async run =>
        {
            await DirectoryOf(run).RemoveWebhook(run.Get(topic), run.Get(group), run.Cancel);
            run.Out.Result($"webhook of {run.Get(topic)}/{run.Get(group)}: taken away", Printer.Fields(("topic", run.Get(topic).Text), ("group", run.Get(group).Text), ("deleted", true)));
            return ExitCode.Done;
        });
    }

    private static Change<IReadOnlyList<string>> SecretsIn(Invocation run, string? file) => file switch
    {
        null => Change<IReadOnlyList<string>>.Keep,
        "" => Change<IReadOnlyList<string>>.Default,
        "-" => Change<IReadOnlyList<string>>.To(LinesOf(run.Console.In.ReadToEnd())),
        _ => Change<IReadOnlyList<string>>.To(LinesOf(File.ReadAllText(file))),
    };

    private static string[] LinesOf(string text) =>
        text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } lines ? lines : throw new UsageException("--secrets-file: there is no secret in it; '' stands for none.");

    private static IReadOnlyList<string> Row(WebhookDescription webhook) =>
    [
        webhook.Topic.Text, webhook.Group.Text, webhook.Url.OriginalString, SecretsOf(webhook), StateOf(webhook.State), webhook.State.Pushed.ToString(CultureInfo.InvariantCulture),
        webhook.State.Refused.ToString(CultureInfo.InvariantCulture), webhook.State.LastAnswer ?? webhook.State.Reason ?? "-",
    ];

    private static string StateOf(WebhookState state) =>
        state.FailingSince is { } since ? $"failing since {TimeText.Write(since)}" : Words.WebhookHealth.Write(state.Health);

    private static string SecretsOf(WebhookDescription webhook) => webhook.SecretFingerprints.Count == 0 ? "not signed" : string.Join(',', webhook.SecretFingerprints);

    private static IWebhookDirectory DirectoryOf(Invocation run) => run.Broker.Webhooks ?? throw new UsageException("This broker's address leads to no webhooks.");
}

using System.CommandLine;
using System.Globalization;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq acl add|rm|list</c>.</summary>
internal static class AclCommands
{
    public static Command Build(Shell shell) => new("acl", "Rules: who may do what. What no rule allows is refused.")
    {
        Add(shell),
        Remove(shell),
        List(shell),
    };

    private static Command Add(Shell shell)
    {
        var user = new Option<string?>("--user") { Description = "For this user; cert:NAME and jwt:SUBJECT for those that come with a certificate or a token.", HelpName = "USER" };
        var team = new Option<string?>("--team") { Description = "For everyone in this team; jwt:GROUP for the groups of a token.", HelpName = "TEAM" };
        var allow = Options.Of<AccessOperations?>("--allow", "What: produce, consume, browse, describe, create, alter, delete, redrive; admin and describe on the cluster.", "WHAT,…", Operations);
        allow.Required = true;
        var cluster = new Option<bool>("--cluster") { Description = "On the cluster." };
        var file = Directories.File();
        Option<string[]> Named(string kind, string description) => new($"--{kind}") { Description = description, HelpName = "NAME", Arity = ArgumentArity.OneOrMore };
        var named = new (ResourceKind Kind, Option<string[]> Option)[]
        {
            (ResourceKind.Topic, Named("topic", "On a topic; 'orders.*' on all that begin so, '*' on all.")), (ResourceKind.Group, Named("group", "On a consumer group.")),
            (ResourceKind.Producer, Named("producer", "On a named producer (Kafka's transactional id).")), (ResourceKind.Exchange, Named("exchange", "On an exchange.")),
        };
        var command = new Command("add", "Allow a user or a team something.") { user, team, allow, cluster, file };
        foreach (var (_, option) in named)
            command.Add(option);
        return shell.Handle(command, run =>
        {
            var (subject, who) = (run.Get(user), run.Get(team)) switch
            {
                ({ } one, null) => (SubjectKind.User, one),
                (null, { } one) => (SubjectKind.Team, one),
                _ => throw new UsageException("One of --user and --team."),
            };
            var rules = named.SelectMany(each => (run.Get(each.Option) ?? []).Select(text => RuleOf(subject, who, run.Get(allow)!.Value, each.Kind, text))).ToList();
            if (run.Get(cluster))
                rules.Add(new AccessRule(subject, who, run.Get(allow)!.Value, ResourceKind.Cluster, ResourceMatch.Literal, ""));
            if (rules.Count == 0)
                throw new UsageException("On what? --topic, --group, --producer, --exchange or --cluster.");
            return Directories.Use(run, file, async directory =>
            {
                foreach (var rule in rules)
                {
                    var added = await directory.AddRule(rule, run.Cancel);
                    run.Out.Result($"rule {added.Id}: {Sentence(added)}", json => AccessJson.WriteRule(json, added));
                }
            });
        });
    }

    private static Command Remove(Shell shell)
    {
        var id = new Argument<long>("ID") { Description = "As 'mq acl list' shows it." };
        var file = Directories.File();
        return shell.Handle(new Command("rm", "Take a rule away.") { id, file }, run => Directories.Use(run, file, async directory =>
        {
            await directory.RemoveRule(run.Get(id), run.Cancel);
            run.Out.Result($"rule {run.Get(id)}: removed", Printer.Fields(("id", run.Get(id)), ("removed", true)));
        }));
    }

    private static Command List(Shell shell)
    {
        var file = Directories.File();
        return shell.Handle(new Command("list", "All rules.") { file }, run => Directories.Use(run, file, async directory =>
        {
            var rules = await directory.ListRules(run.Cancel);
            if (run.Out.Json)
                run.Out.Line(json => AccessJson.WriteAll(json, "rules", rules, AccessJson.WriteRule));
            else
                run.Out.Table("rules", ["id", "for", "who", "may", "on", "match", "name"], rules.Select(IReadOnlyList<string> (rule) =>
                    [rule.Id.ToString(CultureInfo.InvariantCulture), AccessJson.Subjects.Write(rule.Subject), rule.Who, Words(rule.Allow), AccessJson.Kinds.Write(rule.Kind), AccessJson.Matches.Write(rule.Match), rule.Name]));
        }));
    }

    /// <summary>A star at the end alone is a prefix, another star or a question mark a pattern.</summary>
    private static AccessRule RuleOf(SubjectKind subject, string who, AccessOperations allow, ResourceKind kind, string text)
    {
        var wild = text.AsSpan().IndexOfAny('*', '?');
        return wild switch
        {
            < 0 => new AccessRule(subject, who, allow, kind, ResourceMatch.Literal, text),
            > 0 when wild == text.Length - 1 && text[wild] == '*' => new AccessRule(subject, who, allow, kind, ResourceMatch.Prefix, text[..^1]),
            _ => new AccessRule(subject, who, allow, kind, ResourceMatch.Pattern, text),
        };
    }

    private static string Sentence(AccessRule rule) =>
        $"{AccessJson.Subjects.Write(rule.Subject)} {rule.Who} may {Words(rule.Allow)} {AccessJson.Kinds.Write(rule.Kind)}{(rule.Kind == ResourceKind.Cluster ? "" : $" {rule.Name}{(rule.Match == ResourceMatch.Prefix ? "*" : "")}")}";

    private static string Words(AccessOperations allow) => string.Join(',', AccessJson.Each(allow).Select(AccessJson.Operations.Write));

    private static AccessOperations? Operations(string text) => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        .Select(Text.Word(AccessJson.Operations)).Aggregate(AccessOperations.None, (all, one) => all | one);
}

using System.CommandLine;
using System.Globalization;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq quota set|list</c>.</summary>
internal static class QuotaCommands
{
    public static Command Build(Shell shell) => new("quota", "How much a user, an address or a tenant may take on each node.") { Set(shell), List(shell) };

    private static Command Set(Shell shell)
    {
        var user = new Option<string?>("--user") { Description = "Of this user; '*': of each that has none of its own.", HelpName = "USER" };
        var address = new Option<string?>("--address") { Description = "Of this IP address; '*': of each that has none of its own.", HelpName = "ADDRESS" };
        var tenant = new Option<string?>("--tenant") { Description = "Of this tenant; '*': of each that has none of its own.", HelpName = "TENANT" };
        var requests = Limit("--requests", "Requests a second.", Text.Count);
        var bytes = Limit("--bytes", "Bytes a second, in and out.", Text.Bytes);
        var connections = Limit("--connections", "Open connections; of addresses and tenants.", Text.Count);
        var topics = Limit("--topics", "Topics; of tenants, as the next two.", Text.Count);
        var partitions = Limit("--partitions", "Partitions of all topics together.", Text.Count);
        var groups = Limit("--groups", "Groups on all topics together.", Text.Count);
        var storage = Limit("--storage", "Bytes stored in all topics; of tenants, as the next two.", Text.Bytes);
        var delayed = Limit("--delayed", "Delayed messages that wait in all topics.", Text.Count);
        var tokens = Limit("--tokens", "Tokens that all topics may remember.", Text.Count);
        var inFlight = Limit("--in-flight-bytes", "Bytes of messages being stored at once.", Text.Bytes);
        var file = Directories.File();
        var command = new Command("set", "Set quotas; 'none' takes one away, what is left out stays.")
        {
            user, address, tenant, requests, bytes, connections, topics, partitions, groups, storage, delayed, tokens, inFlight, file,
        };
        return shell.Handle(command, run =>
        {
            var (scope, who) = (run.Get(user), run.Get(address), run.Get(tenant)) switch
            {
                ({ } one, null, null) => (QuotaScope.User, one),
                (null, { } one, null) => (QuotaScope.Address, one),
                (null, null, { } one) => (QuotaScope.Tenant, one),
                _ => throw new UsageException("One of --user, --address and --tenant."),
            };
            var changes = new[]
                {
                    (QuotaKind.RequestsPerSecond, run.Get(requests)), (QuotaKind.BytesPerSecond, run.Get(bytes)), (QuotaKind.Connections, run.Get(connections)),
                    (QuotaKind.Topics, run.Get(topics)), (QuotaKind.Partitions, run.Get(partitions)), (QuotaKind.Groups, run.Get(groups)),
                    (QuotaKind.Storage, run.Get(storage)), (QuotaKind.Delayed, run.Get(delayed)), (QuotaKind.Tokens, run.Get(tokens)), (QuotaKind.InFlightBytes, run.Get(inFlight)),
                }
                .Where(change => change.Item2 is not null).ToList();
            if (changes.Count == 0)
                throw new UsageException("Which? --requests, --bytes, --connections, --topics, --partitions, --groups, --storage, --delayed, --tokens or --in-flight-bytes.");
            return Directories.Use(run, file, async directory =>
            {
                foreach (var (kind, limit) in changes)
                {
                    await directory.SetQuota(scope, who, kind, limit!.Value.Limit, run.Cancel);
                    run.Out.Result($"quota {AccessJson.QuotaKinds.Write(kind)} of {AccessJson.QuotaScopes.Write(scope)} {who}: {Written(limit.Value.Limit)}",
                        json => AccessJson.WriteQuotaChange(json, scope, who, kind, limit.Value.Limit));
                }
            });
        });
    }

    private static Command List(Shell shell)
    {
        var file = Directories.File();
        return shell.Handle(new Command("list", "All quotas.") { file }, run => Directories.Use(run, file, async directory =>
        {
            var quotas = await directory.ListQuotas(run.Cancel);
            if (run.Out.Json)
                run.Out.Line(json => AccessJson.WriteAll(json, "quotas", quotas, AccessJson.WriteQuota));
            else
                run.Out.Table("quotas", ["of", "who", "quota", "limit"], quotas.Select(IReadOnlyList<string> (quota) =>
                    [AccessJson.QuotaScopes.Write(quota.Scope), quota.Who, AccessJson.QuotaKinds.Write(quota.Kind), Written(quota.Limit)]));
        }));
    }

    private static string Written(long? limit) => limit?.ToString(CultureInfo.InvariantCulture) ?? "none";

    private static Option<NewLimit?> Limit(string name, string description, Func<string, long> parse) =>
        Options.Of<NewLimit?>(name, description, "N|none", text => text == "none" ? new NewLimit(null) : parse(text) is > 0 and var limit ? new NewLimit(limit) : throw new FormatException("at least 1"));

    private readonly record struct NewLimit(long? Limit);
}

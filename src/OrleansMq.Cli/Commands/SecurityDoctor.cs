using System.Net;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <param name="Open">Somebody may do what nobody may have meant; else it is only worth knowing.</param>
/// <param name="Unknown">It was not to be seen whether something is open.</param>
internal sealed record SecurityFinding(bool Open, string What, string Do, bool Unknown = false)
{
    public string Kind => Open ? "open" : Unknown ? "unknown" : "note";
}

/// <summary><c>mq doctor --security</c>: looks at a running broker as an administrator, and as nobody, and says what is open and why.</summary>
internal static class SecurityDoctor
{
    private const AccessOperations Grave = AccessOperations.Produce | AccessOperations.Alter | AccessOperations.Delete | AccessOperations.Redrive;

    public static async Task<int> Run(Invocation run)
    {
        var findings = new List<SecurityFinding>();
        findings.AddRange(Address(new Uri(run.Server)));
        await using (var nobody = run.ConnectAsNobody())
            findings.AddRange(await AsNobody(nobody, run.Cancel));
        if (findings.All(finding => finding.Do != TurnItOn))
            findings.AddRange(await AsAdministrator(run.Broker, run.Cancel));
        if (run.Out.Json)
            run.Out.Line(Printer.Fields(("open", findings.Any(finding => finding.Open)), ("findings", findings.Select(finding => new { open = finding.Open, unknown = finding.Unknown, what = finding.What, @do = finding.Do }))));
        else
            Print(run, findings);
        return findings.Any(finding => finding.Open) ? ExitCode.DamageFound : ExitCode.Done;
    }

    // As a silo announces its two.
    private static readonly string[] OrleansPorts = ["orleans", "orleans-silo"];

    private const string TurnItOn = "start the broker with --access on";

    private static IEnumerable<SecurityFinding> Address(Uri server)
    {
        if (server.Scheme == Uri.UriSchemeHttp && !server.IsLoopback)
            yield return new SecurityFinding(true, $"{server} is not TLS: passwords and messages can be read on the way", "start the broker with --tls-certificate and --tls-key, without --insecure");
        if (server.Scheme == Uri.UriSchemeHttp && server.IsLoopback)
            yield return new SecurityFinding(false, $"{server} is not TLS; within this machine that is no hole", "nothing, while it listens to this machine alone");
    }

    private static async Task<IReadOnlyList<SecurityFinding>> AsNobody(IBroker nobody, CancellationToken cancel)
    {
        try
        {
            var cluster = await nobody.DescribeCluster(cancel);
            var reached = cluster.Nodes.SelectMany(node => node.Gateways.Select(gateway => (node.Node, gateway.Key, gateway.Value)))
                .Where(gateway => !OrleansPorts.Contains(gateway.Key) && !IsLoopback(gateway.Value)).ToList();
            return
            [
                new SecurityFinding(true, "whoever reaches the broker may do everything: nobody is asked who they are", TurnItOn),
                .. reached.Select(gateway => new SecurityFinding(true, $"{gateway.Key} of {gateway.Node} listens at {gateway.Value}, which others can reach", "listen at 127.0.0.1 until it is on")),
                .. await OfOrleans(cluster, cancel),
                .. await OfWebhooks(nobody, asNobody: true, cancel),
            ];
        }
        catch (MqException e) when (e.Code == ErrorCodes.Unauthenticated)
        {
            return [];
        }
        catch (MqException e) when (e.Code == ErrorCodes.PartitionUnavailable && e.InnerException is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError })
        {
            // It wants a certificate, or its own is not trusted: nobody came in.
            return [];
        }
    }

    private static async Task<IReadOnlyList<SecurityFinding>> AsAdministrator(IBroker broker, CancellationToken cancel)
    {
        var directory = broker.Access ?? throw new UsageException("This broker's address leads to no users and rules.");
        var (users, rules) = (await directory.ListUsers(cancel), await directory.ListRules(cancel));
        var cluster = await broker.DescribeCluster(cancel);
        return [.. rules.SelectMany(rule => OfRule(rule, users)), .. users.SelectMany(user => OfUser(user, rules)), .. await OfKafka(cluster, cancel), .. await OfOrleans(cluster, cancel), .. await OfWebhooks(broker, asNobody: false, cancel)];
    }

    /// <summary>Whoever registers one has the broker's machine call an address.</summary>
    private static async Task<IReadOnlyList<SecurityFinding>> OfWebhooks(IBroker broker, bool asNobody, CancellationToken cancel)
    {
        if (broker.Webhooks is not { } directory)
            return [];
        try
        {
            var webhooks = await directory.ListWebhooks(cancel);
            return asNobody
                ? [new SecurityFinding(true, "whoever reaches the broker may have it call addresses by webhooks", $"{TurnItOn}, or without --webhooks-api")]
                :
                [
                    .. webhooks.Where(webhook => webhook.SecretFingerprints.Count == 0).Select(webhook => new SecurityFinding(
                        false, $"the webhook of {webhook.Topic}/{webhook.Group} is not signed: its receiver can't tell who calls", $"mq webhook put {webhook.Topic} {webhook.Group} --secrets-file FILE")),
                ];
        }
        catch (MqException e) when (e.Code is ErrorCodes.NotAvailable or ErrorCodes.Forbidden || e.Code == PathUnknown)
        {
            return [];
        }
    }

    // What a broker says that is older than webhooks by API.
    private const string PathUnknown = "path-unknown";

    /// <summary>Each node's listener by itself: a node may have been started with other settings than the one that was asked.</summary>
    private static async Task<IReadOnlyList<SecurityFinding>> OfKafka(ClusterDescription cluster, CancellationToken cancel)
    {
        var findings = new List<SecurityFinding>();
        foreach (var node in cluster.Nodes)
        {
            if (!node.Gateways.TryGetValue("kafka", out var address))
                continue;
            var (manners, at) = (await KafkaLook.At(address, cancel), $"kafka of {node.Node} at {address}");
            if (manners == KafkaManners.Unreachable)
                findings.Add(new SecurityFinding(false, $"{at} could not be reached from here: it is not known whether it is open", "ask from where its clients are, or set its node's --kafka-advertise", Unknown: true));
            if (manners == KafkaManners.Open)
                findings.Add(new SecurityFinding(true, $"{at} asks nobody who they are", "start that node with --access on as well"));
            if (manners is KafkaManners.Open or KafkaManners.Asks && !IsLoopback(address))
                findings.Add(new SecurityFinding(true, $"{at} is not TLS: messages can be read on the way", "start that node with --tls-certificate and --tls-key, without --insecure"));
            else if (manners is KafkaManners.Open or KafkaManners.Asks)
                findings.Add(new SecurityFinding(false, $"{at} is not TLS; within this machine that is no hole", "nothing, while it listens to this machine alone"));
        }
        return findings;
    }

    private static async Task<IReadOnlyList<SecurityFinding>> OfOrleans(ClusterDescription cluster, CancellationToken cancel)
    {
        var findings = new List<SecurityFinding>();
        foreach (var (name, address, node) in cluster.Nodes.SelectMany(node => OrleansPorts.Where(node.Gateways.ContainsKey).Select(name => (name, node.Gateways[name], node.Node))))
            if (OfOrleansPort($"{name} of {node} at {address}", await OrleansLook.At(address, cancel), IsLoopback(address)) is { } finding)
                findings.Add(finding);
        return findings;
    }

    /// <summary>Orleans' ports know no users and no rules: whoever they take may do everything.</summary>
    private static SecurityFinding? OfOrleansPort(string at, OrleansSight sight, bool withinTheMachine)
    {
        const string UseTls = "start that node with --orleans-tls-certificate, --orleans-tls-key and --orleans-tls-roots, without --insecure";
        const string Everything = "may do everything, past all rules";
        return sight.Manners switch
        {
            OrleansManners.Asks => null,
            OrleansManners.TakesAnyone => new SecurityFinding(true, $"{at} is TLS and lets in who shows no certificate: whoever reaches it {Everything}", "have it require one (RemoteCertificateMode.RequireCertificate)"),
            OrleansManners.Clear when withinTheMachine => new SecurityFinding(false, $"{at} is not TLS (to its beginning it said {sight.Saw}): whoever is on that machine {Everything}", $"nothing, where nobody else is; or {UseTls}"),
            OrleansManners.Clear => new SecurityFinding(true, $"{at} is not TLS (to its beginning it said {sight.Saw}): whoever reaches it {Everything}", UseTls),
            OrleansManners.Unreachable => new SecurityFinding(false, $"{at} could not be reached from here ({sight.Saw}): it is not known whether it lets in who shows no certificate", "ask from where the other silos are", Unknown: true),
            _ => new SecurityFinding(false, $"{at} is TLS, and it is not known whether it lets in who shows no certificate: {sight.Saw}", "see that node's log and ask again; the certificate and key it was started with may be wrong", Unknown: true),
        };
    }

    private static IEnumerable<SecurityFinding> OfRule(AccessRule rule, IReadOnlyList<UserDescription> users)
    {
        var who = $"{AccessJson.Subjects.Write(rule.Subject)} {rule.Who}";
        var words = string.Join(',', AccessJson.Each(rule.Allow & Grave).Select(AccessJson.Operations.Write));
        if (rule.Kind == ResourceKind.Cluster && rule.Allow.HasFlag(AccessOperations.Admin) && rule.Who.Contains(':', StringComparison.Ordinal))
            yield return new SecurityFinding(true, $"{who} may administer: whoever issues its tokens or certificates may as well", $"mq acl rm {rule.Id}, unless that is meant");
        else if (rule.Kind == ResourceKind.Cluster && rule.Allow.HasFlag(AccessOperations.Admin))
            yield return new SecurityFinding(false, $"{who} may administer", "see that this is somebody who should");
        if (rule.Kind != ResourceKind.Cluster && rule.Match == ResourceMatch.Pattern && rule.Name.All(c => c == '*') && words.Length > 0)
            yield return new SecurityFinding(true, $"{who} may {words} on every {AccessJson.Kinds.Write(rule.Kind)}", $"mq acl rm {rule.Id}, and name those that are meant");
        if (!rule.Who.Contains(':', StringComparison.Ordinal) && !users.Any(user => rule.Subject == SubjectKind.User ? user.Name == rule.Who : user.Teams.Contains(rule.Who)))
            yield return new SecurityFinding(true, $"rule {rule.Id} is for {who}, and there is nobody of the name: whoever is given it next has the right", $"mq acl rm {rule.Id}");
    }

    private static IEnumerable<SecurityFinding> OfUser(UserDescription user, IReadOnlyList<AccessRule> rules)
    {
        if (user.Disabled)
            yield return new SecurityFinding(false, $"user {user.Name} is disabled", $"mq user rm {user.Name}, if it is not to come back");
        else if (!rules.Any(rule => rule.Subject == SubjectKind.User ? rule.Who == user.Name : user.Teams.Contains(rule.Who)))
            yield return new SecurityFinding(false, $"user {user.Name} may come in and do nothing", $"mq acl add --user {user.Name} …, or mq user rm {user.Name}");
    }

    private static void Print(Invocation run, List<SecurityFinding> findings)
    {
        run.Out.Table("security", ["", "what", "do"], findings.OrderByDescending(finding => (finding.Open, finding.Unknown)).Select(IReadOnlyList<string> (finding) => [finding.Kind, finding.What, finding.Do]));
        var (open, unknown) = (findings.Count(finding => finding.Open), findings.Count(finding => finding.Unknown));
        run.Say((open, unknown) switch
        {
            (0, 0) => "Nothing is open that should not be.",
            (0, _) => $"Nothing was found open, and {unknown} could not be seen.",
            (_, 0) => $"{open} open.",
            _ => $"{open} open, and {unknown} could not be seen.",
        });
    }

    private static bool IsLoopback(string address) =>
        IPEndPoint.TryParse(address, out var endpoint) ? IPAddress.IsLoopback(endpoint.Address) : address.StartsWith("localhost:", StringComparison.Ordinal);
}

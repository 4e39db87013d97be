using System.Net.Http.Headers;
using System.Text;
using OrleansMq.Access;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>Each call over HTTP with each permission: allowed or refused, and nothing else.</summary>
public sealed class RightsTests : IAsyncLifetime
{
    private const string Password = "correct horse battery";
    private static readonly AccessOperations[] Operations = [.. Enum.GetValues<AccessOperations>().Where(one => one is not (AccessOperations.None or AccessOperations.Admin))];

    private static readonly (AccessOperations, ResourceKind)[][] Nothing = [[]], Admin = [[(AccessOperations.Admin, ResourceKind.Cluster)]], Consume = [[(AccessOperations.Consume, ResourceKind.Topic), (AccessOperations.Consume, ResourceKind.Group)]];

    private static readonly (AccessOperations, ResourceKind)[][] ToTopic = [[(AccessOperations.Alter, ResourceKind.Exchange), (AccessOperations.Describe, ResourceKind.Topic)]];

    /// <summary>By a route's name, the ways in: each is a set of what has to be allowed on the topic t, the group g, the producer p, the exchange x or the cluster.</summary>
    private static readonly Dictionary<string, (AccessOperations, ResourceKind)[][]> Ways = new()
    {
        ["putTopic"] = Topic(AccessOperations.Alter), ["growTopic"] = Topic(AccessOperations.Alter), ["describeTopic"] = Topic(AccessOperations.Describe), ["deleteTopic"] = Topic(AccessOperations.Delete), ["listTopics"] = Nothing,
        ["publish"] = Topic(AccessOperations.Produce), ["appendBatches"] = Topic(AccessOperations.Produce), ["browse"] = [.. Topic(AccessOperations.Browse), .. Topic(AccessOperations.Consume)],
        ["readBatches"] = [.. Topic(AccessOperations.Browse), .. Topic(AccessOperations.Consume)],
        // The sample names a group, whose filter it is read by.
        ["read"] = [[(AccessOperations.Browse, ResourceKind.Topic), (AccessOperations.Describe, ResourceKind.Group)], [(AccessOperations.Consume, ResourceKind.Topic), (AccessOperations.Describe, ResourceKind.Group)]],
        ["deleteMessages"] = Topic(AccessOperations.Delete), ["findOffset"] = Topic(AccessOperations.Describe),
        ["describeScheduled"] = [.. Topic(AccessOperations.Browse), .. Topic(AccessOperations.Consume)], ["listScheduled"] = [.. Topic(AccessOperations.Browse), .. Topic(AccessOperations.Consume)],
        ["cancelScheduled"] = Topic(AccessOperations.Produce), ["commitHalf"] = Topic(AccessOperations.Produce), ["rollBackHalf"] = Topic(AccessOperations.Produce), ["checkHalf"] = Topic(AccessOperations.Produce),
        ["describeHalf"] = [.. Topic(AccessOperations.Browse), .. Topic(AccessOperations.Produce)], ["listHalf"] = [.. Topic(AccessOperations.Browse), .. Topic(AccessOperations.Produce)],
        ["trace"] = [.. Topic(AccessOperations.Browse), .. Topic(AccessOperations.Consume)], ["stages"] = Both(AccessOperations.Describe, AccessOperations.Describe),
        ["reconcile"] = [.. Both(AccessOperations.Browse, AccessOperations.Describe), .. Both(AccessOperations.Consume, AccessOperations.Describe)], ["redeliver"] = Both(AccessOperations.Describe, AccessOperations.Redrive),
        ["putGroup"] = Both(AccessOperations.Consume, AccessOperations.Alter), ["describeGroup"] = Both(AccessOperations.Describe, AccessOperations.Describe),
        ["deleteGroup"] = Both(AccessOperations.Describe, AccessOperations.Delete), ["listGroups"] = Topic(AccessOperations.Describe), ["makeGroup"] = Both(AccessOperations.Consume, AccessOperations.Alter),
        ["receive"] = Consume, ["events"] = Consume, ["ack"] = Consume, ["nack"] = Consume, ["extend"] = Consume, ["deadletter"] = Consume, ["defer"] = Consume, ["describeSession"] = Consume, ["setSession"] = Consume, ["join"] = Consume, ["heartbeat"] = Consume, ["leave"] = Consume, ["commit"] = Consume,
        ["seek"] = Both(AccessOperations.Consume, AccessOperations.Alter), ["redrive"] = Both(AccessOperations.Produce, AccessOperations.Redrive), ["discard"] = Both(AccessOperations.Describe, AccessOperations.Redrive),
        ["describeCluster"] = Nothing, ["openProducer"] = Producer(AccessOperations.Produce), ["metrics"] = [[(AccessOperations.Describe, ResourceKind.Cluster)]],
        ["putExchange"] = Exchange(AccessOperations.Alter), ["describeExchange"] = Exchange(AccessOperations.Describe), ["deleteExchange"] = Exchange(AccessOperations.Delete), ["listExchanges"] = Nothing,
        ["bind"] = ToTopic, ["unbind"] = ToTopic, ["route"] = Exchange(AccessOperations.Produce), ["publishToExchange"] = Exchange(AccessOperations.Produce),
        ["openTransactionalId"] = Producer(AccessOperations.Produce), ["commitTransaction"] = Producer(AccessOperations.Produce), ["abortTransaction"] = Producer(AccessOperations.Produce),
        ["fenceTransaction"] = Producer(AccessOperations.Alter), ["listTransactions"] = Nothing, ["pendingOffsets"] = [[(AccessOperations.Describe, ResourceKind.Group)]],
        ["addPartitions"] = [[(AccessOperations.Produce, ResourceKind.Producer), (AccessOperations.Produce, ResourceKind.Topic)]],
        ["addOffsets"] = [[(AccessOperations.Produce, ResourceKind.Producer), .. Consume[0]]],
        ["putUser"] = Admin, ["deleteUser"] = Admin, ["listUsers"] = Admin, ["addRule"] = Admin, ["removeRule"] = Admin, ["listRules"] = Admin, ["setQuota"] = Admin, ["listQuotas"] = Admin,
        ["putWebhook"] = Admin, ["describeWebhook"] = Admin, ["removeWebhook"] = Admin, ["testWebhook"] = Admin, ["listWebhooks"] = Admin,
    };

    private readonly Memory _store = new();
    private ScriptedBroker _broker = null!;
    private AccessControl _control = null!;
    private HttpGateway _gateway = null!;
    private HttpClient _client = null!;

    public async Task InitializeAsync()
    {
        _broker = new ScriptedBroker();
        _control = await AccessControl.Start(_store, new AccessControlOptions { AdminPassword = "the admin's own", LookEvery = Timeout.InfiniteTimeSpan });
        await _control.Directory.PutUser("anna", new UserChange { Password = Password });
        _gateway = await HttpGateway.Start(_broker, new HttpGatewayOptions { Port = 0, Security = new GatewaySecurity { Access = _control } });
        _client = new HttpClient { BaseAddress = _gateway.Uri };
        _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"anna:{Password}")));
    }

    public async Task DisposeAsync()
    {
        _client.Dispose();
        await _gateway.DisposeAsync();
        await _control.DisposeAsync();
    }

    private static IEnumerable<HttpRoute> Guarded => HttpPipeline.RoutesOf(new HttpMetrics(), default).Where(route => !route.Public && !IsToCome(route));

    [Fact]
    public void EveryCallStandsInTheTable() => Assert.Equal(Guarded.Select(route => route.Name).Order(), Ways.Keys.Order());

    [Fact]
    public async Task EachCallIsAllowedByEachOfItsWaysAndRefusedWithoutAnyPartOfIt()
    {
        foreach (var route in Guarded)
        {
            var ways = Ways[route.Name];
            foreach (var way in ways)
            {
                Assert.True(await IsAllowed(route, way), $"{route.Name} is refused with {string.Join(", ", way)}.");
                foreach (var part in way)
                    Assert.False(await IsAllowed(route, [.. way.Where(one => one != part)]), $"{route.Name} is allowed without {part}.");
            }
        }
    }

    [Fact]
    public async Task NoOtherOperationOpensACall()
    {
        foreach (var route in Guarded.Where(route => Ways[route.Name] is var ways && ways != Nothing && ways != Admin))
        {
            foreach (var operation in Operations)
            {
                var everywhere = new[] { ResourceKind.Topic, ResourceKind.Group, ResourceKind.Producer, ResourceKind.Exchange }.Select(kind => (operation, kind)).ToArray();
                var expected = Ways[route.Name].Any(way => way.All(need => everywhere.Any(given => given.kind == need.Item2
                    && (given.operation == need.Item1 || (need.Item1 == AccessOperations.Describe && given.operation != AccessOperations.Create)))));
                Assert.True(expected == await IsAllowed(route, everywhere), $"{route.Name} with {operation} on everything: {(expected ? "refused" : "allowed")}.");
            }
        }
    }

    private async Task<bool> IsAllowed(HttpRoute route, IReadOnlyList<(AccessOperations Operation, ResourceKind Kind)> rules)
    {
        foreach (var rule in _control.State.Rules.Where(rule => rule.Who == "anna"))
            await _control.Directory.RemoveRule(rule.Id);
        foreach (var (operation, kind) in rules)
        {
            var name = kind switch { ResourceKind.Topic => "t", ResourceKind.Group => "g", ResourceKind.Producer => "p", ResourceKind.Exchange => "x", _ => "" };
            // Whose group's name begins with g and ends by chance. (The scripted broker has a group of any name, so that making one is altering it.)
            var match = route.Name == "makeGroup" && kind == ResourceKind.Group ? ResourceMatch.Prefix : ResourceMatch.Literal;
            await _control.Directory.AddRule(new AccessRule(SubjectKind.User, "anna", operation, kind, match, name));
        }
        var path = route.Template.Replace("{topic}", "t", StringComparison.Ordinal).Replace("{group}", "g", StringComparison.Ordinal).Replace("{partition}", "0", StringComparison.Ordinal)
            .Replace("{id}", route.Template.StartsWith("/v1/transactions/", StringComparison.Ordinal) ? "p" : "1000000", StringComparison.Ordinal).Replace("{user}", "bea", StringComparison.Ordinal).Replace("{exchange}", "x", StringComparison.Ordinal) + QueryOf(route);
        using var request = new HttpRequestMessage(new HttpMethod(route.Method), path) { Content = BodyOf(route, path) };
        using var answer = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (answer.IsSuccessStatusCode && route.AnswerType == EventText.MediaType)
            return true; // and it goes on
        var text = await answer.Content.ReadAsStringAsync();
        // A call about many partitions says of each why it was refused.
        var allowed = (int)answer.StatusCode != 403 && !(route.Name is "read" or "addPartitions" && text.Contains(ErrorCodes.Forbidden, StringComparison.Ordinal));
        // What the call found behind the guard: nothing of the name, or a broker that has no such call.
        var reached = new[] { ErrorCodes.RuleUnknown, ErrorCodes.UserUnknown, ErrorCodes.NotAvailable }.Any(code => text.Contains(code, StringComparison.Ordinal));
        Assert.True((int)answer.StatusCode is >= 200 and < 300 or 403 || reached, $"{route.Name}: a third outcome: {(int)answer.StatusCode} {text}");
        return allowed;
    }

    private static string QueryOf(HttpRoute route) => route.Name switch { "deleteMessages" => "?before=0", "findOffset" => "?at=earliest", "trace" => "?token=x", "describeSession" => "?key=k", "makeGroup" => "?prefix=g", _ => "" };

    private static ByteArrayContent? BodyOf(HttpRoute route, string path)
    {
        if (route.Body == BodyKind.None)
            return null;
        if (route.Body == BodyKind.Octets)
            return new ByteArrayContent(Samples.Batch("x")) { Headers = { ContentType = new MediaTypeHeaderValue("application/octet-stream") } };
        var body = route.Name switch
        {
            "putUser" => $$"""{"password":"{{Password}}"}""",
            "addRule" => """{"user":"bea","allow":["produce"],"kind":"topic","name":"x"}""",
            "setQuota" => """{"user":"bea","quota":"requests-per-second","limit":5}""",
            "bind" or "unbind" => """{"topic":"t","key":"k"}""",
            "checkHalf" => """{"group":"g"}""",
            // Of no group by its id: that one is not there.
            "receive" => """{"max":10}""",
            _ => Bodies.All.FirstOrDefault(good => good.Method == route.Method && good.Path == path).Good ?? "{}",
        };
        return new ByteArrayContent(Encoding.UTF8.GetBytes(body)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
    }

    private static bool IsToCome(HttpRoute route) => route.Summary.EndsWith("Not available yet.", StringComparison.Ordinal);

    private static (AccessOperations, ResourceKind)[][] Topic(AccessOperations operation) => [[(operation, ResourceKind.Topic)]];

    private static (AccessOperations, ResourceKind)[][] Producer(AccessOperations operation) => [[(operation, ResourceKind.Producer)]];

    private static (AccessOperations, ResourceKind)[][] Exchange(AccessOperations operation) => [[(operation, ResourceKind.Exchange)]];

    private static (AccessOperations, ResourceKind)[][] Both(AccessOperations onTopic, AccessOperations onGroup) => [[(onTopic, ResourceKind.Topic), (onGroup, ResourceKind.Group)]];

    private sealed class Memory : IAccessStore
    {
        private StoredAccess? _stored;

        public string Place => "memory";

        public bool ReadOnly => false;

        public ValueTask<StoredAccess?> Load(CancellationToken cancel = default) => ValueTask.FromResult(_stored);

        public ValueTask<long?> Save(ReadOnlyMemory<byte> bytes, long expectedVersion, CancellationToken cancel = default) =>
            ValueTask.FromResult<long?>((_stored = new StoredAccess(bytes, expectedVersion + 1)).Version);
    }
}

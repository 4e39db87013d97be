using System.Text.Json.Nodes;
using OrleansMq.Conformance;
using OrleansMq.Gateways;
using OrleansMq.Gateways.Http;

namespace OrleansMq.Access.Tests;

/// <summary>Tenants' administrators set schedules of reconciliations on their own topics, over HTTP; the broker goes by them and nobody else sees them.</summary>
public sealed class TenantReconcileScheduleTests : IAsyncLifetime
{
    private static readonly ReconcileSchedule Hourly = new() { Topic = "orders", Group = "g", Every = TimeSpan.FromHours(1) };

    private readonly List<string> _reported = [];
    private EmbeddedBroker _broker = null!;
    private AccessControl _control = null!;
    private HttpGateway _gateway = null!;
    private TenantDesks _desks = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        _control = await Some.ControlWithAnna();
        _gateway = await HttpGateway.Start(_broker, new HttpGatewayOptions { Port = 0, Security = new GatewaySecurity { Access = _control } });
        _desks = new TenantDesks(_broker, tenant => _control.OfTenant(_broker, tenant), line => { lock (_reported) _reported.Add(line); });
        foreach (var (user, tenant) in new[] { ("ann", "acme"), ("amy", "acme"), ("bob", "bolt") })
            await _control.Directory.PutUser(user, new UserChange { Password = Some.Password, Tenant = tenant });
        foreach (var user in new[] { "ann", "bob" })
        {
            await _control.Directory.AddRule(Some.Rule(AccessOperations.Admin, ResourceKind.Cluster, "", who: user));
            await using var client = Client(user);
            await client.PutTopic("orders", new TopicChange());
            await client.PutGroup("orders", "g", new GroupChange());
            await client.Publish("orders", [Message.OfText($"of {user}")]);
        }
    }

    public async Task DisposeAsync()
    {
        await _desks.DisposeAsync();
        await _gateway.DisposeAsync();
        await _control.DisposeAsync();
        await _broker.DisposeAsync();
    }

    private HttpBroker Client(string user, string password = Some.Password) =>
        HttpBroker.Connect(_gateway.Uri, new HttpBrokerOptions { Credential = HttpCredential.OfPassword(user, password) });

    [Fact]
    public async Task ATenantsScheduleIsGoneByAndReportsToTheTenantAlone()
    {
        await using var ann = Client("ann");
        await new ReconcileSchedules(ann).Put(Hourly);

        await SendDue("acme", "2030-01-01T05:00:00Z");
        var said = JsonNode.Parse(Assert.Single(await Read(ann, ReconcileSchedules.Reports)).BodyText)!;

        Assert.Equal(("orders", "g", 1), ((string?)said["topic"], (string?)said["group"], (int)said["counts"]!["total"]!));
        Assert.DoesNotContain("_t.", said.ToJsonString(), StringComparison.Ordinal);
        await using var bob = Client("bob");
        await using var admin = Client("admin", Some.AdminPassword);
        foreach (var other in new[] { bob, admin })
        {
            Assert.Empty(await new ReconcileSchedules(other).List());
            Assert.Equal(ErrorCodes.TopicUnknown, await CodeOf(() => other.DescribeTopic(ReconcileSchedules.Reports)));
        }

        Assert.Equal(Hourly, Assert.Single(await new ReconcileSchedules(ann).List()).Schedule);
        Assert.True(await new ReconcileSchedules(ann).Remove("orders", "g"));
        Assert.Empty(await new ReconcileSchedules(ann).List());
        lock (_reported)
            Assert.Empty(_reported);
    }

    [Fact]
    public async Task ARunDeliversTheTenantsMessagesAgain()
    {
        await using var ann = Client("ann");
        await using var bob = Client("bob");
        foreach (var client in new[] { ann, bob })
            await client.Settle("orders", "g", Settlement.DeadLetter([Assert.Single(await client.Receive("orders", "g", new ReceiveRequest())).Lease], "broken"));
        await new ReconcileSchedules(ann).Put(Hourly with { Redeliver = [UnsettledCause.Dead] });

        await SendDue("acme", "2030-01-01T05:00:00Z");
        await Read(ann, ReconcileSchedules.Reports);

        Assert.Equal("of ann", Assert.Single(await ann.Receive("orders", "g", new ReceiveRequest())).BodyText);
        Assert.Empty(await bob.Receive("orders", "g", new ReceiveRequest()));
    }

    [Fact]
    public async Task WhoIsNotTheTenantsAdministratorSetsNone()
    {
        foreach (var kind in new[] { ResourceKind.Topic, ResourceKind.Group })
            await _control.Directory.AddRule(new AccessRule(SubjectKind.User, "amy", ~AccessOperations.Admin & (AccessOperations)0xFF, kind, ResourceMatch.Pattern, "*"));
        await using var amy = Client("amy");
        await using var ann = Client("ann");

        Assert.Equal(ErrorCodes.Forbidden, await CodeOf(async () => { await new ReconcileSchedules(amy).Put(Hourly); return 0; }));
        await new ReconcileSchedules(ann).Put(Hourly);
        Assert.Equal(ErrorCodes.Forbidden, await CodeOf(() => amy.Publish(ReconcileSchedules.Topic, [Message.OfText("x")])));

        Assert.Single(await new ReconcileSchedules(ann).List());
    }

    [Fact]
    public async Task WhatElseIsTheBrokersOwnStaysSo()
    {
        await using var ann = Client("ann");
        await new ReconcileSchedules(ann).Put(Hourly);
        await SendDue("acme", "2030-01-01T05:00:00Z");

        foreach (var topic in new[] { ReconcileSchedules.Due, ReconcileSchedules.Reports, ScheduleTopics.Tenants })
        {
            Assert.Equal(ErrorCodes.Forbidden, await CodeOf(() => ann.Publish(topic, [Message.OfText("x")])));
            Assert.Equal(ErrorCodes.Forbidden, await CodeOf(() => ann.PutTopic(topic, new TopicChange())));
        }

        Assert.Equal(ErrorCodes.Forbidden, await CodeOf(() => ann.PutTopic(ReconcileSchedules.Topic, new TopicChange { Retention = TimeSpan.FromSeconds(1) })));
        Assert.Equal(ErrorCodes.Forbidden, await CodeOf(async () => { await ann.DeleteTopic(ReconcileSchedules.Topic); return 0; }));
    }

    [Fact]
    public async Task TheBrokersOwnTopicsDoNotUseUpTheTenantsQuotasOfTopicsAndGroups()
    {
        await _control.Directory.SetQuota(QuotaScope.Tenant, "acme", QuotaKind.Topics, 1);
        await _control.Directory.SetQuota(QuotaScope.Tenant, "acme", QuotaKind.Groups, 1);
        await using var ann = Client("ann");

        await new ReconcileSchedules(ann).Put(Hourly);
        await SendDue("acme", "2030-01-01T05:00:00Z");

        Assert.Single(await Read(ann, ReconcileSchedules.Reports));
    }

    [Fact]
    public async Task ATenantWritesNothingButSchedulesUnderTheirKeysAndTombstones()
    {
        await using var ann = Client("ann");
        await new ReconcileSchedules(ann).Put(Hourly);
        const string Schedule = """{"topic":"orders","group":"g","everyMs":3600000}""";

        foreach (var other in new[]
        {
            Message.OfText("x", "orders/g"),
            Message.OfText(Schedule),
            Message.OfText(Schedule, "orders/h"),
            Message.OfText(Schedule, new string('k', 1_000)),
            Message.OfText(Schedule + new string(' ', 5_000), "orders/g"),
            Message.OfText(Schedule, "orders/g") with { Headers = [new("h", "v")] },
            Message.OfText("""{"topic":"orders","group":"g","everyMs":3600000,"reportTo":"_orleansmq.audit"}""", "orders/g"),
            Message.OfText("""{"topic":"_orleansmq.audit","group":"g","everyMs":3600000}""", "_orleansmq.audit/g"),
            Message.OfText("", "anything") with { Tombstone = true },
        })
            Assert.Equal(ErrorCodes.Malformed, await CodeOf(() => ann.Publish(ReconcileSchedules.Topic, [other])));

        Assert.Equal(Hourly, Assert.Single(await new ReconcileSchedules(ann).List()).Schedule);
        Assert.Equal(ErrorCodes.Malformed, await CodeOf(async () => { await new ReconcileSchedules(ann).Put(Hourly with { ReportTo = new TopicName("_orleansmq.audit") }); return 0; }));
        await ann.Publish(ReconcileSchedules.Topic, [Message.OfText(Schedule, "orders/g"), new Message { Key = "orders/g"u8.ToArray(), Tombstone = true }]);
        Assert.Empty(await new ReconcileSchedules(ann).List());
    }

    [Fact]
    public async Task WhatSchedulesStoreCountsTowardsTheTenantsStorage()
    {
        await using var ann = Client("ann");
        await new ReconcileSchedules(ann).Put(Hourly);
        await _control.OfTenant(_broker, "acme").Publish(ReconcileSchedules.Topic, [Message.OfText("""{"topic":"orders","group":"g","everyMs":3600000}""", "orders/g")]);
        var stored = 0L;
        foreach (var topic in new[] { "orders", "_orleansmq.schedules" })
            stored += (await ann.DescribeTopic(topic)).Partitions.Sum(partition => partition.Bytes);
        await _control.Directory.SetQuota(QuotaScope.Tenant, "acme", QuotaKind.Storage, stored - 1);

        Assert.Equal(ErrorCodes.QuotaReached, await CodeOf(() => ann.Publish("orders", [Message.OfText("x")])));
    }

    /// <summary>What the desk sends ahead for its hour, now.</summary>
    private async Task SendDue(string tenant, string at)
    {
        var own = _control.OfTenant(_broker, tenant);
        await Eventually.Holds(async () => await CodeOf(() => own.DescribeGroup(ReconcileSchedules.Due, "runners")) is null);
        await own.Publish(ReconcileSchedules.Due, [Message.OfText($$"""{"topic":"orders","group":"g","schedule":0,"due":"{{at}}"}""")]);
    }

    private static async Task<IReadOnlyList<StoredMessage>> Read(HttpBroker broker, TopicName topic)
    {
        await Eventually.Holds(async () => await CodeOf(() => broker.DescribeTopic(topic)) is null && (await broker.ReadAll(topic)).Count > 0);
        return await broker.ReadAll(topic);
    }

    private static async Task<string?> CodeOf<T>(Func<ValueTask<T>> call)
    {
        try
        {
            await call();
            return null;
        }
        catch (MqException e)
        {
            return e.Code;
        }
    }
}

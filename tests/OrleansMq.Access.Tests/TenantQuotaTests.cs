using System.Net;
using System.Net.Http.Headers;
using System.Text;
using OrleansMq.Conformance;
using OrleansMq.Gateways;
using OrleansMq.Gateways.Http;
using OrleansMq.Records;

namespace OrleansMq.Access.Tests;

/// <summary>How much all of a tenant's principals may take together.</summary>
public sealed partial class TenantQuotaTests : IAsyncLifetime
{
    private static readonly Principal Ann = new("ann") { Address = "10.0.0.1" }, Amy = new("amy") { Address = "10.0.0.2" }, Bob = new("bob") { Address = "10.0.0.3" };

    private readonly ManualTime _time = new();
    private EmbeddedBroker _broker = null!;
    private AccessControl _control = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        var store = new MemoryStore();
        await (await Some.ControlWithAnna(store)).DisposeAsync();
        _control = await AccessControl.Start(store, new AccessControlOptions { Time = _time, LookEvery = Timeout.InfiniteTimeSpan });
        foreach (var (user, tenant) in new[] { ("ann", "acme"), ("amy", "acme"), ("bob", "bolt") })
        {
            await _control.Directory.PutUser(user, new UserChange { Password = Some.Password, Tenant = tenant });
            await _control.Directory.AddRule(Some.Rule(AccessOperations.Admin, ResourceKind.Cluster, "", who: user));
        }
    }

    public async Task DisposeAsync()
    {
        await _control.DisposeAsync();
        await _broker.DisposeAsync();
    }

    private Task Limit(QuotaKind kind, long limit, string tenant = "acme") => _control.Directory.SetQuota(QuotaScope.Tenant, tenant, kind, limit).AsTask();

    private GuardedBroker As(Principal who) => _control.As(_broker, who);

    private static async Task Reached(string quota, Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<MqException>(call);
        Assert.Equal(ErrorCodes.QuotaReached, refusal.Code);
        Assert.StartsWith($"The quota {quota} of tenant acme,", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARateIsAllItsPrincipalsAndNoOthersAndAnAdministratorsToo()
    {
        await Limit(QuotaKind.RequestsPerSecond, 4);

        Assert.Equal(3, Enumerable.Range(0, 3).Count(_ => _control.Quotas.Take(Ann) is null));
        Assert.Equal(1, Enumerable.Range(0, 10).Count(_ => _control.Quotas.Take(Amy) is null));
        Assert.Contains("requests-per-second of tenant acme, 4,", _control.Quotas.Take(Principal.OfToken("any", []) with { Tenant = "acme" })!.Message, StringComparison.Ordinal);
        Assert.Equal(10, Enumerable.Range(0, 10).Count(_ => _control.Quotas.Take(Bob) is null));
        Assert.Equal(10, Enumerable.Range(0, 10).Count(_ => _control.Quotas.Take(Some.Admin) is null));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(_control.Quotas.Take(Amy));
    }

    [Fact]
    public async Task BytesOfOneAreADebtOfAllOfItsTenant()
    {
        await Limit(QuotaKind.BytesPerSecond, 1_000, Quota.Each);

        Assert.Equal(TimeSpan.FromSeconds(4), _control.Quotas.Charge(Ann, 5_000));

        Assert.Contains("bytes-per-second of tenant acme", _control.Quotas.Take(Amy)!.Message, StringComparison.Ordinal);
        Assert.Null(_control.Quotas.Take(Bob));
    }

    [Fact]
    public async Task ConnectionsCountOnceForEachAndAreGivenBack()
    {
        await Limit(QuotaKind.Connections, 1);
        var (first, second) = (new TenantSeat(_control.Quotas), new TenantSeat(_control.Quotas));

        Assert.Null(first.Take(Ann));
        Assert.Null(first.Take(Amy));
        Assert.Contains("connections of tenant acme, 1,", second.Take(Ann)!.Message, StringComparison.Ordinal);
        Assert.Null(second.Take(Bob));

        first.GiveBack();
        Assert.Null(second.Take(Ann));
    }

    [Fact]
    public async Task ATopicTooManyIsRefusedUntilAnotherIsDeleted()
    {
        await Limit(QuotaKind.Topics, 2);
        foreach (var topic in new[] { "a", "b" })
            await As(Ann).PutTopic(topic, new TopicChange());

        await Reached("topics", async () => await As(Amy).PutTopic("c", new TopicChange()));
        await As(Amy).PutTopic("a", new TopicChange());
        await As(Bob).PutTopic("c", new TopicChange());
        await As(Ann).DeleteTopic("a");
        await As(Amy).PutTopic("c", new TopicChange());
    }

    [Fact]
    public async Task OfManyAtOnceNoMoreThanTheQuotaAreMade()
    {
        await Limit(QuotaKind.Topics, 3);

        var made = await Task.WhenAll(Enumerable.Range(0, 10).Select(async i =>
        {
            try
            {
                return (await As(Ann).PutTopic($"t{i}", new TopicChange())).Created;
            }
            catch (MqException e) when (e.Code == ErrorCodes.QuotaReached)
            {
                return false;
            }
        }));

        Assert.Equal((3, 3), (made.Count(one => one), (await As(Ann).ListTopics()).Items.Count));
    }

    [Fact]
    public async Task PartitionsAreThoseOfAllTopics()
    {
        await Limit(QuotaKind.Partitions, 5);
        await As(Ann).PutTopic("a", new TopicChange { Partitions = 4 });

        await Reached("partitions", async () => await As(Ann).PutTopic("b", new TopicChange { Partitions = 2 }));
        await As(Ann).PutTopic("b", new TopicChange());
        await Reached("partitions", async () => await As(Ann).PutTopic("c", new TopicChange()));
        Assert.Equal(["a", "b"], (await As(Ann).ListTopics()).Items.Select(topic => topic.Text));
    }

    [Fact]
    public async Task ATopicGrowsAsFarAsTheQuotaGoesHoweverItIsAsked()
    {
        await As(Ann).PutTopic("a", new TopicChange { Partitions = 2 });
        await As(Ann).PutTopic("b", new TopicChange());
        await Limit(QuotaKind.Partitions, 5);

        await Reached("partitions", async () => await As(Ann).GrowTopic("a", 6));
        await Reached("partitions", async () => await As(Ann).PutTopic("a", new TopicChange { Partitions = 6 }));
        Assert.Equal(4, (await As(Ann).GrowTopic("a", 4)).Settings.Partitions);
        Assert.Equal(4, (await As(Ann).GrowTopic("a", 4)).Settings.Partitions);
        Assert.Equal(4, (await As(Ann).PutTopic("a", new TopicChange { MaxMessages = 9 })).Settings.Partitions);
        await Reached("partitions", async () => await As(Ann).GrowTopic("b", 2));
    }

    [Fact]
    public async Task GroupsAreThoseOfAllTopicsHoweverTheyAreMade()
    {
        await Limit(QuotaKind.Groups, 3);
        foreach (var topic in new[] { "a", "b" })
            await As(Ann).PutTopic(topic, new TopicChange());
        await As(Ann).PutGroup("a", "declared", new GroupChange());
        await As(Ann).Receive("b", "used", new ReceiveRequest());
        await As(Ann).Coordinator!.Commit("kafkas", null, [new GroupOffset("a", 0, 0)]);

        await Reached("groups", async () => await As(Amy).PutGroup("a", "x", new GroupChange()));
        await Reached("groups", async () => await As(Amy).Receive("a", "x", new ReceiveRequest()));
        await Reached("groups", async () => await As(Amy).Join("a", "x", "m", TimeSpan.FromSeconds(30)));
        await Reached("groups", async () => await As(Amy).Commit("a", "x", new CommitRequest([new Position(0, 0)])));
        await Reached("groups", async () => await As(Amy).Coordinator!.Commit("kafkas", null, [new GroupOffset("b", 0, 0)]));
        await As(Amy).Receive("b", "used", new ReceiveRequest());
        await As(Amy).DeleteGroup("a", "declared");
        await As(Amy).Receive("a", "x", new ReceiveRequest());
    }

    [Fact]
    public async Task AnEphemeralGroupCountsWhileItLives()
    {
        await Limit(QuotaKind.Groups, 1);
        await As(Ann).PutTopic("a", new TopicChange());
        var ephemeral = new GroupChange { DeleteAfterIdle = (TimeSpan?)TimeSpan.FromSeconds(1) };
        var mine = await As(Ann).PutGroup("a", "mine", ephemeral);
        await As(Ann).Receive("a", "mine", new ReceiveRequest { GroupId = mine.Id });
        await As(Ann).Receive("a", "mine", new ReceiveRequest());
        await Reached("groups", async () => await As(Ann).PutGroup("a", "other", ephemeral));

        await Eventually.Holds(async () => (await As(Ann).ListGroups("a")).Items.Count == 0);

        await As(Ann).PutGroup("a", "other", new GroupChange());
        await Reached("groups", async () => await As(Ann).Receive("a", "mine", new ReceiveRequest()));
        await Reached("groups", async () => await As(Ann).PutGroup("a", "mine", ephemeral));
    }

    [Theory]
    [InlineData(QuotaScope.User, "ann", QuotaKind.Topics)]
    [InlineData(QuotaScope.Address, "10.0.0.1", QuotaKind.Groups)]
    [InlineData(QuotaScope.Tenant, "No.Tenant", QuotaKind.Topics)]
    public async Task AQuotaThatCouldNeverApplyIsRefused(QuotaScope scope, string who, QuotaKind kind) =>
        Assert.Equal(ErrorCodes.Malformed, (await Assert.ThrowsAsync<MqException>(async () => await _control.Directory.SetQuota(scope, who, kind, 1))).Code);

    [Fact]
    public async Task OverHttpEachIs429WithTheQuotasName()
    {
        await using var gateway = await HttpGateway.Start(_broker, new HttpGatewayOptions { Port = 0, Security = new GatewaySecurity { Access = _control } });
        await using var admin = HttpBroker.Connect(gateway.Uri, new HttpBrokerOptions { Credential = HttpCredential.OfPassword("admin", Some.AdminPassword) });
        await admin.Access.SetQuota(QuotaScope.Tenant, "acme", QuotaKind.Topics, 1);
        await admin.Access.SetQuota(QuotaScope.Tenant, "acme", QuotaKind.Connections, 1);
        Assert.Equal([new Quota(QuotaScope.Tenant, "acme", QuotaKind.Topics, 1), new Quota(QuotaScope.Tenant, "acme", QuotaKind.Connections, 1)], await admin.Access.ListQuotas());
        using var first = Client("ann");

        Assert.Equal(HttpStatusCode.Created, (await Put(first, "a")).StatusCode);
        Assert.Contains("The quota topics of tenant acme, 1, is reached.", await Refused(first, "b"), StringComparison.Ordinal);
        using (var second = Client("amy"))
            Assert.Contains("The quota connections of tenant acme, 1, is reached.", await Refused(second, "a"), StringComparison.Ordinal);
        using (var others = Client("bob"))
            Assert.Equal(HttpStatusCode.Created, (await Put(others, "b")).StatusCode);

        async Task<string> Refused(HttpClient client, string topic)
        {
            using var answer = await Put(client, topic);
            Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
            Assert.NotNull(answer.Headers.RetryAfter);
            return await answer.Content.ReadAsStringAsync();
        }

        Task<HttpResponseMessage> Put(HttpClient client, string topic) => client.PutAsync($"/v1/topics/{topic}", new StringContent("{}", Encoding.UTF8, "application/json"));

        HttpClient Client(string user)
        {
            var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 1 }) { BaseAddress = gateway.Uri };
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{Some.Password}")));
            return client;
        }
    }

    [Fact]
    public async Task WhatIsStoredCountsUntilThereIsRoomAgain()
    {
        await As(Ann).PutTopic("t", new TopicChange());
        await Limit(QuotaKind.Storage, 10_000);
        var message = new Message { Body = new byte[4_000] };
        await As(Ann).Publish("t", [message]);
        await As(Amy).Publish("t", [message]);

        await Reached("storage", async () => await As(Ann).Publish("t", [message]));
        await Reached("storage", async () => await As(Ann).Append(new AppendRequest { Topic = "t", Partition = 0, Batch = Batch(new byte[4_000]) }));
        await As(Bob).PutTopic("t", new TopicChange());
        await As(Bob).Publish("t", [message, message, message]);

        await As(Ann).DeleteTopic("t");
        await As(Ann).PutTopic("t", new TopicChange());
        // What was measured last still counts.
        await Reached("storage", async () => await As(Ann).Publish("t", [message]));
        _time.Advance(TenantUse.MeasureAgainEvery);
        await As(Ann).Publish("t", [message]);
    }

    [Fact]
    public async Task ADelayedMessageTooManyIsRefusedAndOthersAreNot()
    {
        await As(Ann).PutTopic("t", new TopicChange());
        await Limit(QuotaKind.Delayed, 2);
        var later = Message.OfText("later") with { DeliverAfter = TimeSpan.FromHours(1) };
        await As(Ann).Publish("t", [later, later]);
        Assert.Equal(2, (await As(Ann).DescribeTopic("t")).Partitions.Sum(partition => partition.Delayed));
        _time.Advance(TenantUse.MeasureEvery);

        await Reached("delayed", async () => await As(Amy).Publish("t", [later]));
        await Reached("delayed", async () => await As(Amy).Append(new AppendRequest { Topic = "t", Partition = 0, Rich = true, Batch = Batch([1], ReservedHeaders.DeliverAt, "+3600000") }));
        await As(Amy).Append(new AppendRequest { Topic = "t", Partition = 0, Rich = true, Batch = Batch([1], "other", "1") });
        await As(Amy).Publish("t", [Message.OfText("now")]);

        await As(Ann).CancelScheduled("t", (await As(Ann).ListScheduled("t")).Items[0].Id);
        _time.Advance(TenantUse.MeasureAgainEvery);
        await As(Amy).Publish("t", [later]);
    }

    [Fact]
    public async Task TokensThatTopicsMayRememberAreCountedWhenTopicsAreMadeChangedAndGrown()
    {
        await Limit(QuotaKind.Tokens, 1_000);
        await Reached("tokens", async () => await As(Ann).PutTopic("t", new TopicChange()));
        await As(Ann).PutTopic("t", new TopicChange { Partitions = 2, TokenCount = 300 });
        await Reached("tokens", async () => await As(Amy).PutTopic("t", new TopicChange { TokenCount = 501 }));
        await Reached("tokens", async () => await As(Amy).GrowTopic("t", 4));
        await Reached("tokens", async () => await As(Amy).PutTopic("u", new TopicChange { TokenCount = 401 }));
        await As(Amy).PutTopic("t", new TopicChange { TokenCount = 250 });
        await As(Amy).GrowTopic("t", 4);

        // More than there may be now; less of it is right.
        await Limit(QuotaKind.Tokens, 100);
        await As(Amy).PutTopic("t", new TopicChange { TokenCount = 50 });
        await Reached("tokens", async () => await As(Amy).PutTopic("t", new TopicChange { TokenCount = 51 }));
    }

    [Fact]
    public async Task BytesInFlightAreHeldUntilTheyAreStored()
    {
        await Limit(QuotaKind.InFlightBytes, 1_000);
        using (_control.Quotas.Hold(Ann, 600))
        {
            var refusal = Assert.Throws<MqException>(() => _control.Quotas.Hold(Amy, 401));
            Assert.Equal(ErrorCodes.RateLimited, refusal.Code);
            Assert.StartsWith("The quota in-flight-bytes of tenant acme, 1000,", refusal.Message, StringComparison.Ordinal);
            using (_control.Quotas.Hold(Amy, 400))
            using (_control.Quotas.Hold(Bob, 5_000))
                Assert.Throws<MqException>(() => _control.Quotas.Hold(Ann, 1));
        }

        await As(Ann).PutTopic("t", new TopicChange());
        // The only one, whatever its size.
        await As(Ann).Publish("t", [new Message { Body = new byte[2_000] }]);
        await As(Ann).Append(new AppendRequest { Topic = "t", Partition = 0, Batch = Batch(new byte[2_000]) });
        using (_control.Quotas.Hold(Ann, 600))
            Assert.Equal(ErrorCodes.RateLimited, (await Assert.ThrowsAsync<MqException>(async () => await As(Amy).Publish("t", [new Message { Body = new byte[500] }]))).Code);
    }

    private static byte[] Batch(byte[] body, string? header = null, string value = "")
    {
        var records = new RecordBatchBuilder(256);
        records.Append(0, [], false, body, true, header is null ? [] : [RecordHeader.OfText(header, value)]);
        return records.Build().ToArray();
    }
}

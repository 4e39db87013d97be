using System.Buffers.Binary;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using OrleansMq.Access.Tests;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>Two tenants over one listener by Confluent's client, unmodified, with the same names at once.</summary>
public sealed class TenantClientTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private Guarded _guarded = null!;

    public async Task InitializeAsync()
    {
        _guarded = await Guarded.Start(options => options with { Time = TimeProvider.System });
        foreach (var (user, tenant) in new[] { ("ann", "acme"), ("bob", "bolt") })
        {
            await _guarded.Control.Directory.PutUser(user, new UserChange { Password = Some.Password, Tenant = tenant });
            foreach (var kind in new[] { ResourceKind.Topic, ResourceKind.Group, ResourceKind.Producer })
                await _guarded.Control.Directory.AddRule(Some.Rule((AccessOperations)255, kind, "*", ResourceMatch.Pattern, user));
        }
    }

    public async Task DisposeAsync() => await _guarded.DisposeAsync();

    [Fact]
    public async Task TopicsGroupsAndTransactionsOfTheSameNamesStayApart()
    {
        await Task.WhenAll(Task.Run(() => Work("ann")), Task.Run(() => Work("bob")));

        foreach (var user in new[] { "ann", "bob" })
        {
            using var admin = new AdminClientBuilder(Of(user)).Build();
            Assert.Equal(["orders"], admin.GetMetadata(Patience).Topics.Select(topic => topic.Topic));
            Assert.Equal(["readers"], (await admin.ListConsumerGroupsAsync(new ListConsumerGroupsOptions { RequestTimeout = Patience })).Valid.Select(group => group.GroupId));
            using var producer = new ProducerBuilder<Null, string>(Of(user)).Build();
            var refused = await Assert.ThrowsAsync<ProduceException<Null, string>>(() => producer.ProduceAsync("_t.acme.orders", new Message<Null, string> { Value = "x" }));
            Assert.Equal(Confluent.Kafka.ErrorCode.TopicAuthorizationFailed, refused.Error.Code);
        }
        Assert.Equal(["_t.acme.orders", "_t.bolt.orders", "t"], (await _guarded.Broker.ListTopics()).Items.Select(topic => topic.Text));
    }

    [Fact]
    public async Task ATopicTooManyIsAPolicyViolationWithTheQuotasName()
    {
        await _guarded.Control.Directory.SetQuota(QuotaScope.Tenant, "acme", QuotaKind.Partitions, 2);
        using var ann = new AdminClientBuilder(Of("ann")).Build();
        using var bob = new AdminClientBuilder(Of("bob")).Build();
        foreach (var admin in new[] { ann, bob })
            await admin.CreateTopicsAsync([new TopicSpecification { Name = "orders", NumPartitions = 2 }]);

        var refusal = await Assert.ThrowsAsync<CreateTopicsException>(() => ann.CreateTopicsAsync([new TopicSpecification { Name = "more", NumPartitions = 1 }]));

        Assert.Equal(Confluent.Kafka.ErrorCode.PolicyViolation, refusal.Results.Single().Error.Code);
        Assert.Equal("The quota partitions of tenant acme, 2, is reached.", refusal.Results.Single().Error.Reason);
        await bob.CreateTopicsAsync([new TopicSpecification { Name = "more", NumPartitions = 1 }]);
    }

    [Fact]
    public async Task ATenantsRateIsAWaitOfAllItsConnectionsAndOfNoOthers()
    {
        using var ann = await _guarded.Connect();
        await ann.ComeIn("ann");
        using var anns = await _guarded.Connect();
        await anns.ComeIn("ann");
        using var bob = await _guarded.Connect();
        await bob.ComeIn("bob");
        await _guarded.Control.Directory.SetQuota(QuotaScope.Tenant, "acme", QuotaKind.BytesPerSecond, 1);

        var first = await Throttle(ann);
        Assert.True(first > 0);
        Assert.True(await Throttle(anns) > first);
        Assert.Equal(0, await Throttle(bob));

        static async Task<int> Throttle(RawClient client) => BinaryPrimitives.ReadInt32BigEndian((await client.Ask(Requests.Last(ApiKey.ListGroups).Frame())).AsSpan(5));
    }

    [Fact]
    public async Task AConnectionOfATenantTooManyIsClosedAtItsLogin()
    {
        await _guarded.Control.Directory.SetQuota(QuotaScope.Tenant, "acme", QuotaKind.Connections, 1);
        using var first = await _guarded.Connect();
        Assert.Equal(KafkaError.None, (await first.ComeIn("ann")).Error);

        using var second = await _guarded.Connect();
        await Assert.ThrowsAsync<IOException>(() => second.ComeIn("ann"));
        using var bobs = await _guarded.Connect();
        Assert.Equal(KafkaError.None, (await bobs.ComeIn("bob")).Error);
        Assert.NotNull(await first.Ask(Requests.Last(ApiKey.ListGroups).Frame()));
    }

    private async Task Work(string user)
    {
        using var admin = new AdminClientBuilder(Of(user)).Build();
        await admin.CreateTopicsAsync([new TopicSpecification { Name = "orders", NumPartitions = 2 }]);
        using (var producer = new ProducerBuilder<Null, string>(new ProducerConfig(Of(user)) { TransactionalId = "etl" }).Build())
        {
            producer.InitTransactions(Patience);
            foreach (var commit in new[] { false, true })
            {
                producer.BeginTransaction();
                for (var i = 0; i < 20; i++)
                    producer.Produce("orders", new Message<Null, string> { Value = $"{user} {commit} {i}" });
                if (commit)
                    producer.CommitTransaction(Patience);
                else
                    producer.AbortTransaction(Patience);
            }
        }

        using var consumer = new ConsumerBuilder<Ignore, string>(new ConsumerConfig(Of(user))
        {
            GroupId = "readers", AutoOffsetReset = AutoOffsetReset.Earliest, EnableAutoCommit = false, IsolationLevel = Confluent.Kafka.IsolationLevel.ReadCommitted,
        }).Build();
        consumer.Subscribe("orders");
        var values = Enumerable.Range(0, 20).Select(_ => consumer.Consume(Patience).Message.Value).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"{user} True {i}").Order(StringComparer.Ordinal), values);
        consumer.Commit();
        Assert.Equal(consumer.Assignment.Select(consumer.Position), consumer.Committed(consumer.Assignment, Patience).Select(offset => offset.Offset));
        consumer.Close();
    }

    private ClientConfig Of(string user) => new()
    {
        BootstrapServers = _guarded.Gateway.Address,
        SecurityProtocol = SecurityProtocol.SaslPlaintext,
        SaslMechanism = SaslMechanism.ScramSha256,
        SaslUsername = user,
        SaslPassword = Some.Password,
    };
}

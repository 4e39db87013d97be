using System.Net.Http.Headers;
using System.Text;
using OrleansMq.Gateways;
using OrleansMq.Gateways.Http;

namespace OrleansMq.Access.Tests;

/// <summary>Two tenants over one HTTP gateway, by the same names at once.</summary>
public sealed class TenantHttpTests : IAsyncLifetime
{
    private EmbeddedBroker _broker = null!;
    private AccessControl _control = null!;
    private HttpGateway _gateway = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        _control = await Some.ControlWithAnna();
        _gateway = await HttpGateway.Start(_broker, new HttpGatewayOptions { Port = 0, Security = new GatewaySecurity { Access = _control } });
        await using var admin = Client("admin", Some.AdminPassword);
        foreach (var (user, tenant) in new[] { ("ann", "acme"), ("bob", "bolt") })
        {
            Assert.Equal(tenant, (await admin.Access.PutUser(user, new UserChange { Password = Some.Password, Tenant = tenant })).Tenant);
            await admin.Access.AddRule(Some.Rule(AccessOperations.Admin, ResourceKind.Cluster, "", who: user));
        }
    }

    public async Task DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _control.DisposeAsync();
        await _broker.DisposeAsync();
    }

    private HttpBroker Client(string user, string password = Some.Password) =>
        HttpBroker.Connect(_gateway.Uri, new HttpBrokerOptions { Credential = HttpCredential.OfPassword(user, password) });

    [Fact]
    public async Task EachHasItsOwnOfEveryNameAndNoAnswerNamesAnothersOrThePrefix()
    {
        await Task.WhenAll(Work("ann"), Work("bob"));

        foreach (var (user, other) in new[] { ("ann", "bob"), ("bob", "ann") })
        {
            using var client = new HttpClient { BaseAddress = _gateway.Uri };
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{Some.Password}")));
            foreach (var (path, status) in new[]
            {
                ("/v1/topics", 200), ("/v1/topics/orders", 200), ("/v1/topics/orders/groups", 200), ("/v1/topics/orders/groups/g", 200), ("/v1/topics/orders.g.dlq", 200),
                ("/v1/exchanges", 200), ("/v1/exchanges/shop", 200), ("/v1/transactions", 200), ("/v1/cluster", 200), ("/v1/topics/orders/partitions/0/messages", 200),
                ($"/v1/topics/of-{other}", 404), ("/v1/topics/orders/groups/nowhere", 404), ("/v1/topics/_t.acme.orders", 400), ("/v1/access/users", 403), ("/metrics", 403),
            })
            {
                using var answer = await client.GetAsync(path);
                var text = await answer.Content.ReadAsStringAsync();
                Assert.True(status == (int)answer.StatusCode, $"{user} {path}: {(int)answer.StatusCode} {text}");
                Assert.DoesNotContain(other, path.Contains(other, StringComparison.Ordinal) ? text.Replace($"of-{other}", "", StringComparison.Ordinal) : text, StringComparison.Ordinal);
                if (path.EndsWith("/messages", StringComparison.Ordinal))
                    Assert.Contains($"order of {user}", text, StringComparison.Ordinal);
                if (status != 400)
                    Assert.DoesNotContain("_t.", text, StringComparison.Ordinal);
            }
        }

        async Task Work(string user)
        {
            await using var broker = Client(user);
            await broker.PutTopic("orders", new TopicChange());
            await broker.PutTopic($"of-{user}", new TopicChange());
            await broker.PutExchange("shop", new ExchangeChange { Kind = ExchangeKind.Fanout });
            await broker.Bind("shop", Binding.ToTopic("orders"));
            await broker.PublishTo("shop", [Said($"poison of {user}")]);
            var delivery = (await broker.Receive("orders", "g", new ReceiveRequest { Wait = TimeSpan.FromSeconds(30) })).Single();
            Assert.Equal(Body($"poison of {user}"), delivery.BodyText);
            await broker.Settle("orders", "g", Settlement.DeadLetter([delivery.Lease], "bad"));
            var producer = await broker.Transactions!.Open("etl", TimeSpan.FromMinutes(1));
            await broker.Publish("orders", [Said($"order of {user}")], new PublishOptions { Transaction = new ProducerTransaction("etl", producer) });
            await broker.Transactions.End("etl", producer, commit: true, newEpoch: true);
            Assert.Equal([Body($"poison of {user}"), Body($"order of {user}")], (await broker.ReadAll("orders")).Select(message => message.BodyText));
            Assert.Equal([Body($"poison of {user}")], (await broker.ReadAll("orders.g.dlq")).Select(message => message.BodyText));
        }
    }

    /// <summary>As JSON, so that it stands in answers as it is.</summary>
    private static string Body(string text) => $"\"{text}\"";

    private static Message Said(string text) => Message.OfJson(Body(text));
}

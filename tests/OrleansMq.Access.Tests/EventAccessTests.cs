using System.Net;
using System.Net.Http.Headers;
using System.Text;
using OrleansMq.Gateways;
using OrleansMq.Gateways.Http;
using OrleansMq.Gateways.Http.Tests;

namespace OrleansMq.Access.Tests;

/// <summary>Event streams where the broker asks who may do what.</summary>
public sealed class EventAccessTests : IAsyncLifetime
{
    private const string Path = "/v1/topics/orders/groups/g";

    private EmbeddedBroker _broker = null!;
    private AccessControl _control = null!;
    private HttpGateway _gateway = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        _control = await Some.ControlWithAnna();
        _gateway = await HttpGateway.Start(_broker, new HttpGatewayOptions { Port = 0, EventKeepAlive = TimeSpan.FromMilliseconds(100), Security = new GatewaySecurity { Access = _control } });
    }

    public async Task DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _control.DisposeAsync();
        await _broker.DisposeAsync();
    }

    [Fact]
    public async Task WhoMayNotConsumeGetsNoStream()
    {
        await _broker.PutTopic("orders", new());
        await _control.Directory.AddRule(Some.Rule(AccessOperations.Consume, ResourceKind.Topic, "orders"));
        using var anna = Client("anna");
        using var refused = await anna.GetAsync(Path + "/events");
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        using var stranger = new HttpClient { BaseAddress = _gateway.Uri };
        using var unknown = await stranger.GetAsync(Path + "/events");
        Assert.Equal(HttpStatusCode.Unauthorized, unknown.StatusCode);
    }

    [Fact]
    public async Task ARuleThatIsTakenBackEndsTheStream()
    {
        await _broker.PutTopic("orders", new());
        await _control.Directory.AddRule(Some.Rule(AccessOperations.Consume, ResourceKind.Topic, "orders"));
        var ofGroup = await _control.Directory.AddRule(Some.Rule(AccessOperations.Consume, ResourceKind.Group, "g"));
        using var anna = Client("anna");
        using var events = await EventReader.Open(anna, Path + "/events");
        await events.Quiet();
        await _control.Directory.RemoveRule(ofGroup.Id);
        var problem = await events.Next();
        Assert.Equal(("problem", "forbidden"), (problem.Type, problem.Json.GetProperty("code").GetString()));
        await events.End();
    }

    /// <summary>Their topics, groups and leases have the same names; each is told of its own alone.</summary>
    [Fact]
    public async Task ATenantsStreamHasItsOwnMessagesAndItsOwnCredit()
    {
        using HttpClient ann = await Tenant("ann", "acme"), bob = await Tenant("bob", "bolt");
        using EventReader ofAnn = await EventReader.Open(ann, Path + "/events?credit=1&leaseMs=600000"), ofBob = await EventReader.Open(bob, Path + "/events?credit=1&leaseMs=600000");
        var (annFirst, bobFirst) = (await ofAnn.Next(), await ofBob.Next());
        Assert.Equal(("ann 0", "bob 0"), (annFirst.Body, bobFirst.Body));
        Assert.Equal(annFirst.Id, bobFirst.Id);

        await Acknowledge(bob, bobFirst);
        Assert.Equal("bob 1", (await ofBob.Next()).Body);
        await ofAnn.Quiet();
        await ofAnn.Quiet();
        await Acknowledge(ann, annFirst);
        Assert.Equal("ann 1", (await ofAnn.Next()).Body);
    }

    /// <summary>What goes out is charged while the stream goes on, and the stream waits.</summary>
    [Fact]
    public async Task AStreamKeepsToTheBytesOfItsUser()
    {
        await _broker.PutTopic("orders", new());
        foreach (var kind in (ResourceKind[])[ResourceKind.Topic, ResourceKind.Group])
            await _control.Directory.AddRule(Some.Rule(AccessOperations.Consume, kind, kind == ResourceKind.Topic ? "orders" : "g"));
        await _control.Directory.SetQuota(QuotaScope.User, "anna", QuotaKind.BytesPerSecond, 1_000);
        await _broker.Publish("orders", [new Message { Body = new byte[1_000_000] }]);
        using var anna = Client("anna");
        using var events = await EventReader.Open(anna, Path + "/events");
        await events.Next();
        await _broker.Publish("orders", [Message.OfText("behind it")]);
        // In debt by a thousand seconds: comments, and no event.
        for (var i = 0; i < 5; i++)
            await events.Quiet();
    }

    private async Task<HttpClient> Tenant(string user, string tenant)
    {
        await _control.Directory.PutUser(user, new UserChange { Password = Some.Password, Tenant = tenant });
        await _control.Directory.AddRule(Some.Rule(AccessOperations.Admin, ResourceKind.Cluster, "", who: user));
        await using var broker = HttpBroker.Connect(_gateway.Uri, new HttpBrokerOptions { Credential = HttpCredential.OfPassword(user, Some.Password) });
        await broker.PutTopic("orders", new());
        for (var i = 0; i < 2; i++)
            await broker.Publish("orders", [Message.OfJson($"\"{user} {i}\"")]);
        return Client(user);
    }

    private HttpClient Client(string user) => new()
    {
        BaseAddress = _gateway.Uri,
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{Some.Password}"))) },
    };

    private static async Task Acknowledge(HttpClient client, ServerEvent pushed)
    {
        using var content = new StringContent($$"""{"leases":["{{pushed.Id}}"]}""", Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync(Path + "/ack", content);
        Assert.Contains("true", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}

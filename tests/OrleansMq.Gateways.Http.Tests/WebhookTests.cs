using OrleansMq.Conformance.Broker;
using OrleansMq.Engine.Storage;
using OrleansMq.Webhooks;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>Registered webhooks through client, sockets and gateway.</summary>
public sealed class HttpWebhookTests : WebhookContract
{
    protected override async Task<BrokerUnderTest> Start()
    {
        var (ground, storage) = (new WebhookGround(), new VolatileStorage());
        (EmbeddedBroker? Broker, WebhookDesk? Desk, HttpGateway? Gateway) behind = default;
        return new BrokerUnderTest(await Open(), async client =>
        {
            await client.DisposeAsync();
            await End();
            return await Open();
        }, end: async () =>
        {
            await End();
            ground.Dispose();
        });

        async Task<IBroker> Open()
        {
            var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage });
            var desk = await ground.Desk(broker);
            broker.Webhooks = desk.Directory;
            var gateway = await HttpGateway.Start(broker, new HttpGatewayOptions { Port = 0 });
            behind = (broker, desk, gateway);
            return HttpBroker.Connect(gateway.Uri);
        }

        async Task End()
        {
            await behind.Gateway!.DisposeAsync();
            await behind.Desk!.DisposeAsync();
            await behind.Broker!.DisposeAsync();
        }
    }

    [Fact]
    public async Task ABrokerThatTakesNoneSaysSoWhateverIsAsked()
    {
        await using var served = await Served.Start();
        served.Broker.Webhooks = null;

        foreach (var (method, path, body) in new (string, string, string?)[]
        {
            ("PUT", "/v1/topics/t/groups/g/webhook", """{"url":"https://hooks.example.com"}"""), ("GET", "/v1/topics/t/groups/g/webhook", null), ("DELETE", "/v1/topics/t/groups/g/webhook", null),
            ("POST", "/v1/topics/t/groups/g/webhook/test", null), ("GET", "/v1/webhooks", null),
        })
        {
            var answer = await served.Send(method, path, body);
            Assert.Equal(ErrorCodes.NotAvailable, answer.ProblemCode());
            Assert.Contains("--webhooks-api", answer.Text, StringComparison.Ordinal);
        }
    }
}

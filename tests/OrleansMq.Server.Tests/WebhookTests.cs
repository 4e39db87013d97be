using Microsoft.Extensions.DependencyInjection;
using OrleansMq.Conformance.Broker;
using OrleansMq.Webhooks;
using Xunit;

namespace OrleansMq.Server.Tests;

/// <summary>Registered webhooks where each of two silos pushes.</summary>
[Collection(nameof(TwoSilos))]
public sealed class WebhookTests(TwoSilos cluster)
{
    [Fact]
    public async Task WhatIsRegisteredAtOneSiloIsPushedByTheOthersToo()
    {
        using var ground = new WebhookGround();
        using var receiver = new WebhookReceiver();
        var broker = cluster.Inside();
        await broker.PutTopic("hooked", new());
        await using var other = await Desk(1, "other");
        await using (var one = await Desk(0, "one"))
        {
            await broker.Webhooks!.PutWebhook("hooked", "g", new() { Url = receiver.At("/x") });
            await BrokerCluster.Until(() => other.Statistics.ContainsKey(("hooked", "g")));
            await broker.Publish("hooked", [.. Enumerable.Range(0, 50).Select(i => Message.OfText($"{i}"))]);
            await BrokerCluster.Until(() => receiver.Received.Select(seen => seen.Body).Distinct().Count() == 50);
        }

        await broker.Publish("hooked", [Message.OfText("from the other")]);
        await BrokerCluster.Until(() => receiver.Received.Any(seen => seen.Body == "from the other"));

        await cluster.Inside(1).Webhooks!.RemoveWebhook("hooked", "g");
        Assert.Empty(other.Statistics);
        await broker.DeleteTopic("hooked");

        async Task<WebhookDesk> Desk(int silo, string node)
        {
            var inside = cluster.Cluster.Silos[silo].ServiceProvider.GetRequiredService<ClusterBroker>();
            var desk = await ground.Desk(inside, node);
            inside.Webhooks = desk.Directory;
            return desk;
        }
    }
}

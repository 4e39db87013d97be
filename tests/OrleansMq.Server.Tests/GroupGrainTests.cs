using OrleansMq.Client.Grains;
using Xunit;

namespace OrleansMq.Server.Tests;

/// <summary>Groups whose grain was somewhere else before.</summary>
[Collection(nameof(OneSilo))]
public sealed class GroupGrainTests(OneSilo cluster)
{
    private IGrainFactory Grains => cluster.Cluster.Client;

    [Fact]
    public Task WhatIsOutStillCountsWhenTheGroupsGrainIsMadeAnew() => Story(async (broker, topic) =>
    {
        await broker.PutGroup("t", "g", new() { MaxInFlight = 1 });
        await broker.Publish("t", [Message.OfText("a"), Message.OfText("b")]);
        Assert.Single(await broker.Receive("t", "g", new() { Max = 1, Lease = TimeSpan.FromHours(1) }));
        await Forget(topic);

        Assert.Empty(await broker.Receive("t", "g", new() { Max = 1 }));
    });

    [Fact]
    public Task WhoHoldsALeaseStaysTheActiveOneWhenTheGroupsGrainIsMadeAnew() => Story(async (broker, topic) =>
    {
        await broker.PutGroup("t", "g", new() { MaxActive = 1 });
        await broker.Publish("t", [Message.OfText("a"), Message.OfText("b")]);
        Assert.Single(await broker.Receive("t", "g", new() { Consumer = "one", Max = 1, Lease = TimeSpan.FromHours(1) }));
        await Forget(topic);

        Assert.Empty(await broker.Receive("t", "g", new() { Consumer = "other", Max = 1 }));
        Assert.Single(await broker.Receive("t", "g", new() { Consumer = "one", Max = 1 }));
    });

    private async Task Forget(Guid topic)
    {
        var group = Grains.GetGrain<IConsumerGroupGrain>(GrainKeys.Group(topic, "t", "g")).GetGrainId();
        await BrokerCluster.Until(async () =>
        {
            await Grains.GetGrain<IManagementGrain>(0).ForceActivationCollection(TimeSpan.Zero);
            return (await cluster.Grains()).All(each => each.GrainId != group);
        });
    }

    private async Task Story(Func<IBroker, Guid, Task> story)
    {
        await using var host = cluster.ForStory(cluster.Outside);
        await host.Broker.PutTopic("t", new());
        await story(host.Broker, (await Grains.GetGrain<ITopicGrain>("t").Resolve()).Id);
    }
}

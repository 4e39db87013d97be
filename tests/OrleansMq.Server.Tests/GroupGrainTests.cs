using OrleansMq.Client.Grains;
using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Groups;
using OrleansMq.Server.Partitions;
using OrleansMq.Server.Topics;
using Xunit;

namespace OrleansMq.Server.Tests;

/// <summary>Groups whose grain was somewhere else before, or whose end was cut short.</summary>
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

    /// <summary>A silo was lost between the group's document and the topic's word of it.</summary>
    [Fact]
    public Task AGroupThatOnlyItsTopicKnowsGoesWhenItIsDeletedAgain() => Story(async (broker, topic) =>
    {
        var ghost = new GroupDefinition("ghost", Guid.NewGuid(), true, GroupRules.Create(new GroupChange()));
        await Grains.GetGrain<ITopicOwner>("t").AddGroup(ghost);
        var partition = Grains.GetGrain<IPartitionOwner>(GrainKeys.Partition(topic, "t", 0));
        await partition.EnsureGroup(ghost);

        Assert.Equal(ErrorCodes.GroupUnknown, (await Assert.ThrowsAsync<MqException>(async () => await broker.DeleteGroup("t", "ghost"))).Code);

        Assert.Empty((await broker.ListGroups("t")).Items);
        Assert.Equal(ErrorCodes.GroupUnknown, (await Assert.ThrowsAsync<MqException>(() => partition.DescribeGroup("ghost"))).Code);
    });

    private async Task Forget(Guid topic)
    {
        var group = Grains.GetGrain<IConsumerGroupGrain>(GrainKeys.Group(topic, "t", "g")).GetGrainId();
        await BrokerCluster.Until(async () =>
        {
            await cluster.Forget();
            return await cluster.IsGone(group);
        });
    }

    private async Task Story(Func<IBroker, Guid, Task> story)
    {
        await using var host = cluster.ForStory(cluster.Outside);
        await host.Broker.PutTopic("t", new());
        await story(host.Broker, (await Grains.GetGrain<ITopicGrain>("t").Resolve()).Id);
    }
}

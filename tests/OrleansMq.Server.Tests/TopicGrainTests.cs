using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using OrleansMq.Client.Grains;
using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using OrleansMq.Server.Documents;
using OrleansMq.Server.Partitions;
using OrleansMq.Server.Topics;
using Xunit;

namespace OrleansMq.Server.Tests;

/// <summary>A topic's groups, limits and end, where partitions, silos or calls are lost in between.</summary>
[Collection(nameof(TwoSilos))]
public sealed class TopicGrainTests(TwoSilos cluster)
{
    private BrokerSilo Silo => cluster.Cluster.Silos[0].ServiceProvider.GetRequiredService<BrokerSilo>();

    private Serializer Serializer => cluster.Cluster.Silos[0].ServiceProvider.GetRequiredService<Serializer>();

    private IGrainFactory Grains => cluster.Cluster.Silos[0].ServiceProvider.GetRequiredService<IGrainFactory>();

    [Fact]
    public Task AGroupThatIsMadeAgainIsNotTakenApartByTheTidyingOfTheOneBefore() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var topic = Grains.GetGrain<ITopicOwner>("t");
        var (failed, made) = (Group("g"), Group("g"));
        await topic.AddGroup(failed);
        var (writing, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        var grain = topic.GetGrainId();
        cluster.States.Written = async (written, _) =>
        {
            if (written != grain)
                return;
            writing.TrySetResult();
            await go.Task;
        };
        try
        {
            var other = topic.AddGroup(Group("other"));
            await writing.Task;
            var tidying = topic.RemoveGroup("g", failed.Id);
            var making = topic.AddGroup(made);
            // Both are in the grain, behind the write.
            await topic.Exists();
            go.SetResult();
            await Task.WhenAll(other, tidying, making);
        }
        finally
        {
            cluster.States.Written = null;
        }

        var (view, partition) = (await View("t"), await Partition("t", 0));
        Assert.Equal(made.Id, Assert.Single(view.Groups, group => group.Name == made.Name).Id);
        Assert.Contains("g", NameIndex.FromJson(Stored(grain).Documents[$"group-names/{view.Id:N}"].Bytes).Names);
        await partition.EnsureGroup(made);
        await partition.RemoveGroup("g", failed.Id);
        Assert.Equal(0, (await partition.DescribeGroup("g")).Lag);
    });

    [Fact]
    public Task AGroupOfWhoseEndAPartitionDidNotHearGoesThereToo() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "stays", new());
        var partition = await Partition("t", 0);

        // As a call that came when its group's making had failed and was tidied up.
        await partition.EnsureGroup(Group("gone"));
        Assert.NotNull(await partition.DescribeGroup("gone"));

        await BrokerCluster.Until(async () =>
        {
            try
            {
                await partition.DescribeGroup("gone");
                return false;
            }
            catch (MqException gone) when (gone.Code == ErrorCodes.GroupUnknown)
            {
                return true;
            }
        });
        Assert.NotNull(await partition.DescribeGroup("stays"));
    });

    [Fact]
    public Task OnePartitionThatCannotBeOpenedClosesALimitedTopicForNoOther() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2, MaxMessages = 3L });
        await broker.PutGroup("t", "g", new());
        await broker.Publish("t", [Message.OfText("a") with { Partition = 0 }]);
        var view = await View("t");
        await (await Partition("t", 1)).Close();
        await cluster.Storage.DeleteLog(new LogId(view.Id, 1));
        await Forget();

        await BrokerCluster.Until(async () =>
        {
            try
            {
                await broker.Publish("t", [Message.OfText("b") with { Partition = 0 }]);
                return true;
            }
            catch (MqException)
            {
                return false;
            }
        });

        await Assert.ThrowsAsync<MqException>(async () => await broker.Publish("t", [.. Enumerable.Repeat(Message.OfText("c") with { Partition = 0 }, 3)]));
    });

    [Fact]
    public Task WhatALostSiloLeftOfADeletedTopicIsClearedAway() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.PutGroup("t", "g", new());
        await broker.Publish("t", [Message.OfText("a") with { Partition = 0 }]);
        var view = await View("t");
        var grain = Grains.GetGrain<ITopicOwner>("t").GetGrainId();
        // As far as a deletion comes whose silo is lost then: it is begun, and the document is gone.
        await Silo.Catalog.BeginDeletion(new TopicDocument { Name = "t", Id = view.Id, Settings = view.Settings, CreatedAtMs = 0 });
        var shelf = Stored(grain);
        shelf.Documents.Remove(TopicCatalog.TopicKey("t"));
        cluster.States.Put(StateName.Of(grain, keptApart: true), grain, Find(grain).ETag, Serializer.SerializeToArray(shelf));
        await BrokerCluster.Until(async () =>
        {
            await Forget();
            return !await Grains.GetGrain<ITopicOwner>("t").Exists();
        });
        // Meanwhile there may be another of its name.
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Message.OfText("another")]);

        await Look();

        for (var p = 0; p < 2; p++)
            await Assert.ThrowsAsync<LogMissingException>(async () => await cluster.Storage.OpenLog(new LogId(view.Id, p)));
        Assert.DoesNotContain(await Silo.Catalog.UnfinishedTopics(), topic => topic.Id == view.Id);
        Assert.Equal(["another"], (await broker.ReadAll("t")).Select(message => message.BodyText));
        Assert.Empty((await broker.ListGroups("t")).Items);
    });

    [Fact]
    public Task ATopicThatIsThereIsNotClearedAwayThoughItsDeletionWasBegun() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Message.OfText("a")]);
        var view = await View("t");
        await Silo.Catalog.BeginDeletion(new TopicDocument { Name = "t", Id = view.Id, Settings = view.Settings, CreatedAtMs = 0 });

        await Look();

        Assert.Equal(["a"], (await broker.ReadAll("t")).Select(message => message.BodyText));
        Assert.DoesNotContain(await Silo.Catalog.UnfinishedTopics(), topic => topic.Id == view.Id);
    });

    [Fact]
    public Task ATopicThatIsDeletedLeavesNoWordOfIt() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var view = await View("t");

        await broker.DeleteTopic("t");

        Assert.DoesNotContain(await Silo.Catalog.UnfinishedTopics(), topic => topic.Id == view.Id);
    });

    private static GroupDefinition Group(string name) => new(name, Guid.NewGuid(), true, GroupRules.Create(new GroupChange()));

    private SharedGrainStates.Stored Find(GrainId grain) => cluster.States.Find(StateName.Of(grain, keptApart: true), grain)!;

    private DocumentShelf Stored(GrainId grain) => Serializer.Deserialize<DocumentShelf>(Find(grain).Bytes)!;

    /// <summary>What is not at work leaves memory.</summary>
    private Task Forget() => cluster.Cluster.Client.GetGrain<IManagementGrain>(0).ForceActivationCollection(TimeSpan.Zero);

    private Task Look() => cluster.Cluster.Silos[0].ServiceProvider.GetServices<ILifecycleParticipant<ISiloLifecycle>>().OfType<DeletionWatch>().Single().Look();

    private async Task<TopicView> View(TopicName topic)
    {
        var target = await Grains.GetGrain<ITopicGrain>(topic.Text).Resolve();
        return (await Grains.GetGrain<ITopicOwner>(topic.Text).Attach(target.Id, 0, 0))!.View!;
    }

    private async Task<IPartitionOwner> Partition(TopicName topic, int number) =>
        Grains.GetGrain<IPartitionOwner>(GrainKeys.Partition((await View(topic)).Id, topic, number));

    private async Task Story(Func<IBroker, Task> story)
    {
        await using var host = cluster.ForStory(cluster.Outside);
        await story(host.Broker);
    }
}

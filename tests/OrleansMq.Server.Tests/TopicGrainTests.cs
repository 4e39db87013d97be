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
        await cluster.Forget();

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
        await LoseTheSiloThatDeletes(view);
        // Meanwhile there may be another of its name.
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Message.OfText("another")]);

        await Look();

        await IsGone(view);
        Assert.Equal(["another"], (await broker.ReadAll("t")).Select(message => message.BodyText));
        Assert.Empty((await broker.ListGroups("t")).Items);
    });

    [Fact]
    public Task ATopicThatIsThereIsNotClearedAwayThoughItsDeletionWasBegun() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Message.OfText("a")]);
        var view = await View("t");
        await BeginDeletion(view);

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

    [Fact]
    public Task ATopicIsMadeAgainAndChangedWhileTheOneBeforeIsClearedAway() => Story(async broker =>
    {
        var view = await TopicWithGroup(broker);
        var (reached, go) = HoldUpTheEndOf(view);
        var deleting = broker.DeleteTopic("t").AsTask();
        try
        {
            await reached;

            await broker.PutTopic("t", new());
            await broker.GrowTopic("t", 2);
            await broker.Publish("t", [Message.OfText("another") with { Partition = 0 }]);
            Assert.False(deleting.IsCompleted);
            Assert.Contains(await Silo.Catalog.UnfinishedTopics(), topic => topic.Id == view.Id);
        }
        finally
        {
            go.SetResult();
            cluster.DeletingLog = null;
        }

        await deleting;
        await IsGone(view);
        Assert.Equal(["t"], (await broker.ListTopics()).Items.Select(name => name.Text));
        Assert.Equal(["another"], (await broker.ReadAll("t")).Select(message => message.BodyText));
        Assert.Empty((await broker.ListGroups("t")).Items);
    });

    [Fact]
    public Task ATopicIsMadeAgainWhileWhatALostSiloLeftIsClearedAway() => Story(async broker =>
    {
        var view = await TopicWithGroup(broker);
        await LoseTheSiloThatDeletes(view);
        var (reached, go) = HoldUpTheEndOf(view);
        var looking = Look();
        try
        {
            await reached;

            await broker.PutTopic("t", new());
            // Each silo looks; one is at it.
            await Look();
            Assert.False(looking.IsCompleted);
        }
        finally
        {
            go.SetResult();
            cluster.DeletingLog = null;
        }

        await looking;
        await IsGone(view);
        Assert.Equal(["t"], (await broker.ListTopics()).Items.Select(name => name.Text));
    });

    /// <summary>It takes the topic for one that is there, and another silo's has deleted it.</summary>
    [Fact]
    public Task AnActivationThatWasReplacedErasesNoWordOfADeletion() => Story(async broker =>
    {
        var view = await TopicWithGroup(broker);
        await BeginDeletion(view);
        TakeAwayTheDocument();

        await Look();
        await BrokerCluster.Until(async () =>
        {
            await Look();
            return (await Silo.Catalog.UnfinishedTopics()).All(topic => topic.Id != view.Id);
        });

        await IsGone(view);
    });

    [Fact]
    public Task AGroupWhoseNameCantBeTakenAwayIsGoneFromThePartitionsAtOnce() => Story(async broker =>
    {
        var view = await TopicWithGroup(broker);
        var partition = await Partition("t", 0);
        Assert.NotNull(await partition.DescribeGroup("g"));
        var grain = Grains.GetGrain<ITopicOwner>("t").GetGrainId();
        var failed = FailTheNextWriteOf(grain);

        // A client asks again, and hears that there is no such group.
        await Assert.ThrowsAsync<MqException>(() => Grains.GetGrain<IConsumerGroupGrain>(GrainKeys.Group(view.Id, "t", "g")).Delete());

        Assert.True(failed());
        Assert.Equal(ErrorCodes.GroupUnknown, (await Assert.ThrowsAsync<MqException>(() => partition.DescribeGroup("g"))).Code);
    });

    [Fact]
    public Task AnAcknowledgementIsDoneThoughItsGroupsUseCantBeNoted() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Message.OfText("a")]);
        Assert.Single(await broker.Receive("t", "g", new() { Lease = TimeSpan.FromHours(1) }));
        var view = await View("t");
        // A client would ask again.
        var group = Grains.GetGrain<IConsumerGroupGrain>(GrainKeys.Group(view.Id, "t", "g"));
        var grain = group.GetGrainId();
        // Partitions that are woken may call it: one that had read its document before the change must be gone, too.
        await BrokerCluster.Until(async () =>
        {
            await cluster.Forget();
            if (!await cluster.IsGone(grain))
                return false;
            Change(grain, TopicCatalog.GroupKey(view.Id, "g"), stored => (GroupDocument.FromJson(stored, Silo.NowMs) with { LastUsedMs = Silo.NowMs - (long)TimeSpan.FromHours(2).TotalMilliseconds }).ToJson());
            return await cluster.IsGone(grain);
        });
        var failed = FailTheNextWriteOf(grain);

        Assert.Null(Assert.Single(await group.Settle(Settlement.AcknowledgeUpTo(new Position(0, 0)))).Code);

        Assert.True(failed());
        Assert.Equal(0, (await (await Partition("t", 0)).DescribeGroup("g")).Lag);
    });

    [Fact]
    public async Task ATopicThatCouldNotBeMadeLeavesNoLogs()
    {
        var topic = Guid.Empty;
        cluster.CreatingLog = log =>
        {
            topic = log.TopicId;
            return log.Partition == 3 ? throw new LogFullException("There is no room.", null) : Task.CompletedTask;
        };
        try
        {
            await Assert.ThrowsAsync<MqException>(() => Grains.GetGrain<ITopicGrain>("t").Put(new() { Partitions = 4 }));
        }
        finally
        {
            cluster.CreatingLog = null;
        }

        Assert.NotEqual(Guid.Empty, topic);
        for (var p = 0; p < 4; p++)
            await Assert.ThrowsAsync<LogMissingException>(async () => await cluster.Storage.OpenLog(new LogId(topic, p)));
    }

    private async Task<TopicView> TopicWithGroup(IBroker broker)
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());
        await broker.Publish("t", [Message.OfText("a")]);
        return await View("t");
    }

    /// <summary>Its log is not deleted before it may be.</summary>
    private (Task Reached, TaskCompletionSource Go) HoldUpTheEndOf(TopicView view)
    {
        var (reached, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        cluster.DeletingLog = async log =>
        {
            if (log.TopicId != view.Id)
                return;
            reached.TrySetResult();
            await go.Task;
        };
        return (reached.Task.WaitAsync(BrokerCluster.Enough), go);
    }

    private ValueTask BeginDeletion(TopicView view) =>
        Silo.Catalog.BeginDeletion(new TopicDocument { Name = "t", Id = view.Id, Settings = view.Settings, CreatedAtMs = 0 });

    /// <returns>Whether it failed.</returns>
    private Func<bool> FailTheNextWriteOf(GrainId grain)
    {
        var failed = false;
        cluster.States.Written = (written, _) =>
        {
            if (written != grain)
                return Task.CompletedTask;
            failed = true;
            cluster.States.Written = null;
            throw new IOException("The grain storage is away.");
        };
        return () => failed;
    }

    private void TakeAwayTheDocument() => Change(Grains.GetGrain<ITopicOwner>("t").GetGrainId(), TopicCatalog.TopicKey("t"), _ => null);

    /// <summary>As another activation would: the one that is there does not know.</summary>
    private void Change(GrainId grain, string key, Func<byte[], byte[]?> change)
    {
        var shelf = Stored(grain);
        if (change(shelf.Documents[key].Bytes) is { } changed)
            shelf.Documents[key].Bytes = changed;
        else
            shelf.Documents.Remove(key);
        cluster.States.Put(StateName.Of(grain, keptApart: true), grain, Find(grain).ETag, Serializer.SerializeToArray(shelf));
    }

    /// <summary>As far as a deletion comes whose silo is lost then: it is begun, and the document is gone.</summary>
    private async Task LoseTheSiloThatDeletes(TopicView view)
    {
        await BeginDeletion(view);
        TakeAwayTheDocument();
        await BrokerCluster.Until(async () =>
        {
            await cluster.Forget();
            return !await Grains.GetGrain<ITopicOwner>("t").Exists();
        });
    }

    private async Task IsGone(TopicView view)
    {
        for (var p = 0; p < view.Settings.Partitions; p++)
            await Assert.ThrowsAsync<LogMissingException>(async () => await cluster.Storage.OpenLog(new LogId(view.Id, p)));
        Assert.DoesNotContain(await Silo.Catalog.UnfinishedTopics(), topic => topic.Id == view.Id);
    }

    private static GroupDefinition Group(string name) => new(name, Guid.NewGuid(), true, GroupRules.Create(new GroupChange()));

    private SharedGrainStates.Stored Find(GrainId grain) => cluster.States.Find(StateName.Of(grain, keptApart: true), grain)!;

    private DocumentShelf Stored(GrainId grain) => Serializer.Deserialize<DocumentShelf>(Find(grain).Bytes)!;

    /// <summary>What is not at work leaves memory.</summary>
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

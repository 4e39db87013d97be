using Orleans.Configuration;
using Xunit;

namespace OrleansMq.Server.Tests;

/// <summary>Each grain that was in memory once costs its silo something for long: entries of the directory and its caches.</summary>
[Collection(nameof(OneSilo))]
public sealed class IdleTopicTests(OneSilo cluster) : IAsyncLifetime
{
    private static readonly TopicName Topic = "idle";
    private static readonly GroupName Group = "workers";

    private IBroker Broker => cluster.Outside;

    public async Task InitializeAsync()
    {
        await Broker.PutTopic(Topic, new());
        await Broker.PutGroup(Topic, Group, new());
    }

    public async Task DisposeAsync() => await Broker.DeleteTopic(Topic);

    [Fact]
    public async Task MakingAGroupBringsNoTopicOfTheNameOfItsDeadLettersIntoMemory() =>
        Assert.False(await IsInMemory(TopicName.DeadLettersOf(Topic, Group)));

    [Fact]
    public async Task ListingTopicsBringsNoneOfThemIntoMemory()
    {
        await BrokerCluster.Until(async () =>
        {
            await cluster.Cluster.Client.GetGrain<IManagementGrain>(0).ForceActivationCollection(TimeSpan.Zero);
            // Its partitions and groups too: they ask their topic now and then.
            return !(await cluster.Grains()).Any(grain => grain.GrainId.Key.ToString()!.Split('/').Contains(Topic.Text));
        });

        Assert.Contains(Topic, (await Broker.ListTopics()).Items);

        Assert.False(await IsInMemory(Topic.Text));
    }

    [Fact]
    public void IdleGrainsAreLookedForMoreOftenThanOrleansDoesOfItself()
    {
        Assert.Equal(TimeSpan.FromSeconds(10), ActivationTests.QuantumOf(cluster));
        Assert.True(new GrainCollectionOptions().CollectionQuantum > ActivationTests.QuantumOf(cluster));
    }

    private async Task<bool> IsInMemory(string topic) => (await cluster.Grains()).Any(grain => grain.GrainId.Key.ToString() == topic);
}

using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansMq.Client.Grains;
using Xunit;

namespace OrleansMq.Server.Tests;

/// <summary>Grains that do not get ready in time, because what they are read from hangs.</summary>
public sealed class ActivationTests : IAsyncLifetime
{
    private readonly ImpatientSilo _cluster = new();

    public Task InitializeAsync() => _cluster.InitializeAsync();

    public Task DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task APartitionWhoseTopicDidNotGetReadyIsOpenedByTheNextCall()
    {
        await _cluster.Outside.PutTopic("t", new());
        var topic = await _cluster.Cluster.Client.GetGrain<ITopicGrain>("t").Resolve();
        var partition = _cluster.Cluster.Client.GetGrain<IPartitionGrain>(GrainKeys.Partition(topic.Id, "t", 0));
        var away = new TaskCompletionSource();
        _cluster.States.Reading = grain => grain.Key.ToString() == "t" ? away.Task : Task.CompletedTask;

        await BrokerCluster.Until(async () =>
        {
            await _cluster.Cluster.Client.GetGrain<IManagementGrain>(0).ForceActivationCollection(TimeSpan.Zero);
            return await Record.ExceptionAsync(() => partition.FindOffset(StartAt.Latest, null)) is not null;
        });
        away.SetResult();

        Assert.Equal(0, await partition.FindOffset(StartAt.Latest, null));
    }

    [Fact]
    public void IdleGrainsAreLookedForAsOftenAsTheSiloSaysItself() => Assert.Equal(ImpatientSilo.OwnQuantum, QuantumOf(_cluster));

    internal static TimeSpan QuantumOf(BrokerCluster cluster) => cluster.Cluster.Silos[0].ServiceProvider.GetRequiredService<IOptions<GrainCollectionOptions>>().Value.CollectionQuantum;

    /// <summary>Waits less for a grain than the call that needs it.</summary>
    private sealed class ImpatientSilo() : BrokerCluster(1)
    {
        protected override void Configure(ISiloBuilder silo) => silo.Configure<GrainCollectionOptions>(options => (options.ActivationTimeout, options.CollectionQuantum) = (TimeSpan.FromSeconds(5), OwnQuantum));

        public static TimeSpan OwnQuantum { get; } = TimeSpan.FromSeconds(20);
    }
}

using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Serialization;
using Orleans.Storage;
using Orleans.TestingHost;
using OrleansMq.Conformance.Broker;
using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using Xunit;

// Each collection has its silos for itself, and the machine too.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace OrleansMq.Server.Tests;

/// <summary>Real silos in this process, on one log and one grain storage that outlive each of them.</summary>
public class BrokerCluster : IAsyncLifetime
{
    private readonly short _silos;
    private readonly HandedOnStorage _storage;
    private readonly SharedGrainStates _states = new();
    private InProcessTestCluster? _cluster;

    public BrokerCluster(short silos)
    {
        _silos = silos;
        _storage = new HandedOnStorage(new VolatileStorage(), deleting: log => DeletingLog?.Invoke(log) ?? Task.CompletedTask, creating: log => CreatingLog?.Invoke(log) ?? Task.CompletedTask);
    }

    public InProcessTestCluster Cluster => _cluster ?? throw new InvalidOperationException("The cluster has not been started.");

    /// <summary>Where the grains' state lies.</summary>
    internal SharedGrainStates States => _states;

    /// <summary>Where the logs lie.</summary>
    public IStorage Storage => _storage;

    /// <summary>Awaited before a log is made.</summary>
    public Func<LogId, Task>? CreatingLog { get; set; }

    /// <summary>Awaited before a log is deleted.</summary>
    public Func<LogId, Task>? DeletingLog { get; set; }

    /// <summary>The broker of a client outside the cluster.</summary>
    public IBroker Outside => Cluster.Client.ServiceProvider.GetRequiredService<IBroker>();

    /// <summary>The broker that code inside a silo has.</summary>
    public IBroker Inside(int silo = 0) => Cluster.Silos[silo].ServiceProvider.GetRequiredService<IBroker>();

    public async Task InitializeAsync()
    {
        var builder = new InProcessTestClusterBuilder(_silos);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddKeyedSingleton<IGrainStorage>(OrleansMqOptions.Name, (services, _) => new SharedGrainStorage(_states, services.GetRequiredService<Serializer>()));
            silo.AddOrleansMq(options => options.Storage = _storage);
            silo.Services.AddHealthChecks().AddOrleansMq();
            Configure(silo);
        });
        builder.ConfigureClient(client => client.AddOrleansMq());
        _cluster = builder.Build();
        await _cluster.DeployAsync();
    }

    /// <summary>All grains that are at work, and where.</summary>
    public async Task<DetailedGrainStatistic[]> Grains() => await Cluster.Client.GetGrain<IManagementGrain>(0).GetDetailedGrainStatistics();

    public async Task<bool> IsGone(GrainId grain) => (await Grains()).All(each => each.GrainId != grain);

    /// <summary>Lets every grain go that is idle.</summary>
    public Task Forget() => Cluster.Client.GetGrain<IManagementGrain>(0).ForceActivationCollection(TimeSpan.Zero);

    public Task Kill(SiloAddress silo) => Cluster.KillSiloAsync(Cluster.Silos.Single(each => each.SiloAddress.Equals(silo)));

    public static TimeSpan Enough { get; } = TimeSpan.FromMinutes(2);

    public static Task Until(Func<bool> condition) => Until(() => Task.FromResult(condition()));

    /// <summary>What happens inside a cluster gives no signal: it is looked at.</summary>
    public static async Task Until(Func<Task<bool>> condition)
    {
        var since = System.Diagnostics.Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(since) < Enough, "Two minutes were not enough.");
            await Task.Delay(20);
        }
    }

    protected virtual void Configure(ISiloBuilder silo)
    {
    }

    /// <summary>For one story: without topics at its end, as at its start.</summary>
    public BrokerUnderTest ForStory(IBroker broker) => new(broker, restart: async same =>
    {
        // Everything that is not at work leaves memory and is read anew.
        await Cluster.Client.GetGrain<IManagementGrain>(0).ForceActivationCollection(TimeSpan.Zero);
        return same;
    }, end: async () =>
    {
        for (var page = await broker.ListTopics(); page.Items.Count > 0; page = await broker.ListTopics())
            foreach (var topic in page.Items)
                await broker.DeleteTopic(topic);
        await DeleteExchanges(broker);
    });

    private static async Task DeleteExchanges(IBroker broker)
    {
        var exchanges = (await broker.ListExchanges()).Items;
        // One that another leads to can't go: the ways between them go first.
        foreach (var exchange in exchanges)
        {
            foreach (var binding in (await broker.DescribeExchange(exchange)).Bindings.Where(binding => binding.Exchange is not null))
                await broker.Unbind(exchange, binding);
            await broker.PutExchange(exchange, new() { Alternate = Change<ExchangeName?>.Default });
        }

        foreach (var exchange in exchanges)
            await broker.DeleteExchange(exchange);
    }

    public async Task DisposeAsync()
    {
        if (_cluster is not null)
            await _cluster.DisposeAsync();
        await _storage.DisposeAsync();
    }
}

/// <summary>One silo.</summary>
public sealed class OneSilo() : BrokerCluster(1);

/// <summary>Two.</summary>
public sealed class TwoSilos() : BrokerCluster(2);

[CollectionDefinition(nameof(OneSilo))]
public sealed class OneSiloCollection : ICollectionFixture<OneSilo>;

[CollectionDefinition(nameof(TwoSilos))]
public sealed class TwoSilosCollection : ICollectionFixture<TwoSilos>;

/// <summary>Three, that notice a loss as soon as is sensible.</summary>
internal sealed class ThreeSilos() : BrokerCluster(3)
{
    protected override void Configure(ISiloBuilder silo) => silo.Configure<ClusterMembershipOptions>(options =>
    {
        options.ProbeTimeout = TimeSpan.FromMilliseconds(500);
        options.NumMissedProbesLimit = 3;
        options.NumVotesForDeathDeclaration = 2;
    });
}

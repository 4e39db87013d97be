using System.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Storage;
using OrleansMq.Engine.Storage;
using OrleansMq.Servers;
using Xunit;

namespace OrleansMq.Clustering.Tests;

/// <summary>Real silos over sockets of this machine, with no infrastructure but documents.</summary>
public sealed class ClusterTests : IAsyncLifetime
{
    private readonly VolatileStorage _storage = new();
    private readonly List<IHost> _hosts = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var host in _hosts)
        {
            await host.StopAsync();
            host.Dispose();
        }
        await _storage.DisposeAsync();
    }

    [Fact]
    public async Task SilosFindEachOtherAndAClientFindsThemThroughTheDocuments()
    {
        var first = await StartSilo();
        await StartSilo();
        var client = await StartClient();

        var hosts = await client.GetRequiredService<IGrainFactory>().GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true);

        Assert.Equal(2, hosts.Count);
        await first.StopAsync();
        Assert.Single(await client.GetRequiredService<IGrainFactory>().GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true));
    }

    [Fact]
    public async Task GrainStateIsReadBackAndAWriterWhoDidNotReadIsRefused()
    {
        var storage = (await StartSilo()).Services.GetRequiredKeyedService<IGrainStorage>("states");
        var grain = GrainId.Create("counter", "one/1");
        var (mine, others) = (new GrainState<Counter>(new Counter()), new GrainState<Counter>(new Counter()));
        await storage.ReadStateAsync("state", grain, mine);
        Assert.False(mine.RecordExists);

        mine.State!.Count = 7;
        await storage.WriteStateAsync("state", grain, mine);
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("state", grain, others));
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.ClearStateAsync("state", grain, others));

        await storage.ReadStateAsync("state", grain, others);
        Assert.Equal((7, true, mine.ETag), (others.State!.Count, others.RecordExists, others.ETag));
        await storage.ReadStateAsync("other", grain, others);
        Assert.False(others.RecordExists);
    }

    [Fact]
    public async Task ClearedStateIsGoneAndItsOldEtagWorthNothing()
    {
        var storage = (await StartSilo()).Services.GetRequiredKeyedService<IGrainStorage>("states");
        var grain = GrainId.Create("counter", new string('k', 3000));
        var state = new GrainState<Counter>(new Counter { Count = 7 });
        await storage.WriteStateAsync("state", grain, state);
        var old = new GrainState<Counter>(new Counter { Count = 8 }) { ETag = state.ETag };

        await storage.ClearStateAsync("state", grain, state);

        Assert.Equal((0, false, null), (state.State!.Count, state.RecordExists, state.ETag));
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("state", grain, old));
        await storage.ClearStateAsync("state", grain, state);
        state.State!.Count = 9;
        await storage.WriteStateAsync("state", grain, state);
        Assert.NotEqual(old.ETag, state.ETag);
    }

    [Fact]
    public async Task ConfigurationAloneTurnsItOn()
    {
        var silo = await Start(Host.CreateApplicationBuilder(), builder =>
        {
            builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
            {
                ["Orleans:ClusterId"] = "configured",
                ["Orleans:ServiceId"] = "service",
                ["Orleans:Clustering:ProviderType"] = "OrleansMq",
                ["Orleans:Clustering:ServiceKey"] = "documents",
                ["Orleans:Clustering:Profile"] = "Tuned",
                ["Orleans:GrainStorage:states:ProviderType"] = "OrleansMq",
                ["Orleans:GrainStorage:states:ServiceKey"] = "documents",
                ["Orleans:Endpoints:AdvertisedIPAddress"] = "127.0.0.1",
            });
            builder.Services.AddKeyedSingleton<IStorage>("documents", _storage);
            builder.UseOrleans(orleans => orleans.Configure<EndpointOptions>(Ports));
        });

        Assert.NotNull(await _storage.Documents.Get(MembershipStore.KeyOf("configured")));
        Assert.Equal(TimeSpan.FromMilliseconds(500), silo.Services.GetRequiredService<Microsoft.Extensions.Options.IOptions<ClusterMembershipOptions>>().Value.ProbeTimeout);
        Assert.NotNull(silo.Services.GetRequiredKeyedService<IGrainStorage>("states"));
    }

    [Fact]
    public async Task SiloWithoutDocumentsSaysSoBeforeItStarts()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.UseOrleans(orleans => orleans.Configure<ClusterOptions>(Cluster).Configure<EndpointOptions>(Ports).UseOrleansMqClustering());
        using var host = builder.Build();

        var refused = await Assert.ThrowsAsync<OrleansConfigurationException>(() => host.StartAsync());

        Assert.Contains(nameof(IStorage), refused.Message, StringComparison.Ordinal);
    }

    private Task<IHost> StartSilo() => Start(Host.CreateApplicationBuilder(), builder => builder.UseOrleans(orleans => orleans
        .Configure<ClusterOptions>(Cluster)
        .Configure<EndpointOptions>(Ports)
        .UseOrleansMqClustering(_storage.Documents)
        .UseOrleansMqMembershipProfile()
        .AddOrleansMqGrainStorage("states", _storage.Documents)));

    private async Task<IServiceProvider> StartClient() =>
        (await Start(Host.CreateApplicationBuilder(), builder => builder.UseOrleansClient(orleans => orleans
            .Configure<ClusterOptions>(Cluster)
            .UseOrleansMqClustering(_storage.Documents)))).Services;

    private async Task<IHost> Start(HostApplicationBuilder builder, Action<HostApplicationBuilder> configure)
    {
        configure(builder);
        var host = builder.Build();
        _hosts.Add(host);
        await host.StartAsync();
        return host;
    }

    private static void Cluster(ClusterOptions options) => (options.ClusterId, options.ServiceId) = ("cluster", "service");

    private static void Ports(EndpointOptions options) =>
        (options.AdvertisedIPAddress, options.SiloPort, options.GatewayPort) = (IPAddress.Loopback, FreePort.Take(), FreePort.Take());

    public sealed class Counter
    {
        public int Count { get; set; }
    }
}

#if ORLEANS
using System.Net;
using Orleans.Configuration;
using OrleansMq.Clustering;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files;
using OrleansMq.Storage.Files.Shared;

namespace OrleansMq.Silo;

/// <summary>A silo: alone on its own disk, or a member of a cluster that has nothing but the storage its log lies on.</summary>
internal sealed class OrleansHost : IBrokerHost
{
    // Orleans' own stop: what is here is handed over. The whole stop has 10 s.
    private static readonly TimeSpan HandOverMayTake = TimeSpan.FromSeconds(6);

    private readonly IHost _host;
    private readonly IStorage _storage;

    private OrleansHost(IHost host, IStorage storage, string node) => (_host, _storage, Node) = (host, storage, node);

    public string Node { get; }

    public IBroker Broker => _host.Services.GetRequiredService<IBroker>();

    public IDocuments Documents => new AnsweringStorage(_storage).Documents;

    public Func<TextWriter, CancellationToken, ValueTask>? Metrics => null;

    public void Announce(string gateway, string address) => _host.Services.GetRequiredService<IGatewayAnnouncements>().Announce(gateway, address);

    public static async ValueTask<IBrokerHost> Start(SiloOptions told, ILoggerFactory loggers, Action<string> report, CancellationToken stop)
    {
        var storage = await BlobPlace.Open(told, report) ?? StorageOf(told, report);
        var host = Build(told, storage, loggers);
        try
        {
            await host.StartAsync(stop);
            return new OrleansHost(host, storage, NodeOf(told));
        }
        catch (Exception e)
        {
            host.Dispose();
            await storage.DisposeAsync();
            if (e is OperationCanceledException or IOException)
                throw;
            throw new IOException($"the silo did not start: {e.GetBaseException().Message}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var hurry = new CancellationTokenSource(HandOverMayTake);
        await _host.StopAsync(hurry.Token);
        _host.Dispose();
        await _storage.DisposeAsync();
    }

    private static IHost Build(SiloOptions told, IStorage storage, ILoggerFactory loggers)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton<IHostLifetime, NoSignals>();
        builder.UseOrleans(orleans =>
        {
            orleans.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (told.Cluster, told.Cluster));
            orleans.Configure<Orleans.Configuration.SiloOptions>(silo => silo.SiloName = NodeOf(told));
            orleans.Configure<EndpointOptions>(endpoints =>
            {
                (endpoints.AdvertisedIPAddress, endpoints.SiloPort, endpoints.GatewayPort) = (told.SiloAddress, told.SiloPort, told.GatewayPort);
                endpoints.SiloListeningEndpoint = new IPEndPoint(told.SiloAddress, told.SiloPort);
                endpoints.GatewayListeningEndpoint = new IPEndPoint(told.SiloAddress, told.GatewayPort);
            });
            if (told.Storage == StoragePlace.Files)
                orleans.UseLocalhostClustering(told.SiloPort, told.GatewayPort, null, told.Cluster, told.Cluster);
            else
                orleans.UseOrleansMqClustering(storage.Documents);
            orleans.UseOrleansMqMembershipProfile(told.TunedMembership ? MembershipProfile.Tuned : MembershipProfile.OrleansDefaults);
            orleans.AddOrleansMqGrainStorage(OrleansMqOptions.Name, storage.Documents);
            orleans.AddOrleansMq(broker =>
            {
                broker.Storage = storage;
                broker.DefaultAcks = told.Durable ? Acks.Durable : Acks.Accepted;
            });
        });
        return builder.Build();
    }

    private static IStorage StorageOf(SiloOptions told, Action<string> report)
    {
        var files = new FileStorageOptions { Directory = told.Data, OnNotice = notice => report($"{notice.Path}: {notice.Message}") };
        return told.Storage == StoragePlace.Files ? new FileStorage(files) : new SharedFileStorage(files);
    }

    /// <summary>Several silos may be on one machine.</summary>
    private static string NodeOf(SiloOptions told) => $"{Environment.MachineName}:{told.SiloPort}";

    /// <summary>The program hears signals itself, and stops gateways first.</summary>
    private sealed class NoSignals : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
#endif

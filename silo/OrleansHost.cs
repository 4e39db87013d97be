#if ORLEANS
using System.Net;
using Orleans.Configuration;
using OrleansMq.Clustering;
using OrleansMq.Engine.Storage;
using OrleansMq.Gateways;
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
    private readonly TlsCertificates? _tls;

    private OrleansHost(IHost host, IStorage storage, TlsCertificates? tls, string node) => (_host, _storage, _tls, Node) = (host, storage, tls, node);

    public string Node { get; }

    public IBroker Broker => _host.Services.GetRequiredService<IBroker>();

    public IDocuments Documents => new AnsweringStorage(_storage).Documents;

    public Func<TextWriter, CancellationToken, ValueTask>? Metrics => null;

    public void Offer(IWebhookDirectory webhooks) => _host.Services.GetRequiredService<ClusterBroker>().Webhooks = webhooks;

    public void Announce(string gateway, string address) => _host.Services.GetRequiredService<IGatewayAnnouncements>().Announce(gateway, address);

    public static async ValueTask<IBrokerHost> Start(SiloOptions told, ILoggerFactory loggers, Action<string> report, CancellationToken stop)
    {
        var tls = OrleansTls.Load(told.Security, report);
        IStorage? storage = null;
        IHost? host = null;
        try
        {
            storage = await BlobPlace.Open(told, report) ?? StorageOf(told, report);
            host = Build(told, storage, tls, loggers);
            await host.StartAsync(stop);
            var started = new OrleansHost(host, storage, tls, NodeOf(told));
            started.AnnouncePorts(told);
            return started;
        }
        catch (Exception e)
        {
            host?.Dispose();
            if (storage is not null)
                await storage.DisposeAsync();
            tls?.Dispose();
            if (host is null || e is OperationCanceledException or IOException)
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
        _tls?.Dispose();
    }

    /// <summary>So that whoever looks for what is open (<c>mq doctor --security</c>) knows of them.</summary>
    private void AnnouncePorts(SiloOptions told)
    {
        Announce("orleans", new IPEndPoint(told.SiloAddress, told.GatewayPort).ToString());
        Announce("orleans-silo", new IPEndPoint(told.SiloAddress, told.SiloPort).ToString());
    }

    private static IHost Build(SiloOptions told, IStorage storage, TlsCertificates? tls, ILoggerFactory loggers)
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
                orleans.UseDevelopmentClustering((IPEndPoint?)null);
            else
                orleans.UseOrleansMqClustering(storage.Documents);
            if (tls is not null)
                OrleansTls.Use(orleans, tls);
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
        return told.Storage == StoragePlace.Files ? new FileStorage(files with { Journal = told.Journal }) : new SharedFileStorage(files);
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

using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using OrleansMq.Clustering;

namespace OrleansMq.Samples.Shop;

/// <summary>One of three silos: the broker, the streams and the shop's grains, on nothing but a shared folder.</summary>
internal static class ShopSilo
{
    public const string Ready = "silo ready";

    public static async Task Run(string data, int siloPort, int gatewayPort, CancellationToken cancel)
    {
        await using var storage = ShopCluster.Storage(data);
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.AddFilter(level => level >= LogLevel.Error);
        builder.UseOrleans(silo => silo
            .Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (ShopCluster.Name, ShopCluster.Name))
            .Configure<EndpointOptions>(endpoints => (endpoints.AdvertisedIPAddress, endpoints.SiloPort, endpoints.GatewayPort) = (IPAddress.Loopback, siloPort, gatewayPort))
            .UseOrleansMqClustering(storage.Documents)
            .UseOrleansMqMembershipProfile(MembershipProfile.Tuned)
            .AddOrleansMqGrainStorage(OrleansMqOptions.Name, storage.Documents)
            .AddOrleansMqGrainStorage("PubSubStore", storage.Documents)
            .AddOrleansMq(broker => broker.Storage = storage)
            .AddOrleansMqStreams(ShopCluster.Streams, ShopCluster.Tune));
        // One of each for all grains of the silo.
        builder.Services.AddSingleton<Inventory>();
        builder.Services.AddSingleton(services => new MerchantNotice(services.GetRequiredService<IBroker>(), 1));
        using var host = builder.Build();
        await host.StartAsync(cancel);
        Console.WriteLine(Ready);
        await host.WaitForShutdownAsync(cancel);
    }
}

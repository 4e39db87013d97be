using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using OrleansMq.Storage.Files;
using OrleansMq.Storage.Files.Shared;

namespace OrleansMq.Samples.Shop;

/// <summary>What silos and clients of this shop have in common: the cluster's name, the shared folder, and the streams.</summary>
internal static class ShopCluster
{
    public const string Name = "shop";

    /// <summary>A stream for each member, whose key is the member's: that of every order's message.</summary>
    public const string Streams = "shop";

    public static SharedFileStorage Storage(string data) => new(new FileStorageOptions { Directory = data });

    /// <summary>Orders stay JSON, so that anybody reads them; a refused one comes again soon, for the inventory is only down for a while.</summary>
    public static void Tune(OrleansMqStreamOptions options)
    {
        options.Topic = Order.Topic.Text;
        options.Partitions = 4;
        options.DefaultNamespace = Order.Topic.Text;
        options.Bodies = StreamBodies.Json;
        options.MaxDeliveries = 1_000;
        options.Backoff.Add(TimeSpan.FromMilliseconds(250));
    }

    public static async Task<IHost> StartClient(SharedFileStorage storage, CancellationToken cancel)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.AddFilter(level => level >= LogLevel.Error);
        builder.UseOrleansClient(client => client
            .Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (Name, Name))
            .Configure<GatewayOptions>(gateways => gateways.GatewayListRefreshPeriod = TimeSpan.FromSeconds(2))
            .UseOrleansMqClustering(storage.Documents)
            .AddOrleansMq()
            .AddOrleansMqStreams(Streams, Tune));
        var host = builder.Build();
        await host.StartAsync(cancel);
        return host;
    }

    public static int Port(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);

    public static string FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
    }
}

using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using OrleansMq;
using OrleansMq.Compression;

namespace Orleans.Hosting;

/// <summary>Adds the broker to a client of a cluster.</summary>
public static class OrleansMqClientExtensions
{
    /// <summary>Makes <see cref="IBroker"/> available in the client's services; the cluster's silos serve it (<c>AddOrleansMq</c> there).</summary>
    public static IClientBuilder AddOrleansMq(this IClientBuilder builder, Action<ClusterBrokerOptions>? configure = null)
    {
        builder.Services.AddClusterBroker(builder.Configuration.GetSection("OrleansMq:Client"), configure);
        return builder;
    }

    /// <summary>For client and silo alike.</summary>
    internal static void AddClusterBroker(this IServiceCollection services, IConfiguration section, Action<ClusterBrokerOptions>? configure)
    {
        CompressedRecords.Use();
        var options = services.AddOptions<ClusterBrokerOptions>().Bind(section);
        if (configure is not null)
            options.Configure(configure);
        services.TryAddSingleton(provider => new ClusterBroker(provider.GetRequiredService<IGrainFactory>(), provider.GetRequiredService<IOptions<ClusterBrokerOptions>>().Value));
        services.TryAddSingleton<IBroker>(provider => provider.GetRequiredService<ClusterBroker>());
    }
}

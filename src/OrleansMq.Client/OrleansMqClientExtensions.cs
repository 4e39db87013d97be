using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansMq;
using OrleansMq.Compression;

namespace Orleans.Hosting;

/// <summary>Adds the broker to a client of a cluster.</summary>
public static class OrleansMqClientExtensions
{
    /// <summary>Makes <see cref="IBroker"/> available in the client's services; the cluster's silos serve it (<c>AddOrleansMq</c> there).</summary>
    public static IClientBuilder AddOrleansMq(this IClientBuilder builder, Action<ClusterBrokerOptions>? configure = null)
    {
        builder.Services.AddClusterBroker<ClientMessagingOptions>(builder.Configuration.GetSection("OrleansMq:Client"), configure);
        return builder;
    }

    /// <summary>For client and silo alike.</summary>
    /// <typeparam name="TMessaging">What says how large a message may be.</typeparam>
    internal static void AddClusterBroker<TMessaging>(this IServiceCollection services, IConfiguration section, Action<ClusterBrokerOptions>? configure)
        where TMessaging : MessagingOptions
    {
        CompressedRecords.Use();
        KnownSettings.Check<ClusterBrokerOptions>(section);
        var options = services.AddOptions<ClusterBrokerOptions>().Bind(section);
        if (configure is not null)
            options.Configure(configure);
        options.Validate<IOptions<TMessaging>>(
            (broker, messaging) => broker.AppendCallBytes <= messaging.Value.MaxMessageBodySize / 2,
            $"OrleansMq:Client:{nameof(ClusterBrokerOptions.AppendCallBytes)} is at most half of {typeof(TMessaging).Name}.{nameof(MessagingOptions.MaxMessageBodySize)}.");
        services.TryAddSingleton(provider => new ClusterBroker(provider.GetRequiredService<IGrainFactory>(), provider.GetRequiredService<IOptions<ClusterBrokerOptions>>().Value));
        services.TryAddSingleton<IBroker>(provider => provider.GetRequiredService<ClusterBroker>());
    }
}

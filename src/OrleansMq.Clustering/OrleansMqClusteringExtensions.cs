using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Messaging;
using Orleans.Providers;
using Orleans.Runtime.Hosting;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using OrleansMq.Clustering;
using OrleansMq.Engine.Storage;

namespace Orleans.Hosting;

/// <summary>A cluster that needs nothing but the storage its log lies on.</summary>
public static class OrleansMqClusteringExtensions
{
    /// <summary>Keeps the membership table in these documents; every silo of the cluster must be given the same storage.</summary>
    /// <param name="documents">Default: those of the registered <see cref="IStorage"/>.</param>
    public static ISiloBuilder UseOrleansMqClustering(this ISiloBuilder builder, IDocuments? documents = null) =>
        builder.UseOrleansMqClustering(options => options.Configure(clustering => clustering.Documents ??= Given(documents)));

    /// <inheritdoc cref="UseOrleansMqClustering(ISiloBuilder, IDocuments?)"/>
    public static ISiloBuilder UseOrleansMqClustering(this ISiloBuilder builder, Action<OptionsBuilder<OrleansMqClusteringOptions>> configure)
    {
        AddClustering(builder.Services, configure);
        builder.Services.AddSingleton<IMembershipTable>(services => new DocumentMembershipTable(ClusteringDocuments(services), services.GetRequiredService<IOptions<ClusterOptions>>()));
        return builder;
    }

    /// <summary>Finds the gateways in these documents: those that the silos were given.</summary>
    /// <param name="documents">Default: those of the registered <see cref="IStorage"/>.</param>
    public static IClientBuilder UseOrleansMqClustering(this IClientBuilder builder, IDocuments? documents = null) =>
        builder.UseOrleansMqClustering(options => options.Configure(clustering => clustering.Documents ??= Given(documents)));

    /// <inheritdoc cref="UseOrleansMqClustering(IClientBuilder, IDocuments?)"/>
    public static IClientBuilder UseOrleansMqClustering(this IClientBuilder builder, Action<OptionsBuilder<OrleansMqClusteringOptions>> configure)
    {
        AddClustering(builder.Services, configure);
        builder.Services.AddSingleton<IGatewayListProvider>(services => new DocumentGatewayList(
            ClusteringDocuments(services), services.GetRequiredService<IOptions<ClusterOptions>>(), services.GetRequiredService<IOptions<GatewayOptions>>()));
        return builder;
    }

    /// <summary>How fast a dead silo is found; <see cref="MembershipProfile.Tuned"/> unless told. Every silo of a cluster should be told the same.</summary>
    public static ISiloBuilder UseOrleansMqMembershipProfile(this ISiloBuilder builder, MembershipProfile profile = MembershipProfile.Tuned) =>
        builder.Configure<ClusterMembershipOptions>(options => profile.Apply(options));

    /// <summary>Keeps grains' state in these documents.</summary>
    /// <param name="name">What grains call the storage; default: the one they get when they name none.</param>
    /// <param name="documents">Default: those of the registered <see cref="IStorage"/>.</param>
    public static ISiloBuilder AddOrleansMqGrainStorage(this ISiloBuilder builder, string name = ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME, IDocuments? documents = null) =>
        builder.AddOrleansMqGrainStorage(name, options => options.Configure(storage => storage.Documents ??= Given(documents)));

    /// <inheritdoc cref="AddOrleansMqGrainStorage(ISiloBuilder, string, IDocuments?)"/>
    public static ISiloBuilder AddOrleansMqGrainStorage(this ISiloBuilder builder, string name, Action<OptionsBuilder<OrleansMqGrainStorageOptions>> configure)
    {
        configure(builder.Services.AddOptions<OrleansMqGrainStorageOptions>(name));
        builder.Services
            .AddTransient<IPostConfigureOptions<OrleansMqGrainStorageOptions>, DefaultStorageProviderSerializerOptionsConfigurator<OrleansMqGrainStorageOptions>>()
            .AddTransient<IConfigurationValidator>(services => new DocumentsAreThere(services, StorageOptions(services, name).Documents))
            .AddGrainStorage(name, (services, _) => new DocumentGrainStorage(
                name,
                services.GetRequiredService<IOptions<ClusterOptions>>().Value.ServiceId,
                DocumentSource.Of(services, StorageOptions(services, name).Documents),
                StorageOptions(services, name).GrainStorageSerializer,
                services.GetRequiredService<IActivatorProvider>()));
        return builder;
    }

    private static void AddClustering(IServiceCollection services, Action<OptionsBuilder<OrleansMqClusteringOptions>> configure)
    {
        configure(services.AddOptions<OrleansMqClusteringOptions>());
        services.AddTransient<IConfigurationValidator>(provider => new DocumentsAreThere(provider, provider.GetRequiredService<IOptions<OrleansMqClusteringOptions>>().Value.Documents));
    }

    private static IDocuments ClusteringDocuments(IServiceProvider services) =>
        DocumentSource.Of(services, services.GetRequiredService<IOptions<OrleansMqClusteringOptions>>().Value.Documents);

    private static OrleansMqGrainStorageOptions StorageOptions(IServiceProvider services, string name) =>
        services.GetRequiredService<IOptionsMonitor<OrleansMqGrainStorageOptions>>().Get(name);

    private static Func<IServiceProvider, IDocuments>? Given(IDocuments? documents) => documents is null ? null : _ => documents;
}

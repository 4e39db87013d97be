using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansMq;
using OrleansMq.Engine.Storage;
using OrleansMq.Server;
using OrleansMq.Server.Deadlines;
using OrleansMq.Server.Groups;
using OrleansMq.Server.Partitions;
using OrleansMq.Server.Placement;
using OrleansMq.Server.Topics;
using OrleansMq.Server.Transactions;

namespace Orleans.Hosting;

/// <summary>Adds the broker to a silo.</summary>
public static class OrleansMqSiloExtensions
{
    /// <summary>
    /// Makes the silo serve topics, and <see cref="IBroker"/> available in its services. Documents go to the grain storage named <see cref="OrleansMqOptions.Name"/>, else
    /// to the default one; the logs to <see cref="OrleansMqOptions.Storage"/>, to the storage that the section <c>OrleansMq:Storage</c> of the configuration names, or to the registered
    /// <see cref="OrleansMq.Engine.Storage.IStorage"/>.
    /// </summary>
    /// <exception cref="OrleansConfigurationException">The configuration names a storage that is not there, or one is registered as well.</exception>
    public static ISiloBuilder AddOrleansMq(this ISiloBuilder builder, Action<OrleansMqOptions>? configure = null) =>
        builder.AddOrleansMq(builder.Configuration.GetSection(OrleansMqOptions.Name), configure);

    /// <inheritdoc cref="AddOrleansMq(ISiloBuilder, Action{OrleansMqOptions}?)"/>
    /// <param name="section">What is set up in place of the section <c>OrleansMq</c>: <see cref="OrleansMqOptions"/>, and below it <c>Storage</c> and <c>Client</c>.</param>
    public static ISiloBuilder AddOrleansMq(this ISiloBuilder builder, IConfiguration section, Action<OrleansMqOptions>? configure = null)
    {
        var services = builder.Services;
        KnownSettings.Check<OrleansMqOptions>(section, StorageName, ClientName);
        var options = services.AddOptions<OrleansMqOptions>().Configure(mine => WithoutStorage(section).Bind(mine));
        if (section.GetSection(StorageName) is { } storage && storage.Exists())
        {
            if (services.Any(service => service.ServiceType == typeof(IStorage)))
                throw new OrleansConfigurationException($"{storage.Path} is configured, and an {nameof(IStorage)} is registered in code: one of them, not both.");
            // Under no key: clustering and grain storage on its documents find it too.
            services.AddStorage(storage);
            services.AddSingleton<IConfigurationValidator>(provider => new OneStorage(provider, storage.Path));
        }
        if (configure is not null)
            options.Configure(configure);
        services.AddSingleton<IValidateOptions<OrleansMqOptions>, OrleansMqOptionsCheck>();
        options.ValidateOnStart();
        services.AddClusterBroker<SiloMessagingOptions>(section.GetSection(ClientName), null);
        services.AddMetrics();
        services.TryAddSingleton<BrokerSilo>();
        services.TryAddSingleton<BrokerMetrics>();
        services.TryAddSingleton<IGatewayAnnouncements, GatewayAnnouncements>();
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, Resettling>();
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, DeadlineWatch>();
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, DeletionWatch>();
        services.AddPlacementDirector<PartitionPlacement, SpreadDirector>();
        services.AddPlacementDirector<GroupPlacement, SpreadDirector>();
        services.AddPlacementDirector<TopicPlacement, SpreadDirector>();
        services.AddPlacementDirector<NodePlacement, SpreadDirector>();
        services.AddOptions<GrainCollectionOptions>().Configure<IOptions<OrleansMqOptions>>((collection, mine) =>
        {
            foreach (var grain in (Type[])[typeof(PartitionGrain), typeof(ConsumerGroupGrain), typeof(CoordinationGrain), typeof(TransactionGrain), typeof(TopicGrain)])
                collection.ClassSpecificCollectionAge[grain.FullName!] = mine.Value.IdleAge;
            // Each minute, as Orleans does of itself, the queues used in a minute would all be closed at once.
            if (collection.CollectionQuantum == new GrainCollectionOptions().CollectionQuantum)
                collection.CollectionQuantum = CollectionQuantum;
        });
        return builder;
    }

    /// <summary>How often a silo looks for idle grains, unless it is told otherwise.</summary>
    internal static readonly TimeSpan CollectionQuantum = TimeSpan.FromSeconds(10);

    private const string StorageName = nameof(OrleansMqOptions.Storage);
    private const string ClientName = "Client";

    /// <summary>A storage is no value that could be bound.</summary>
    private static IConfiguration WithoutStorage(IConfiguration section) => new ConfigurationBuilder()
        .AddInMemoryCollection(section.AsEnumerable(makePathsRelative: true).Where(setting => !setting.Key.Split(':')[0].Equals(StorageName, StringComparison.OrdinalIgnoreCase)))
        .Build();

    /// <summary>Options in code win over a configuration, but not silently: the log would lie where nobody looks for it.</summary>
    private sealed class OneStorage(IServiceProvider services, string path) : IConfigurationValidator
    {
        public void ValidateConfiguration()
        {
            if (services.GetRequiredService<IOptions<OrleansMqOptions>>().Value.Storage is not null)
                throw new OrleansConfigurationException($"{path} is configured, and {nameof(OrleansMqOptions)}.{nameof(OrleansMqOptions.Storage)} is set in code: one of them, not both.");
        }
    }
}

/// <summary>Where the gateways of this silo answer; each gateway says so when it listens, and every silo tells of all (<see cref="IBroker.DescribeCluster"/>).</summary>
public interface IGatewayAnnouncements
{
    void Announce(string gateway, string address);
}

internal sealed class GatewayAnnouncements(BrokerSilo silo) : IGatewayAnnouncements
{
    public void Announce(string gateway, string address) => silo.Announce(gateway, address);
}

/// <summary>Names the setting that does not fit.</summary>
internal sealed class OrleansMqOptionsCheck : IValidateOptions<OrleansMqOptions>
{
    public ValidateOptionsResult Validate(string? name, OrleansMqOptions options)
    {
        var wrong = new List<string>();
        if (options.IdleAge <= TimeSpan.FromMinutes(1))
            wrong.Add($"OrleansMq:IdleAge is more than a minute; {options.IdleAge} was given.");
        if (options.FlushInterval < TimeSpan.Zero)
            wrong.Add($"OrleansMq:FlushInterval is not negative; {options.FlushInterval} was given.");
        if (options.MaintenanceInterval <= TimeSpan.Zero)
            wrong.Add($"OrleansMq:MaintenanceInterval is positive; {options.MaintenanceInterval} was given.");
        if (options.SnapshotBytes < 4096)
            wrong.Add($"OrleansMq:SnapshotBytes is at least 4096; {options.SnapshotBytes} was given.");
        if (options.DefaultAcks is < Acks.None or > Acks.Durable)
            wrong.Add($"OrleansMq:DefaultAcks is none, accepted or durable; {options.DefaultAcks} was given.");
        return wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(wrong);
    }
}

using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Configuration;
using Orleans.Runtime.Providers;
using OrleansMq.Streaming;

namespace Orleans.Hosting;

/// <summary>Configures one provider of streams on a silo.</summary>
public sealed class SiloOrleansMqStreamConfigurator : SiloPersistentStreamConfigurator
{
    // The agent repeats a failed delivery itself, with a delay that holds its shutdown up. Ours are repeated by the cursor, so its own repetition ends before
    // it begins: the pause after the first failure is longer than all of its time.
    private static readonly TimeSpan AgentDeliveryTime = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan AgentPause = TimeSpan.FromMilliseconds(220);

    internal SiloOrleansMqStreamConfigurator(string name, Action<Action<IServiceCollection>> configure)
        : base(name, configure, static (services, provider) => services.GetRequiredKeyedService<TopicQueueAdapterFactory>(provider))
    {
        ConfigureDelegate(services =>
        {
            StreamServices.Add(services, name, isSilo: true);
            services.TryAddEnumerable(ServiceDescriptor.Singleton<IOutgoingGrainCallFilter, DeliveryFilter>());
            services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(provider => new TopicAtStart(provider, name));
        });
        this.ConfigurePullingAgent(agent => agent.Configure(options =>
        {
            options.GetQueueMsgsTimerPeriod = TimeSpan.FromMilliseconds(10);
            options.MaxEventDeliveryTime = AgentDeliveryTime;
        }));
        this.ConfigureBackoffProvider((_, _) => new FixedPause(AgentPause));
        // A silo takes grain calls from Active on, and the broker may be grains. The topic is looked up there, the agents start behind it.
        this.ConfigureLifecycle(lifecycle => lifecycle.Configure(options => options.StartStage = ServiceLifecycleStage.Active + 1));
    }

    public SiloOrleansMqStreamConfigurator Configure(Action<OrleansMqStreamOptions> configure)
    {
        this.Configure<OrleansMqStreamOptions>(options => options.Configure(configure));
        return this;
    }

    /// <summary>The topic, and how many partitions it has where it is made.</summary>
    public SiloOrleansMqStreamConfigurator ConfigurePartitioning(string topic, int partitions) =>
        Configure(options => (options.Topic, options.Partitions) = (topic, partitions));

    /// <summary>Bytes of events in memory for each partition.</summary>
    public SiloOrleansMqStreamConfigurator ConfigureCache(long cacheBytes) => Configure(options => options.CacheBytes = cacheBytes);

    private sealed class FixedPause(TimeSpan pause) : IMessageDeliveryBackoffProvider
    {
        public TimeSpan Next(int attempt) => pause;
    }
}

/// <summary>Configures one provider of streams on a client.</summary>
public sealed class ClusterClientOrleansMqStreamConfigurator : ClusterClientPersistentStreamConfigurator
{
    internal ClusterClientOrleansMqStreamConfigurator(string name, IClientBuilder builder)
        : base(name, builder, static (services, provider) => services.GetRequiredKeyedService<TopicQueueAdapterFactory>(provider))
    {
        builder.ConfigureServices(services => StreamServices.Add(services, name, isSilo: false));
    }

    public ClusterClientOrleansMqStreamConfigurator Configure(Action<OrleansMqStreamOptions> configure)
    {
        this.Configure<OrleansMqStreamOptions>(options => options.Configure(configure));
        return this;
    }

    /// <inheritdoc cref="SiloOrleansMqStreamConfigurator.ConfigurePartitioning"/>
    public ClusterClientOrleansMqStreamConfigurator ConfigurePartitioning(string topic, int partitions) =>
        Configure(options => (options.Topic, options.Partitions) = (topic, partitions));
}

/// <summary>The services of one provider, by its name.</summary>
internal static class StreamServices
{
    public static void Add(IServiceCollection services, string name, bool isSilo)
    {
        services.AddOptions<OrleansMqStreamOptions>(name);
        services.ConfigureNamedOptionForLogging<OrleansMqStreamOptions>(name);
        services.AddSingleton<IConfigurationValidator>(provider => new OrleansMqStreamOptionsValidator(provider, name, isSilo));
        services.TryAddKeyedSingleton(name, static (provider, key) => TopicQueueAdapterFactory.MakeTopic(provider, (string)key!));
        services.TryAddKeyedSingleton(name, static (provider, key) => TopicQueueAdapterFactory.MakeCodec(provider, (string)key!));
        services.TryAddKeyedSingleton(name, static (provider, key) => new TopicQueueAdapterFactory(provider, (string)key!));
    }
}

/// <summary>Looks the topic up when the silo is active, so that its partitions are known to the agents that start next.</summary>
internal sealed class TopicAtStart(IServiceProvider services, string name) : ILifecycleParticipant<ISiloLifecycle>
{
    // Not resolved before the options have been validated.
    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe($"OrleansMqStreams:{name}", ServiceLifecycleStage.Active,
        _ => services.GetRequiredKeyedService<StreamTopic>(name).Connect());
}

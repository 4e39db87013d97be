using Orleans.Configuration;

namespace Orleans.Hosting;

/// <summary>Streams on the partitions of a topic.</summary>
public static class OrleansMqStreamsHosting
{
    /// <summary>Adds a provider of streams whose events are messages of a topic. The silo's services have an <see cref="OrleansMq.IBroker"/>.</summary>
    public static ISiloBuilder AddOrleansMqStreams(this ISiloBuilder builder, string name, Action<SiloOrleansMqStreamConfigurator>? configure = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var configurator = new SiloOrleansMqStreamConfigurator(name, services => builder.ConfigureServices(services));
        configure?.Invoke(configurator);
        return builder;
    }

    /// <inheritdoc cref="AddOrleansMqStreams(ISiloBuilder, string, Action{SiloOrleansMqStreamConfigurator})"/>
    public static ISiloBuilder AddOrleansMqStreams(this ISiloBuilder builder, string name, Action<OrleansMqStreamOptions> configure) =>
        builder.AddOrleansMqStreams(name, (SiloOrleansMqStreamConfigurator streams) => streams.Configure(configure));

    /// <summary>Adds the provider to a client, to send and to subscribe. The client's services have an <see cref="OrleansMq.IBroker"/>.</summary>
    public static IClientBuilder AddOrleansMqStreams(this IClientBuilder builder, string name, Action<ClusterClientOrleansMqStreamConfigurator>? configure = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var configurator = new ClusterClientOrleansMqStreamConfigurator(name, builder);
        configure?.Invoke(configurator);
        return builder;
    }

    /// <inheritdoc cref="AddOrleansMqStreams(IClientBuilder, string, Action{ClusterClientOrleansMqStreamConfigurator})"/>
    public static IClientBuilder AddOrleansMqStreams(this IClientBuilder builder, string name, Action<OrleansMqStreamOptions> configure) =>
        builder.AddOrleansMqStreams(name, (ClusterClientOrleansMqStreamConfigurator streams) => streams.Configure(configure));
}

using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Providers;

[assembly: RegisterProvider("OrleansMq", "Streaming", "Silo", typeof(OrleansMqStreamsProviderBuilder))]
[assembly: RegisterProvider("OrleansMq", "Streaming", "Client", typeof(OrleansMqStreamsProviderBuilder))]

namespace Orleans.Hosting;

/// <summary>Adds the provider where configuration alone asks for it: <c>Orleans:Streaming:NAME:ProviderType = OrleansMq</c>, with the options beside it.</summary>
internal sealed class OrleansMqStreamsProviderBuilder : IProviderBuilder<ISiloBuilder>, IProviderBuilder<IClientBuilder>
{
    public void Configure(ISiloBuilder builder, string? name, IConfigurationSection configurationSection)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        builder.AddOrleansMqStreams(name, (SiloOrleansMqStreamConfigurator streams) => streams.Configure(options => Bind(configurationSection, options)));
    }

    public void Configure(IClientBuilder builder, string? name, IConfigurationSection configurationSection)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        builder.AddOrleansMqStreams(name, (ClusterClientOrleansMqStreamConfigurator streams) => streams.Configure(options => Bind(configurationSection, options)));
    }

    private static void Bind(IConfigurationSection section, OrleansMqStreamOptions options)
    {
        section.Bind(options);
        // Orleans' usual word for the key of a keyed service.
        options.Broker ??= section["ServiceKey"];
    }
}

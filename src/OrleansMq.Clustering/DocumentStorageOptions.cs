using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Clustering;

/// <summary>Where Orleans' membership and gateways lie.</summary>
public sealed class OrleansMqClusteringOptions
{
    /// <summary>
    /// Gives the documents; default: those of the registered <see cref="IStorage"/>, else a registered <see cref="IDocuments"/>. It must be the
    /// same storage for every silo and client of the cluster, and one that several processes may use at once.
    /// </summary>
    public Func<IServiceProvider, IDocuments>? Documents { get; set; }
}

/// <summary>Where grains' state lies and how it is written.</summary>
public sealed class OrleansMqGrainStorageOptions : IStorageProviderSerializerOptions
{
    /// <inheritdoc cref="OrleansMqClusteringOptions.Documents"/>
    public Func<IServiceProvider, IDocuments>? Documents { get; set; }

    /// <summary>Default: the serializer registered under this storage's name, else Orleans' JSON.</summary>
    public IGrainStorageSerializer GrainStorageSerializer { get; set; } = null!;
}

internal static class DocumentSource
{
    /// <exception cref="OrleansConfigurationException">Nobody registered a storage.</exception>
    public static IDocuments Of(IServiceProvider services, Func<IServiceProvider, IDocuments>? given) =>
        given?.Invoke(services)
        ?? services.GetService<IStorage>()?.Documents
        ?? services.GetService<IDocuments>()
        ?? throw new OrleansConfigurationException(
            $"OrleansMq's clustering and grain storage need documents: register an {nameof(IStorage)} or {nameof(IDocuments)}, or give {nameof(OrleansMqClusteringOptions)}.{nameof(OrleansMqClusteringOptions.Documents)}.");

    /// <summary>The storage or documents registered under a key.</summary>
    public static IDocuments Keyed(IServiceProvider services, string key) =>
        services.GetKeyedService<IStorage>(key)?.Documents
        ?? services.GetKeyedService<IDocuments>(key)
        ?? throw new OrleansConfigurationException($"ServiceKey '{key}': no {nameof(IStorage)} and no {nameof(IDocuments)} is registered under it.");
}

/// <summary>Asks for the documents once before the silo or client starts, so that a missing registration is said at once.</summary>
internal sealed class DocumentsAreThere(IServiceProvider services, Func<IServiceProvider, IDocuments>? given) : IConfigurationValidator
{
    public void ValidateConfiguration() => DocumentSource.Of(services, given);
}

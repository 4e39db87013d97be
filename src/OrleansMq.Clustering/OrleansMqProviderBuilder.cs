using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Providers;
using OrleansMq.Clustering;
using OrleansMq.Engine.Storage;

[assembly: RegisterProvider("OrleansMq", "Clustering", "Silo", typeof(OrleansMqClusteringProviderBuilder))]
[assembly: RegisterProvider("OrleansMq", "Clustering", "Client", typeof(OrleansMqClusteringProviderBuilder))]
[assembly: RegisterProvider("OrleansMq", "GrainStorage", "Silo", typeof(OrleansMqGrainStorageProviderBuilder))]

namespace OrleansMq.Clustering;

/// <summary>
/// <c>Orleans:Clustering:ProviderType = OrleansMq</c>. <c>ServiceKey</c> names a keyed storage or documents; the section <c>Storage</c>, for who has no broker of its own, names one to
/// open (its <c>ProviderType</c> and settings); without either the registered one is used. <c>Profile</c> (silos) is <c>Tuned</c> or <c>OrleansDefaults</c>; not given, Orleans' settings are left alone.
/// </summary>
internal sealed class OrleansMqClusteringProviderBuilder : IProviderBuilder<ISiloBuilder>, IProviderBuilder<IClientBuilder>
{
    public void Configure(ISiloBuilder builder, string? name, IConfigurationSection configurationSection)
    {
        var documents = Provided.Documents(builder.Services, configurationSection);
        builder.UseOrleansMqClustering(options => options.Configure(clustering => clustering.Documents = documents));
        if (configurationSection["Profile"] is { Length: > 0 } profile)
            builder.UseOrleansMqMembershipProfile(ProfileOf(profile, configurationSection));
    }

    public void Configure(IClientBuilder builder, string? name, IConfigurationSection configurationSection)
    {
        var documents = Provided.Documents(builder.Services, configurationSection);
        builder.UseOrleansMqClustering(options => options.Configure(clustering => clustering.Documents = documents));
    }

    private static MembershipProfile ProfileOf(string profile, IConfigurationSection section) =>
        Enum.TryParse<MembershipProfile>(profile, ignoreCase: true, out var parsed) && Enum.IsDefined(parsed)
            ? parsed
            : throw new OrleansConfigurationException($"{section.Path}:Profile is '{profile}'; {string.Join(" or ", Enum.GetNames<MembershipProfile>())}.");
}

/// <summary><c>Orleans:GrainStorage:NAME:ProviderType = OrleansMq</c>, with the same <c>ServiceKey</c> or <c>Storage</c>.</summary>
internal sealed class OrleansMqGrainStorageProviderBuilder : IProviderBuilder<ISiloBuilder>
{
    public void Configure(ISiloBuilder builder, string? name, IConfigurationSection configurationSection)
    {
        var documents = Provided.Documents(builder.Services, configurationSection);
        builder.AddOrleansMqGrainStorage(name ?? ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME, options => options.Configure(storage => storage.Documents = documents));
    }
}

internal static class Provided
{
    /// <returns>Null: the registered ones.</returns>
    public static Func<IServiceProvider, IDocuments>? Documents(IServiceCollection services, IConfigurationSection section)
    {
        var (key, storage) = (section["ServiceKey"], section.GetSection("Storage"));
        if (!storage.Exists())
            return key is { Length: > 0 } ? provider => DocumentSource.Keyed(provider, key) : null;
        if (key is { Length: > 0 })
            throw new OrleansConfigurationException($"{section.Path}:ServiceKey is '{key}', and {storage.Path} names a storage as well: one of them, not both.");
        services.AddStorage(storage, storage.Path);
        return provider => DocumentSource.Keyed(provider, storage.Path);
    }
}

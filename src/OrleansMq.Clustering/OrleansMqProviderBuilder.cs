using Microsoft.Extensions.Configuration;
using Orleans.Providers;
using OrleansMq.Clustering;
using OrleansMq.Engine.Storage;

[assembly: RegisterProvider("OrleansMq", "Clustering", "Silo", typeof(OrleansMqClusteringProviderBuilder))]
[assembly: RegisterProvider("OrleansMq", "Clustering", "Client", typeof(OrleansMqClusteringProviderBuilder))]
[assembly: RegisterProvider("OrleansMq", "GrainStorage", "Silo", typeof(OrleansMqGrainStorageProviderBuilder))]

namespace OrleansMq.Clustering;

/// <summary>
/// <c>Orleans:Clustering:ProviderType = OrleansMq</c>. <c>ServiceKey</c> names a keyed storage or documents; without it the registered
/// one is used. <c>Profile</c> (silos) is <c>Tuned</c> or <c>OrleansDefaults</c>; not given, Orleans' settings are left alone.
/// </summary>
internal sealed class OrleansMqClusteringProviderBuilder : IProviderBuilder<ISiloBuilder>, IProviderBuilder<IClientBuilder>
{
    public void Configure(ISiloBuilder builder, string? name, IConfigurationSection configurationSection)
    {
        builder.UseOrleansMqClustering(options => options.Configure(clustering => clustering.Documents = Provided.Documents(configurationSection)));
        if (configurationSection["Profile"] is { Length: > 0 } profile)
            builder.UseOrleansMqMembershipProfile(ProfileOf(profile, configurationSection));
    }

    public void Configure(IClientBuilder builder, string? name, IConfigurationSection configurationSection) =>
        builder.UseOrleansMqClustering(options => options.Configure(clustering => clustering.Documents = Provided.Documents(configurationSection)));

    private static MembershipProfile ProfileOf(string profile, IConfigurationSection section) =>
        Enum.TryParse<MembershipProfile>(profile, ignoreCase: true, out var parsed) && Enum.IsDefined(parsed)
            ? parsed
            : throw new OrleansConfigurationException($"{section.Path}:Profile is '{profile}'; {string.Join(" or ", Enum.GetNames<MembershipProfile>())}.");
}

/// <summary><c>Orleans:GrainStorage:NAME:ProviderType = OrleansMq</c>, with the same <c>ServiceKey</c>.</summary>
internal sealed class OrleansMqGrainStorageProviderBuilder : IProviderBuilder<ISiloBuilder>
{
    public void Configure(ISiloBuilder builder, string? name, IConfigurationSection configurationSection) =>
        builder.AddOrleansMqGrainStorage(
            name ?? ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME,
            options => options.Configure(storage => storage.Documents = Provided.Documents(configurationSection)));
}

internal static class Provided
{
    public static Func<IServiceProvider, IDocuments>? Documents(IConfigurationSection section) =>
        section["ServiceKey"] is { Length: > 0 } key ? services => DocumentSource.Keyed(services, key) : null;
}

using System.Reflection;

namespace OrleansMq.Engine.Storage.Configured;

/// <summary>A storage as a configuration names it: <c>ProviderType</c> says which kind, and what stands beside it is that kind's.</summary>
public sealed class ConfiguredStorage
{
    /// <summary>Which kind it is; Orleans' word for its own providers.</summary>
    public const string KindSetting = "ProviderType";

    // An assembly that no code names is not loaded until somebody asks for it; these are looked for where they are.
    private static readonly (string Kind, string Package)[] OfThisHouse = [("Files", "OrleansMq.Storage.Files"), ("Shared", "OrleansMq.Storage.Files"), ("Blobs", "OrleansMq.Storage.AzureBlobs")];

    private readonly IStorageProvider _provider;
    private readonly StorageSettings _settings;

    private ConfiguredStorage(IStorageProvider provider, StorageSettings settings) => (_provider, _settings) = (provider, settings);

    /// <param name="path">Where the settings stand, for messages.</param>
    /// <param name="settings">By their names below that path.</param>
    /// <exception cref="FormatException">The kind is missing, unknown, or its package is not there.</exception>
    public static ConfiguredStorage Of(string path, IEnumerable<KeyValuePair<string, string?>> settings)
    {
        var named = new StorageSettings(path, settings);
        return new ConfiguredStorage(ProviderOf(named.Text(KindSetting), path), named);
    }

    /// <exception cref="FormatException">A setting is missing, unknown or can't be; the message has its whole name.</exception>
    /// <exception cref="StorageException">The storage can't be used.</exception>
    public async ValueTask<IStorage> Open(Action<string> report)
    {
        try
        {
            return await _provider.Open(_settings, report);
        }
        catch (ArgumentException e)
        {
            throw new FormatException($"{_settings.Path}: {e.Message}", e);
        }
    }

    private static IStorageProvider ProviderOf(string? kind, string path)
    {
        if (kind is null)
            throw new FormatException($"{path}:{KindSetting} is missing: {KindsThere()}.");
        var found = Registered().Where(each => each.Kind.Equals(kind, StringComparison.OrdinalIgnoreCase)).Select(each => each.Provider).Distinct().ToList();
        if (found.Count > 1)
            throw new FormatException($"{path}:{KindSetting} is '{kind}', and that is both {found[0].AssemblyQualifiedName} and {found[1].AssemblyQualifiedName}.");
        if (found.Count == 1)
            return (IStorageProvider)Activator.CreateInstance(found[0])!;
        throw OfThisHouse.FirstOrDefault(each => each.Kind.Equals(kind, StringComparison.OrdinalIgnoreCase)) is { Package: { } package }
            ? new FormatException($"{path}:{KindSetting} is '{kind}', which is in the package {package}, and this program has not got it.")
            : new FormatException($"{path}:{KindSetting} is '{kind}', which is no storage here: {KindsThere()}.");
    }

    private static string KindsThere() => string.Join(", ", Registered().Select(each => each.Kind).Concat(OfThisHouse.Select(each => each.Kind)).Distinct(StringComparer.OrdinalIgnoreCase).Order());

    private static IEnumerable<StorageProviderAttribute> Registered()
    {
        foreach (var package in OfThisHouse.Select(each => each.Package).Distinct())
            LoadIfThere(package);
        return AppDomain.CurrentDomain.GetAssemblies().Where(assembly => !assembly.IsDynamic).SelectMany(assembly => assembly.GetCustomAttributes<StorageProviderAttribute>());
    }

    private static void LoadIfThere(string package)
    {
        try
        {
            Assembly.Load(new AssemblyName(package));
        }
        catch (FileNotFoundException)
        {
            // Not every program has every storage; who names one that is missing is told.
        }
    }
}

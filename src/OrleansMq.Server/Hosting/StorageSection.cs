using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Storage.Configured;

namespace Orleans.Hosting;

/// <summary>A section of the configuration that names a storage (<c>ProviderType</c>, and that kind's settings beside it). Compiled into OrleansMq.Server and OrleansMq.Clustering, of which neither knows the other.</summary>
internal static class StorageSection
{
    /// <summary>Registers the storage; it is opened when the silo or client starts, and closed with it.</summary>
    /// <exception cref="OrleansConfigurationException">It is no kind of storage that is there.</exception>
    public static void AddStorage(this IServiceCollection services, IConfigurationSection section, object? key = null)
    {
        var storage = Refusing(() => ConfiguredStorage.Of(section.Path, section.AsEnumerable(makePathsRelative: true)));
        services.AddKeyedSingleton(key, (provider, _) => Open(provider, storage));
    }

    // A service is made by a call that returns it. It is made once, while the host starts, and nothing else could go on meanwhile.
    private static IStorage Open(IServiceProvider services, ConfiguredStorage storage)
    {
        var log = services.GetRequiredService<ILoggerFactory>().CreateLogger("OrleansMq.Storage");
        return Refusing(() => storage.Open(notice => LogNotice(log, notice, null)).AsTask().GetAwaiter().GetResult());
    }

    private static readonly Action<ILogger, string, Exception?> LogNotice = LoggerMessage.Define<string>(LogLevel.Warning, default, "{Notice}");

    private static T Refusing<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (FormatException e)
        {
            throw new OrleansConfigurationException(e.Message, e);
        }
    }
}

using OrleansMq.Engine.Storage;
#if BLOBS
using OrleansMq.Storage.AzureBlobs;
#endif

namespace OrleansMq.Silo;

/// <summary>The log on append blobs, where the configuration says so and the build has them.</summary>
internal static class BlobPlace
{
#if BLOBS
    // Alone, nobody takes over while the service is away: so long as it may come back, nothing is given up. In a cluster another silo may do better.
    private static readonly TimeSpan AloneTryFor = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan InClusterTryFor = TimeSpan.FromSeconds(30);

    /// <returns>Null where the log does not lie on blobs.</returns>
    public static async ValueTask<IStorage?> Open(SiloOptions told, Action<string> report)
    {
        if (told.Blobs is not { } blobs)
            return null;
        try
        {
            return await BlobStorage.Start(new BlobStorageOptions { ConnectionString = blobs.Value, RetryFor = told.Orleans ? InClusterTryFor : AloneTryFor, OnNotice = report });
        }
        catch (ArgumentException e)
        {
            throw new SettingException($"{blobs.From}: {e.Message.Split('\n')[0]}");
        }
    }
#else
    public static ValueTask<IStorage?> Open(SiloOptions told, Action<string> report) => default;
#endif
}

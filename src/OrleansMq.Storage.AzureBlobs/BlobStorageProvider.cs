using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Storage.Configured;
using OrleansMq.Storage.AzureBlobs;

[assembly: StorageProvider("Blobs", typeof(BlobStorageProvider))]

namespace OrleansMq.Storage.AzureBlobs;

/// <summary><c>"ProviderType": "Blobs"</c>, reached by <c>ConnectionString</c> or by <c>ContainerUri</c> with a SAS; a credential or client of your own is given in code.</summary>
internal sealed class BlobStorageProvider : IStorageProvider
{
    public async ValueTask<IStorage> Open(StorageSettings settings, Action<string> report) => await BlobStorage.Start(OptionsOf(settings, report));

    private static BlobStorageOptions OptionsOf(StorageSettings settings, Action<string> report)
    {
        var defaults = new BlobStorageOptions();
        var options = new BlobStorageOptions
        {
            ConnectionString = settings.Text(nameof(defaults.ConnectionString)),
            ContainerUri = AddressOf(settings),
            Container = settings.Text(nameof(defaults.Container)) ?? defaults.Container,
            Prefix = settings.Text(nameof(defaults.Prefix)) ?? defaults.Prefix,
            AppendBytes = settings.SmallNumber(nameof(defaults.AppendBytes)) ?? defaults.AppendBytes,
            BlobBlocks = settings.SmallNumber(nameof(defaults.BlobBlocks)) ?? defaults.BlobBlocks,
            BlobBytes = settings.Number(nameof(defaults.BlobBytes)) ?? defaults.BlobBytes,
            AcceptedBytes = settings.Number(nameof(defaults.AcceptedBytes)) ?? defaults.AcceptedBytes,
            ReadAheadBytes = settings.SmallNumber(nameof(defaults.ReadAheadBytes)) ?? defaults.ReadAheadBytes,
            CacheBytes = settings.Number(nameof(defaults.CacheBytes)) ?? defaults.CacheBytes,
            Connections = settings.SmallNumber(nameof(defaults.Connections)) ?? defaults.Connections,
            AttemptTimeout = settings.Time(nameof(defaults.AttemptTimeout)) ?? defaults.AttemptTimeout,
            RetryFor = settings.Time(nameof(defaults.RetryFor)) ?? defaults.RetryFor,
            RetryDelay = settings.Time(nameof(defaults.RetryDelay)) ?? defaults.RetryDelay,
            MaxRetryDelay = settings.Time(nameof(defaults.MaxRetryDelay)) ?? defaults.MaxRetryDelay,
            OnNotice = report,
        };
        settings.RefuseOthers();
        return options;
    }

    // Its query may be a SAS: no message has the text.
    private static Uri? AddressOf(StorageSettings settings)
    {
        if (settings.Text(nameof(BlobStorageOptions.ContainerUri)) is not { } text)
            return null;
        return Uri.TryCreate(text, UriKind.Absolute, out var address) ? address : throw new FormatException($"{settings.Path}:{nameof(BlobStorageOptions.ContainerUri)} is no address (its text is not shown).");
    }
}

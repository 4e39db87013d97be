using System.Globalization;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs;
using OrleansMq.Storage.AzureBlobs.Tests.Azurite;
using OrleansMq.Storage.Files;
using OrleansMq.Storage.Files.Shared;

namespace OrleansMq.Failover;

/// <summary>What all silos and the client share: a folder, or a container of blobs.</summary>
internal sealed class SharedPlace : IAsyncDisposable
{
    private readonly AzuriteProcess? _azurite;
    private readonly string? _folder;
    private readonly IStorage _storage;

    private SharedPlace(IStorage storage, string arguments, string? folder, AzuriteProcess? azurite) =>
        (_storage, Arguments, _folder, _azurite) = (storage, arguments, folder, azurite);

    /// <summary>Tells a silo of it.</summary>
    public string Arguments { get; }

    /// <summary>Where the cluster says who is in it.</summary>
    public IDocuments Documents => _storage.Documents;

    public static async Task<SharedPlace> Open(FailoverOptions options)
    {
        if (!options.OnBlobs)
        {
            var folder = options.Data ?? Directory.CreateTempSubdirectory("orleansmq-failover-").FullName;
            var data = Path.Join(folder, "data");
            return new SharedPlace(new SharedFileStorage(new FileStorageOptions { Directory = data }), $"--storage shared --data {data}", options.Data is null ? folder : null, null);
        }

        var azurite = options.Blobs is null ? await AzuriteProcess.Start() : null;
        var connection = options.Blobs ?? AzuriteProcess.ConnectionStringAt(azurite!.Port);
        var storage = await BlobStorage.Start(new BlobStorageOptions { ConnectionString = connection });
        return new SharedPlace(storage, string.Create(CultureInfo.InvariantCulture, $"--storage blobs --blobs {connection}"), null, azurite);
    }

    public async ValueTask DisposeAsync()
    {
        await _storage.DisposeAsync();
        if (_azurite is not null)
            await _azurite.DisposeAsync();
        if (_folder is not null)
            Directory.Delete(_folder, recursive: true);
    }
}

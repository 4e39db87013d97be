using OrleansMq.Servers;
using OrleansMq.Storage.AzureBlobs.Tests.Azurite;

namespace OrleansMq.Providers.Tests;

/// <summary>Microsoft.Orleans.Persistence.AzureStorage on blobs, by configuration alone; who is in the cluster is in Redis.</summary>
public sealed class AzureTests : IAsyncLifetime
{
    private RedisProcess? _redis;
    private AzuriteProcess? _azurite;

    public async Task InitializeAsync() => (_redis, _azurite) = (await RedisProcess.Start(), await AzuriteProcess.Start());

    public async Task DisposeAsync()
    {
        if (_redis is not null)
            await _redis.DisposeAsync();
        if (_azurite is not null)
            await _azurite.DisposeAsync();
    }

    [Fact]
    public async Task StateInBlobs()
    {
        await using var cluster = new ConfiguredCluster(
            $$"""{ "ProviderType": "Redis", "ConnectionString": "{{_redis!.Address}}" }""",
            $$"""{ "ProviderType": "AzureBlobStorage", "ConnectionString": "{{AzuriteProcess.ConnectionStringAt(_azurite!.Port)}}" }""");

        await ProviderStories.NothingIsLostWhenSilosGoAndOthersCome(cluster);
    }
}

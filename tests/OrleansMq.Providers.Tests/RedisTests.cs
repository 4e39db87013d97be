using OrleansMq.Servers;

namespace OrleansMq.Providers.Tests;

/// <summary>Microsoft.Orleans.Clustering.Redis and Microsoft.Orleans.Persistence.Redis, by configuration alone.</summary>
public sealed class RedisTests : IAsyncLifetime
{
    private RedisProcess? _redis;

    public async Task InitializeAsync() => _redis = await RedisProcess.Start();

    public async Task DisposeAsync()
    {
        if (_redis is not null)
            await _redis.DisposeAsync();
    }

    [Theory]
    [InlineData(OrleansMqOptions.Name)]
    [InlineData("Default")]
    public async Task MembershipAndStateInRedis(string storageName)
    {
        var redis = $$"""{ "ProviderType": "Redis", "ConnectionString": "{{_redis!.Address}}" }""";
        await using var cluster = new ConfiguredCluster(redis, redis, storageName);

        await ProviderStories.NothingIsLostWhenSilosGoAndOthersCome(cluster);
    }
}

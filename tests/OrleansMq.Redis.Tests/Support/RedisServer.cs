using System.Globalization;
using OrleansMq.Servers;
using StackExchange.Redis;
using Xunit;

namespace OrleansMq.Redis.Tests;

/// <summary>A Redis for as long as the tests of this assembly run.</summary>
public sealed class RedisServer : IAsyncLifetime
{
    private static int _prefixes;
    private RedisProcess? _process;
    private ConnectionMultiplexer? _connection;

    public async Task InitializeAsync()
    {
        _process = await RedisProcess.Start();
        _connection = await Connect(_process.Address);
    }

    public async Task DisposeAsync()
    {
        if (_connection is not null)
            await _connection.DisposeAsync();
        if (_process is not null)
            await _process.DisposeAsync();
    }

    /// <summary>The server, and a prefix of keys that no test had before.</summary>
    public (IDatabase Redis, string Prefix) Take() => (_connection!.GetDatabase(), string.Create(CultureInfo.InvariantCulture, $"test-{Interlocked.Increment(ref _prefixes)}"));

    /// <summary>Calls fail at once where the server is away, in place of waiting for it to come back.</summary>
    public static Task<ConnectionMultiplexer> Connect(string address)
    {
        var options = ConfigurationOptions.Parse(address);
        (options.AbortOnConnectFail, options.BacklogPolicy) = (false, BacklogPolicy.FailFast);
        return ConnectionMultiplexer.ConnectAsync(options);
    }
}

/// <summary>Tests that share the one server.</summary>
[CollectionDefinition(Name)]
public sealed class RedisTests : ICollectionFixture<RedisServer>
{
    public const string Name = "redis";
}

using System.Globalization;
using Npgsql;
using OrleansMq.Servers;
using Xunit;

namespace OrleansMq.AdoNet.Tests;

/// <summary>A PostgreSQL for as long as the tests of this assembly run.</summary>
public sealed class PostgresServer : IAsyncLifetime
{
    private static int _databases;
    private PostgresProcess? _process;

    public async Task InitializeAsync() => _process = await PostgresProcess.Start(flushes: false);

    public async Task DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        if (_process is not null)
            await _process.DisposeAsync();
    }

    /// <summary>A database that no test had before, without tables.</summary>
    public async Task<NpgsqlDataSource> NewDatabase()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"test_{Interlocked.Increment(ref _databases)}");
        await using var server = NpgsqlDataSource.Create(_process!.ConnectionString);
        await using var create = server.CreateCommand($"create database {name}");
        await create.ExecuteNonQueryAsync();
        return NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(_process.ConnectionString) { Database = name }.ConnectionString);
    }
}

/// <summary>Tests that share the one server.</summary>
[CollectionDefinition(Name)]
public sealed class PostgresTests : ICollectionFixture<PostgresServer>
{
    public const string Name = "postgres";
}

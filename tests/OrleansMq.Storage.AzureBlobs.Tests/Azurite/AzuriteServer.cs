using System.Globalization;

namespace OrleansMq.Storage.AzureBlobs.Tests.Azurite;

/// <summary>An Azurite for as long as the tests of this assembly run.</summary>
public sealed class AzuriteServer : IAsyncLifetime
{
    private static int _containers;
    private AzuriteProcess? _process;

    public int Port => _process!.Port;

    public string ConnectionString => ConnectionStringAt(Port);

    /// <inheritdoc cref="AzuriteProcess.ConnectionStringAt"/>
    public static string ConnectionStringAt(int port) => AzuriteProcess.ConnectionStringAt(port);

    /// <summary>A container that no test had before.</summary>
    public static string NewContainer() => string.Create(CultureInfo.InvariantCulture, $"test-{Environment.ProcessId}-{Interlocked.Increment(ref _containers)}");

    /// <summary>Options of a test that does not wait long for anything.</summary>
    public BlobStorageOptions Options(string container, int? port = null) => new()
    {
        ConnectionString = ConnectionStringAt(port ?? Port),
        Container = container,
        RetryDelay = TimeSpan.FromMilliseconds(2),
        MaxRetryDelay = TimeSpan.FromMilliseconds(20),
        // On a busy machine, minutes are no sign of anything.
        RetryFor = TimeSpan.FromMinutes(5),
    };

    public async Task InitializeAsync() => _process = await AzuriteProcess.Start();

    public async Task DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
    }
}

/// <summary>Tests that share the one Azurite.</summary>
[CollectionDefinition(Name)]
public sealed class AzuriteTests : ICollectionFixture<AzuriteServer>
{
    public const string Name = "azurite";
}

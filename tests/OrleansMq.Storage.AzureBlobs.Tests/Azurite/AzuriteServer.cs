using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace OrleansMq.Storage.AzureBlobs.Tests.Azurite;

/// <summary>Azurite's blob service on loopback and a free port, in memory, for as long as the tests of this assembly run.</summary>
public sealed partial class AzuriteServer : IAsyncLifetime
{
    // Azurite's own, the same on every machine: it opens nothing else.
    private const string Account = "devstoreaccount1";
    private const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    // Ends with us, however we end: our end closes its standard input.
    private const string Wrapper = "process.stdin.on('end', () => process.exit(0)); process.stdin.resume(); require(process.env.AZURITE_SCRIPT);";

    private static int _containers;
    private Process? _process;

    public int Port { get; private set; }

    public string ConnectionString => ConnectionStringAt(Port);

    /// <summary>The same account behind another port: a proxy's.</summary>
    public static string ConnectionStringAt(int port) => string.Create(
        CultureInfo.InvariantCulture,
        $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={Key};BlobEndpoint=http://127.0.0.1:{port}/{Account};");

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

    public async Task InitializeAsync()
    {
        var start = new ProcessStartInfo("node", ["-e", Wrapper, "azurite-blob", "--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["AZURITE_SCRIPT"] = await AzuritePackage.Script();
        _process = Process.Start(start)!;
        var listening = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var said = new List<string>();
        _process.OutputDataReceived += (_, line) => Hear(line.Data);
        _process.ErrorDataReceived += (_, line) => Hear(line.Data);
        _process.EnableRaisingEvents = true;
        _process.Exited += (_, _) => listening.TrySetException(new InvalidOperationException($"Azurite ended at once:\n{string.Join('\n', said)}"));
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        Port = await listening.Task.WaitAsync(TimeSpan.FromMinutes(1));

        void Hear(string? line)
        {
            if (line is null)
                return;
            lock (said)
                said.Add(line);
            if (Listening().Match(line) is { Success: true } match)
                listening.TrySetResult(int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
        }
    }

    public async Task DisposeAsync()
    {
        if (_process is null)
            return;
        _process.StandardInput.Close();
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20));
        _process.Dispose();
    }

    [GeneratedRegex(@"successfully listen\w* (?:at|on) http://127\.0\.0\.1:(\d+)")]
    private static partial Regex Listening();
}

/// <summary>Tests that share the one Azurite.</summary>
[CollectionDefinition(Name)]
public sealed class AzuriteTests : ICollectionFixture<AzuriteServer>
{
    public const string Name = "azurite";
}

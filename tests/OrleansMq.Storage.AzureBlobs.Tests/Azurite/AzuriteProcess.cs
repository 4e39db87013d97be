using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using OrleansMq.Servers;

namespace OrleansMq.Storage.AzureBlobs.Tests.Azurite;

/// <summary>Azurite's blob service on loopback and a free port, in memory. It ends with its parent, however that ends.</summary>
internal sealed partial class AzuriteProcess : IAsyncDisposable
{
    // Azurite's own, the same on every machine: it opens nothing else.
    private const string Account = "devstoreaccount1";
    private const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    // Our end closes its standard input.
    private const string Wrapper = "process.stdin.on('end', () => process.exit(0)); process.stdin.resume(); require(process.env.AZURITE_SCRIPT);";

    private readonly ServerProcess _server;

    private AzuriteProcess(ServerProcess server, int port) => (_server, Port) = (server, port);

    public int Port { get; }

    /// <summary>The account behind a port: its own, or a proxy's.</summary>
    public static string ConnectionStringAt(int port) => string.Create(
        CultureInfo.InvariantCulture,
        $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={Key};BlobEndpoint=http://127.0.0.1:{port}/{Account};");

    public static async Task<AzuriteProcess> Start()
    {
        var start = new ProcessStartInfo("node", ["-e", Wrapper, "azurite-blob", "--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"]);
        start.Environment["AZURITE_SCRIPT"] = await AzuritePackage.Script();
        var (server, ready) = await ServerProcess.Start(start, Listening());
        return new AzuriteProcess(server, int.Parse(ready.Groups[1].Value, CultureInfo.InvariantCulture));
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [GeneratedRegex(@"successfully listen\w* (?:at|on) http://127\.0\.0\.1:(\d+)")]
    private static partial Regex Listening();
}

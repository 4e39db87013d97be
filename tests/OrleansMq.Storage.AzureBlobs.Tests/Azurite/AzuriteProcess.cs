using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace OrleansMq.Storage.AzureBlobs.Tests.Azurite;

/// <summary>Azurite's blob service on loopback and a free port, in memory. It ends with its parent, however that ends.</summary>
internal sealed partial class AzuriteProcess : IAsyncDisposable
{
    // Azurite's own, the same on every machine: it opens nothing else.
    private const string Account = "devstoreaccount1";
    private const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    // Our end closes its standard input.
    private const string Wrapper = "process.stdin.on('end', () => process.exit(0)); process.stdin.resume(); require(process.env.AZURITE_SCRIPT);";

    private readonly Process _process;

    private AzuriteProcess(Process process, int port) => (_process, Port) = (process, port);

    public int Port { get; }

    /// <summary>The account behind a port: its own, or a proxy's.</summary>
    public static string ConnectionStringAt(int port) => string.Create(
        CultureInfo.InvariantCulture,
        $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={Key};BlobEndpoint=http://127.0.0.1:{port}/{Account};");

    public static async Task<AzuriteProcess> Start()
    {
        var start = new ProcessStartInfo("node", ["-e", Wrapper, "azurite-blob", "--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["AZURITE_SCRIPT"] = await AzuritePackage.Script();
        var process = Process.Start(start)!;
        var listening = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var said = new List<string>();
        process.OutputDataReceived += (_, line) => Hear(line.Data);
        process.ErrorDataReceived += (_, line) => Hear(line.Data);
        process.EnableRaisingEvents = true;
        process.Exited += (_, _) => listening.TrySetException(new InvalidOperationException($"Azurite ended at once:\n{string.Join('\n', said)}"));
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return new AzuriteProcess(process, await listening.Task.WaitAsync(TimeSpan.FromMinutes(1)));

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

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20));
        _process.Dispose();
    }

    [GeneratedRegex(@"successfully listen\w* (?:at|on) http://127\.0\.0\.1:(\d+)")]
    private static partial Regex Listening();
}

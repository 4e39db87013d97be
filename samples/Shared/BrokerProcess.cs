using System.Globalization;

namespace OrleansMq.Samples;

/// <summary>The real broker, <c>orleansmq</c>, as a process of its own on a data folder and a port that outlive it.</summary>
internal sealed class BrokerProcess(string dataFolder) : IAsyncDisposable
{
    private readonly ChildProcess _process = new(Clone.BrokerProgram, Path.Combine(dataFolder, "..", "broker.log"));
    private int _port; // 0 until the first start has picked one; kept over restarts, so that clients find it again

    public Uri Address => new($"http://127.0.0.1:{_port.ToString(CultureInfo.InvariantCulture)}");

    /// <summary>Starts it and waits for the line that says every gateway answers.</summary>
    public async Task Start(CancellationToken cancel) =>
        _port = PortOf(await _process.Start(["--http", _port.ToString(CultureInfo.InvariantCulture), "--kafka", "off", "--data", dataFolder], "orleansmq ready", cancel));

    /// <inheritdoc cref="ChildProcess.Kill"/>
    public Task Kill() => _process.Kill();

    /// <inheritdoc cref="ChildProcess.Stop"/>
    public Task<int?> Stop() => _process.Stop();

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    // "orleansmq ready http=127.0.0.1:34567 …"
    private static int PortOf(string readyLine)
    {
        var http = readyLine.Split(' ').Single(word => word.StartsWith("http=", StringComparison.Ordinal));
        return int.Parse(http.AsSpan(http.LastIndexOf(':') + 1), CultureInfo.InvariantCulture);
    }
}

using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace OrleansMq.Samples.Flights;

/// <summary>The real broker, <c>orleansmq</c>, as a process of its own on a data folder and a port that outlive it.</summary>
internal sealed partial class BrokerProcess(string program, string dataFolder) : IAsyncDisposable
{
    private const int SigTerm = 15;
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(15); // it promises 10

    private readonly Lock _logging = new();
    private Process? _process;
    private int _port; // 0 until the first start has picked one; kept over restarts, so that clients find it again

    public Uri Address => new($"http://127.0.0.1:{_port.ToString(CultureInfo.InvariantCulture)}");

    public string LogFile => Path.Combine(dataFolder, "..", "broker.log");

    /// <summary>Starts it and waits for the line that says every gateway answers.</summary>
    public async Task Start(CancellationToken cancel)
    {
        _process = Process.Start(new ProcessStartInfo("dotnet", [program, "--http", _port.ToString(CultureInfo.InvariantCulture), "--data", dataFolder])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _process.ErrorDataReceived += (_, line) => Log(line.Data);
        _process.BeginErrorReadLine();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(StartLimit);
        _port = PortOf(await ReadyLine(_process, limit.Token));
        _ = Drain(_process.StandardOutput);
    }

    /// <summary>SIGKILL: no flush, no goodbye.</summary>
    public async Task Kill()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    /// <summary>SIGTERM. Its exit code, 0 as promised; null where it did not end in time.</summary>
    public async Task<int?> Stop()
    {
        _ = SendSignal(_process!.Id, SigTerm);
        using var limit = new CancellationTokenSource(StopLimit);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
            return _process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
            await Kill();
    }

    private async Task<string> ReadyLine(Process process, CancellationToken cancel)
    {
        try
        {
            while (await process.StandardOutput.ReadLineAsync(cancel) is { } line)
            {
                Log(line);
                if (line.StartsWith("orleansmq ready", StringComparison.Ordinal))
                    return line;
            }
        }
        catch (OperationCanceledException) when (!process.HasExited)
        {
        }
        throw new SetUpException($"The broker did not get ready; see {Path.GetFullPath(LogFile)}.");
    }

    // "orleansmq ready http=127.0.0.1:34567 …"
    private static int PortOf(string readyLine)
    {
        var http = readyLine.Split(' ').Single(word => word.StartsWith("http=", StringComparison.Ordinal));
        return int.Parse(http.AsSpan(http.LastIndexOf(':') + 1), CultureInfo.InvariantCulture);
    }

    private async Task Drain(StreamReader output)
    {
        while (await output.ReadLineAsync() is { } line)
            Log(line);
    }

    private void Log(string? line)
    {
        if (line is null)
            return;
        lock (_logging)
            File.AppendAllText(LogFile, line + "\n");
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}

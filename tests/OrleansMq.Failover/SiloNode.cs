using System.Diagnostics;
using OrleansMq.Servers;

namespace OrleansMq.Failover;

/// <summary>A silo as a process of its own: killed, stopped, continued, started again on the same ports.</summary>
internal sealed class SiloNode(string name, string arguments, Action<string> tell) : IDisposable
{
    private static readonly TimeSpan StartMayTake = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan StopMayTake = TimeSpan.FromSeconds(10);

    private readonly int _siloPort = FreePort.Take();
    private readonly int _gatewayPort = FreePort.Take();
    private Process? _process;

    public string Name => name;

    /// <summary>Ends when the silo says that it is ready.</summary>
    public async Task Start()
    {
        var process = Process.Start(new ProcessStartInfo("dotnet", $"{Program} {arguments} --silo-port {_siloPort} --gateway-port {_gatewayPort}")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        })!;
        _process = process;
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is { Length: > 0 } text)
                tell($"  {name}: {text}");
        };
        process.BeginErrorReadLine();
        var ready = await process.StandardOutput.ReadLineAsync().WaitAsync(StartMayTake);
        if (ready?.StartsWith("orleansmq ready", StringComparison.Ordinal) != true)
            throw new InvalidOperationException($"{name} did not become ready: {ready ?? "it ended"}.");
    }

    public async Task Kill()
    {
        await Signal("KILL");
        await _process!.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    /// <returns>How long it took to end.</returns>
    public async Task<TimeSpan> Terminate()
    {
        var began = Stopwatch.GetTimestamp();
        await Signal("TERM");
        await _process!.WaitForExitAsync().WaitAsync(2 * StopMayTake);
        var (code, took) = (_process.ExitCode, Stopwatch.GetElapsedTime(began));
        _process.Dispose();
        _process = null;
        return code == 0 && took <= StopMayTake ? took : throw new InvalidOperationException($"{name} took {took.TotalSeconds:F1} s for SIGTERM and ended with {code}.");
    }

    public Task Stop() => Signal("STOP");

    public Task Continue() => Signal("CONT");

    /// <summary>One that found itself declared dead ends by itself.</summary>
    public bool IsRunning => _process is { HasExited: false };

    public void Dispose()
    {
        if (_process is not { HasExited: false } process)
            return;
        process.Kill();
        process.WaitForExit();
        process.Dispose();
        _process = null;
    }

    private async Task Signal(string signal)
    {
        using var kill = Process.Start("kill", ["-" + signal, _process!.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    // …/tests/NAME/bin/CONFIGURATION/FRAMEWORK: silo has the same tail.
    private static string Program
    {
        get
        {
            var here = new DirectoryInfo(AppContext.BaseDirectory);
            var root = here.Parent!.Parent!.Parent!.Parent!.Parent!.FullName;
            return Path.Combine(root, "silo", "bin", here.Parent.Name, here.Name, "orleansmq.dll");
        }
    }
}

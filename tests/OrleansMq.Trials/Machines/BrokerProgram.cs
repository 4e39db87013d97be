using System.Collections.Concurrent;
using System.Diagnostics;

namespace OrleansMq.Trials.Machines;

/// <summary>The program ended, or said nothing, before it was ready.</summary>
internal sealed class NotStartedException(string said) : Exception(said);

/// <summary>One run of the program <c>orleansmq</c>.</summary>
internal sealed class BrokerProgram : IDisposable
{
    private const int KeptLines = 40;
    private const string ReadyLine = "orleansmq ready ";

    private static readonly TimeSpan StartMayTake = TimeSpan.FromSeconds(60);

    /// <summary>10 s are promised; a busy machine gets more, and what took longer is reported.</summary>
    private static readonly TimeSpan StopMayTake = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _said = new();

    private BrokerProgram(Process process)
    {
        _process = process;
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null)
                return;
            _said.Enqueue(line.Data);
            if (_said.Count > KeptLines)
                _said.TryDequeue(out string? _);
        };
        process.BeginErrorReadLine();
    }

    /// <summary>What it reported last.</summary>
    public string Said => string.Join("\n", _said);

    public int Id => _process.Id;

    public static BrokerProgram Start(string data, IReadOnlyDictionary<string, string> environment, params string[] settings)
    {
        var start = new ProcessStartInfo("dotnet", [Path(), "--data", data, "--http", "0", .. settings]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = System.IO.Path.GetTempPath() };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return new BrokerProgram(Process.Start(start)!);
    }

    /// <returns>Each gateway's name and address.</returns>
    /// <exception cref="NotStartedException">It ended instead.</exception>
    public async Task<IReadOnlyDictionary<string, string>> Ready()
    {
        var line = await _process.StandardOutput.ReadLineAsync().WaitAsync(StartMayTake);
        if (line?.StartsWith(ReadyLine, StringComparison.Ordinal) == true)
            return line[ReadyLine.Length..].Split(' ').Select(gateway => gateway.Split('=', 2)).ToDictionary(gateway => gateway[0], gateway => gateway[1]);
        throw new NotStartedException($"{line} {Said}");
    }

    /// <summary>SIGKILL, and nothing of it is left.</summary>
    public async Task Kill()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM.</summary>
    /// <returns>Its exit code; null when it had to be killed.</returns>
    public async Task<int?> Stop()
    {
        Tool.Try("kill", "-TERM", $"{_process.Id}");
        try
        {
            await _process.WaitForExitAsync().WaitAsync(StopMayTake);
            return _process.ExitCode;
        }
        catch (TimeoutException)
        {
            await Kill();
            return null;
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    // …/tests/NAME/bin/CONFIGURATION/FRAMEWORK: silo has the same tail.
    private static string Path()
    {
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        var (framework, configuration) = (here.Name, here.Parent!.Name);
        var root = here.Parent.Parent!.Parent!.Parent!.Parent!.FullName;
        return System.IO.Path.Combine(root, "silo", "bin", configuration, framework, "orleansmq.dll");
    }
}

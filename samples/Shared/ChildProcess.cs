using System.Diagnostics;
using System.Runtime.InteropServices;

namespace OrleansMq.Samples;

/// <summary>A .NET program of this clone as a process of its own, so that it can be killed.</summary>
/// <param name="program">The program's assembly.</param>
/// <param name="logFile">Where what it says is kept.</param>
/// <param name="hear">Told of each line on its standard output.</param>
internal sealed partial class ChildProcess(string program, string logFile, Action<string>? hear = null) : IAsyncDisposable
{
    private const int SigTerm = 15;
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(15); // ten are promised

    private readonly Lock _logging = new();
    private Process? _process;
    private Task _drained = Task.CompletedTask;

    public string LogFile => logFile;

    /// <summary>Starts it and waits for the line that begins so.</summary>
    public async Task<string> Start(IEnumerable<string> arguments, string readyPrefix, CancellationToken cancel)
    {
        _process = Process.Start(new ProcessStartInfo("dotnet", [program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _process.ErrorDataReceived += (_, line) => Log(line.Data);
        _process.BeginErrorReadLine();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(StartLimit);
        var ready = await ReadyLine(_process, readyPrefix, limit.Token);
        _drained = Drain(_process.StandardOutput);
        return ready;
    }

    /// <summary>Its exit code, once it ended by itself and everything it said was heard.</summary>
    public async Task<int> Exit(CancellationToken cancel)
    {
        await _process!.WaitForExitAsync(cancel);
        await _drained;
        return _process.ExitCode;
    }

    /// <summary>SIGKILL: no flush, no goodbye.</summary>
    public async Task Kill()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        await _drained;
        _process.Dispose();
        _process = null;
    }

    /// <summary>SIGTERM. Its exit code; null where it did not end in time.</summary>
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

    private async Task<string> ReadyLine(Process process, string prefix, CancellationToken cancel)
    {
        try
        {
            while (await process.StandardOutput.ReadLineAsync(cancel) is { } line)
            {
                Log(line);
                if (line.StartsWith(prefix, StringComparison.Ordinal))
                    return line;
            }
        }
        catch (OperationCanceledException) when (!process.HasExited)
        {
        }
        throw new SetUpException($"{Path.GetFileName(program)} did not get ready; see {Path.GetFullPath(logFile)}.");
    }

    private async Task Drain(StreamReader output)
    {
        while (await output.ReadLineAsync() is { } line)
        {
            if (hear is null)
                Log(line);
            else
                hear(line);
        }
    }

    private void Log(string? line)
    {
        if (line is null)
            return;
        lock (_logging)
            File.AppendAllText(logFile, line + "\n");
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}

using System.Diagnostics;
using System.Text.RegularExpressions;

namespace OrleansMq.Servers;

/// <summary>A server that ends when its standard input does: with its parent, however that ends.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    // Ends with the server, and ends it where standard input is closed. The shell gives what it starts beside it no standard input, so that goes by another number.
    private const string EndsWithInput =
        "exec 3<&0; \"$@\" 3<&- & server=$!; { cat; kill -INT $server; } <&3 >/dev/null 2>&1 & watch=$!; wait $server; code=$?; kill $watch 2>/dev/null; exit $code";

    private const int LinesKept = 1_000;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly Process _process;
    private readonly TaskCompletionSource<Match> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Its own lock. What it said first, for whoever asks why it did not start.
    private readonly List<string> _said = [];

    private ServerProcess(Process process) => _process = process;

    /// <summary>How a program is started that does not end with its standard input by itself.</summary>
    /// <param name="asWhom">What starts it as somebody else.</param>
    public static ProcessStartInfo EndingWithInput(string[] program, Func<string[], string[]>? asWhom = null)
    {
        string[] command = ["sh", "-c", EndsWithInput, "sh", .. program];
        command = asWhom?.Invoke(command) ?? command;
        return new(command[0], command[1..]) { WorkingDirectory = "/" };
    }

    /// <summary>Starts it and waits for the line by which it says that it is ready.</summary>
    /// <exception cref="InvalidOperationException">It ended before, with what it said.</exception>
    /// <exception cref="TimeoutException">It was not ready within a minute, with what it said.</exception>
    public static async Task<(ServerProcess Server, Match Ready)> Start(ProcessStartInfo start, Regex ready)
    {
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        var server = new ServerProcess(Process.Start(start)!);
        try
        {
            return (server, await server.Hear(ready));
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync().WaitAsync(Limit);
        _process.Dispose();
    }

    private async Task<Match> Hear(Regex ready)
    {
        _process.OutputDataReceived += (_, line) => Note(line.Data, ready);
        _process.ErrorDataReceived += (_, line) => Note(line.Data, ready);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        try
        {
            await Task.WhenAny(_ready.Task, _process.WaitForExitAsync()).WaitAsync(Limit);
        }
        catch (TimeoutException late)
        {
            throw new TimeoutException(Said($"was not ready within {Limit}"), late);
        }

        return _ready.Task.IsCompleted ? await _ready.Task : throw new InvalidOperationException(Said("ended at once"));
    }

    private void Note(string? line, Regex ready)
    {
        if (line is null)
            return;
        lock (_said)
            if (_said.Count < LinesKept)
                _said.Add(line);
        if (ready.Match(line) is { Success: true } match)
            _ready.TrySetResult(match);
    }

    private string Said(string what)
    {
        lock (_said)
            return $"'{_process.StartInfo.FileName}' {what}:\n{string.Join('\n', _said)}";
    }
}

using System.ComponentModel;
using System.Diagnostics;

namespace OrleansMq.Servers;

/// <summary>How what tests and samples run against comes onto the machine.</summary>
internal static class Installation
{
    /// <summary>Waits until no other run on this machine is installing the same.</summary>
    public static async Task<FileStream> Turn(string path)
    {
        for (var deadline = DateTime.UtcNow.AddMinutes(5); ;)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (DateTime.UtcNow < deadline)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200));
            }
        }
    }

    /// <param name="hint">What to do where it fails.</param>
    /// <exception cref="InvalidOperationException">It failed, or can't be started; with what it said.</exception>
    public static async Task Run(string hint, params string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        start.Environment["DEBIAN_FRONTEND"] = "noninteractive";
        try
        {
            using var process = Process.Start(start)!;
            var output = process.StandardOutput.ReadToEndAsync();
            var errors = process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            if (process.ExitCode != 0)
                throw new InvalidOperationException($"'{string.Join(' ', command)}' ended with {process.ExitCode}.\n{await output}{await errors}\n{hint}");
        }
        catch (Win32Exception e)
        {
            throw new InvalidOperationException($"'{command[0]}' can't be started ({e.Message}). {hint}", e);
        }
    }
}

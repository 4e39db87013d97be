using System.ComponentModel;
using System.Diagnostics;

namespace OrleansMq.Trials.Machines;

/// <summary>Programs of the system, run to their end.</summary>
internal static class Tool
{
    /// <exception cref="InvalidOperationException">It failed; what it said is in the text.</exception>
    public static void Run(string program, params string[] arguments)
    {
        var (code, said) = Try(program, arguments);
        if (code != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {code}: {said}");
    }

    /// <returns>Its exit code, 127 where there is no such program, and what it said.</returns>
    public static (int Code, string Said) Try(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var error = process.StandardError.ReadToEndAsync();
            var said = process.StandardOutput.ReadToEnd() + error.Result;
            process.WaitForExit();
            return (process.ExitCode, said.Trim());
        }
        catch (Win32Exception missing)
        {
            return (127, missing.Message);
        }
    }
}

using System.Diagnostics;

namespace OrleansMq.Cli;

/// <summary>The person's own editor on a text.</summary>
internal static class Editor
{
    /// <exception cref="UsageException">No editor, or it ended with an error: nothing is to be done then.</exception>
    public static string Edit(string text)
    {
        var editor = Environment.GetEnvironmentVariable("VISUAL") ?? Environment.GetEnvironmentVariable("EDITOR")
            ?? throw new UsageException("--edit: set EDITOR to the editor to use.");
        var file = Path.Combine(Directory.CreateTempSubdirectory("mq-").FullName, "body");
        try
        {
            File.WriteAllText(file, text);
            // Through the shell, as git does: EDITOR may hold arguments ("code --wait").
            using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"{editor} \"$1\"", "sh", file]))!;
            process.WaitForExit();
            return process.ExitCode == 0 ? File.ReadAllText(file) : throw new UsageException($"--edit: '{editor}' ended with {process.ExitCode}; nothing was redriven.");
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        }
    }
}

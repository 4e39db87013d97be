using System.ComponentModel;
using System.Diagnostics;

namespace OrleansMq.Postgres;

/// <summary>PostgreSQL's programs as Debian installs them.</summary>
internal static class PostgresPackage
{
    private const string Installed = "/usr/lib/postgresql";
    private const string HowTo = "This needs PostgreSQL's server. On Debian: apt-get install postgresql";

    /// <summary>The folder of the newest version; installs the package where there is none.</summary>
    public static async Task<string> Programs()
    {
        if (Newest() is { } found)
            return found;
        // Another run on this machine may be installing it just now.
        await using var turn = await Turn(Path.Join(Path.GetTempPath(), "mq-postgres-install.lock"));
        if (Newest() is null)
        {
            if (Environment.UserName != "root")
                throw new InvalidOperationException(HowTo);
            // A fresh image has no list of packages.
            await Run("apt-get", "update", "-q");
            await Run("apt-get", "install", "-y", "--no-install-recommends", "postgresql");
        }

        return Newest() ?? throw new InvalidOperationException($"apt-get put no server below {Installed}. {HowTo}");
    }

    /// <exception cref="InvalidOperationException">It failed, or can't be started; with what it said.</exception>
    public static async Task Run(params string[] command)
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
                throw new InvalidOperationException($"'{string.Join(' ', command)}' ended with {process.ExitCode}.\n{await output}{await errors}\n{HowTo}");
        }
        catch (Win32Exception e)
        {
            throw new InvalidOperationException($"'{command[0]}' can't be started ({e.Message}). {HowTo}", e);
        }
    }

    private static string? Newest() => !Directory.Exists(Installed) ? null : Directory.GetDirectories(Installed)
        .Select(version => Path.Join(version, "bin"))
        .Where(programs => File.Exists(Path.Join(programs, "initdb")) && File.Exists(Path.Join(programs, "postgres")))
        .MaxBy(programs => double.TryParse(Path.GetFileName(Path.GetDirectoryName(programs)), out var version) ? version : 0);

    private static async Task<FileStream> Turn(string path)
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
}

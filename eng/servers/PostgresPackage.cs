namespace OrleansMq.Servers;

/// <summary>PostgreSQL's programs as Debian installs them.</summary>
internal static class PostgresPackage
{
    private const string Installed = "/usr/lib/postgresql";
    private const string HowTo = "This needs PostgreSQL's server. On Debian: apt-get install postgresql";

    /// <summary>The folder of the newest version; installs the package where there is none.</summary>
    public static Task<string> Programs() => new DebianPackage("postgresql", Newest, HowTo).Find();

    /// <inheritdoc cref="Installation.Run"/>
    public static Task Run(params string[] command) => Installation.Run(HowTo, command);

    private static string? Newest() => !Directory.Exists(Installed) ? null : Directory.GetDirectories(Installed)
        .Select(version => Path.Join(version, "bin"))
        .Where(programs => File.Exists(Path.Join(programs, "initdb")) && File.Exists(Path.Join(programs, "postgres")))
        .MaxBy(programs => double.TryParse(Path.GetFileName(Path.GetDirectoryName(programs)), out var version) ? version : 0);
}

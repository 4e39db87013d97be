using System.Globalization;
using System.Text.RegularExpressions;

namespace OrleansMq.Servers;

/// <summary>
/// A PostgreSQL of its own for tests and samples: on loopback and a free port, with a data folder that goes with it. It ends with its parent, however that ends.
/// Where the server is not installed, Debian's package is (as root), or a line says what to do.
/// </summary>
internal sealed partial class PostgresProcess : IAsyncDisposable
{
    private readonly ServerProcess _server;
    private readonly string _folder;

    private PostgresProcess(ServerProcess server, string folder, int port) => (_server, _folder, Port) = (server, folder, port);

    public int Port { get; }

    /// <summary>For Npgsql.</summary>
    public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={Port};Username=mq;Database=postgres;Maximum Pool Size=80");

    /// <param name="flushes">Off: a commit survives no power loss, and tests take less time.</param>
    public static async Task<PostgresProcess> Start(bool flushes)
    {
        var programs = await PostgresPackage.Programs();
        var folder = Directory.CreateTempSubdirectory("mq-postgres-").FullName;
        try
        {
            if (Environment.UserName == "root")
                await PostgresPackage.Run("chown", "postgres", folder);
            await PostgresPackage.Run(AsNobody([Path.Join(programs, "initdb"), "-D", Path.Join(folder, "data"), "-U", "mq", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]));
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    return await Start(programs, folder, FreePort.Take(), flushes);
                }
                catch (InvalidOperationException) when (attempt < 3)
                {
                    // Somebody took the port in between.
                }
            }
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<PostgresProcess> Start(string programs, string folder, int port, bool flushes)
    {
        string[] postgres =
        [
            Path.Join(programs, "postgres"), "-D", Path.Join(folder, "data"), "-h", "127.0.0.1", "-p", port.ToString(CultureInfo.InvariantCulture), "-k", "",
            "-c", flushes ? "fsync=on" : "fsync=off", "-c", "max_connections=200",
        ];
        var (server, _) = await ServerProcess.Start(ServerProcess.EndingWithInput(postgres, AsNobody), Ready());
        return new PostgresProcess(server, folder, port);
    }

    // It refuses to run as root.
    private static string[] AsNobody(string[] command) => Environment.UserName == "root" ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", .. command] : command;

    [GeneratedRegex("database system is ready to accept connections")]
    private static partial Regex Ready();
}

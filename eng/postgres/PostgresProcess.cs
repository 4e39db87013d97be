using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace OrleansMq.Postgres;

/// <summary>
/// A PostgreSQL of its own for tests and samples: on loopback and a free port, with a data folder that goes with it. It ends with its parent, however that ends.
/// Where the server is not installed, Debian's package is (as root), or a line says what to do.
/// </summary>
internal sealed class PostgresProcess : IAsyncDisposable
{
    // Its parent's end closes its standard input.
    private const string EndsWithParent = "\"$@\" & server=$!; cat > /dev/null; kill -INT $server; wait $server";

    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(1);

    private readonly Process _process;
    private readonly string _folder;

    private PostgresProcess(Process process, string folder, int port) => (_process, _folder, Port) = (process, folder, port);

    public int Port { get; }

    /// <summary>For Npgsql.</summary>
    public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={Port};Username=mq;Database=postgres;Maximum Pool Size=80");

    /// <param name="flushes">Off: a commit survives no power loss, and tests take less time.</param>
    public static async Task<PostgresProcess> Start(bool flushes)
    {
        var programs = await PostgresPackage.Programs();
        var folder = Directory.CreateTempSubdirectory("mq-postgres-").FullName;
        if (Environment.UserName == "root")
            await PostgresPackage.Run("chown", "postgres", folder);
        await PostgresPackage.Run(AsNobody([Path.Join(programs, "initdb"), "-D", Path.Join(folder, "data"), "-U", "mq", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]));
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await Start(programs, folder, FreePort(), flushes);
            }
            catch (InvalidOperationException) when (attempt < 3)
            {
                // Somebody took the port in between.
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync().WaitAsync(StartLimit);
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<PostgresProcess> Start(string programs, string folder, int port, bool flushes)
    {
        string[] server =
        [
            Path.Join(programs, "postgres"), "-D", Path.Join(folder, "data"), "-h", "127.0.0.1", "-p", port.ToString(CultureInfo.InvariantCulture), "-k", "",
            "-c", flushes ? "fsync=on" : "fsync=off", "-c", "max_connections=200",
        ];
        var command = AsNobody(["sh", "-c", EndsWithParent, "sh", .. server]);
        var process = Process.Start(new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/",
        })!;
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var said = new List<string>();
        process.OutputDataReceived += (_, line) => Hear(line.Data);
        process.ErrorDataReceived += (_, line) => Hear(line.Data);
        process.EnableRaisingEvents = true;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await ready.Task.WaitAsync(StartLimit);
        return new PostgresProcess(process, folder, port);

        void Hear(string? line)
        {
            lock (said)
            {
                if (line is not null && said.Count < 1_000)
                    said.Add(line);
                if (line?.Contains("database system is ready to accept connections", StringComparison.Ordinal) == true)
                    ready.TrySetResult();
                else if (line?.Contains("FATAL", StringComparison.Ordinal) == true)
                    ready.TrySetException(new InvalidOperationException($"PostgreSQL did not start:\n{string.Join('\n', said)}"));
            }
        }
    }

    // It refuses to run as root.
    private static string[] AsNobody(string[] command) => Environment.UserName == "root" ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", .. command] : command;

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

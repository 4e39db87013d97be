using System.Globalization;
using System.Text.RegularExpressions;

namespace OrleansMq.Servers;

/// <summary>
/// A Redis of its own for tests: on loopback and a free port, in memory. It ends with its parent, however that ends. Where the server is not installed, Debian's package is (as root), or
/// a line says what to do.
/// </summary>
internal sealed partial class RedisProcess : IAsyncDisposable
{
    private const string Program = "/usr/bin/redis-server";
    private static readonly DebianPackage Package = new("redis-server", () => File.Exists(Program) ? Program : null, "This needs Redis' server. On Debian: apt-get install redis-server");

    private readonly ServerProcess _server;

    private RedisProcess(ServerProcess server, int port) => (_server, Port) = (server, port);

    public int Port { get; }

    /// <summary>For StackExchange.Redis.</summary>
    public string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    /// <param name="port">Null: a free one.</param>
    /// <exception cref="InvalidOperationException">It is missing and can't be installed, or does not start.</exception>
    public static async Task<RedisProcess> Start(int? port = null)
    {
        var program = await Package.Find();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await Start(program, port ?? FreePort.Take());
            }
            catch (InvalidOperationException) when (port is null && attempt < 3)
            {
                // Somebody took the port in between.
            }
        }
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static async Task<RedisProcess> Start(string program, int port)
    {
        string[] redis = [program, "--bind", "127.0.0.1", "--port", port.ToString(CultureInfo.InvariantCulture), "--save", "", "--appendonly", "no", "--dir", Path.GetTempPath()];
        var (server, _) = await ServerProcess.Start(ServerProcess.EndingWithInput(redis), Ready());
        return new RedisProcess(server, port);
    }

    [GeneratedRegex("Ready to accept connections")]
    private static partial Regex Ready();
}

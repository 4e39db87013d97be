using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;

namespace OrleansMq.Redis.Tests;

/// <summary>A line to Redis on which something happens at a commit: before Redis is given EXEC, or in place of its answer.</summary>
internal sealed class ExecProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly IPEndPoint _server;
    private readonly ConcurrentBag<TcpClient> _ends = [];
    private readonly Task _accepting;

    private ExecProxy(IPEndPoint server)
    {
        _server = server;
        _listener.Start();
        _accepting = Accept();
    }

    public string Address => _listener.LocalEndpoint.ToString()!;

    /// <summary>Awaited before EXEC is passed on.</summary>
    public Func<Task>? Committing { get; set; }

    /// <summary>Awaited behind EXEC; then the line is cut, and the answer was not passed on.</summary>
    public Func<Task>? Answered { get; set; }

    public static ExecProxy Before(IDatabase redis) => new((IPEndPoint)redis.Multiplexer.GetEndPoints()[0]);

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _accepting;
        foreach (var end in _ends)
            end.Dispose();
    }

    private async Task Accept()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync();
                var server = new TcpClient();
                _ends.Add(client);
                _ends.Add(server);
                await server.ConnectAsync(_server);
                _ = Pass(client, server);
            }
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task Pass(TcpClient client, TcpClient server)
    {
        using (client)
        using (server)
        {
            var mute = new Mute();
            await Task.WhenAny(Up(client.GetStream(), server.GetStream(), mute), Down(server.GetStream(), client.GetStream(), mute));
        }
    }

    private async Task Up(NetworkStream client, NetworkStream server, Mute mute)
    {
        var bytes = new byte[65_536];
        // The end of what came before, where the word may have begun.
        byte[] before = [];
        for (int count; (count = await client.ReadAsync(bytes)) > 0;)
        {
            byte[] seen = [.. before, .. bytes.AsSpan(0, count)];
            var commits = seen.AsSpan().IndexOf("EXEC\r\n"u8) >= 0;
            before = seen[^Math.Min(5, seen.Length)..];
            if (commits && Committing is { } committing)
                await committing();
            mute.IsOn |= commits && Answered is not null;
            await server.WriteAsync(bytes.AsMemory(0, count));
            if (commits && Answered is { } answered)
            {
                await answered();
                return;
            }
        }
    }

    private static async Task Down(NetworkStream server, NetworkStream client, Mute mute)
    {
        var bytes = new byte[65_536];
        for (int count; (count = await server.ReadAsync(bytes)) > 0;)
            if (!mute.IsOn)
                await client.WriteAsync(bytes.AsMemory(0, count));
    }

    private sealed class Mute
    {
        private volatile bool _isOn;

        public bool IsOn
        {
            get => _isOn;
            set => _isOn = value;
        }
    }
}

using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace OrleansMq.Gateways;

/// <summary>Kestrel as a gateway has it: listens once it has started, tells where, and stops once.</summary>
public sealed class GatewayServer : IAsyncDisposable
{
    private static readonly TimeSpan Hurry = TimeSpan.FromSeconds(5);

    private readonly KestrelServer _server;
    private readonly CancellationTokenSource _stopping = new();
    private int _stopped;

    /// <remarks>
    /// Requests are read and answered on the thread that heard of them: without a hand-over between threads an answer is out some 100 µs earlier. What takes long there is awaited, so no other connection waits for it.
    /// </remarks>
    /// <param name="options">May be added to until the start.</param>
    public GatewayServer(KestrelServerOptions options, ILoggerFactory loggers) => _server = new KestrelServer(
        Options.Create(options), new SocketTransportFactory(Options.Create(new SocketTransportOptions { UnsafePreferInlineScheduling = true }), loggers), loggers);

    /// <summary>Cancelled when stopping begins: what only waits then ends.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Host and port, once it has started.</summary>
    public string Address { get; private set; } = "";

    /// <summary>Listens when this returns; where it fails, the server is disposed.</summary>
    /// <exception cref="IOException">The port is taken, or not to be had.</exception>
    public async Task Start<TContext>(IHttpApplication<TContext> application, CancellationToken cancel) where TContext : notnull
    {
        try
        {
            await _server.StartAsync(application, cancel);
        }
        catch
        {
            _server.Dispose();
            _stopping.Dispose();
            throw;
        }

        Address = new Uri(_server.Features.Get<IServerAddressesFeature>()!.Addresses.First()).Authority;
    }

    public async ValueTask Stop(CancellationToken hurry)
    {
        if (Interlocked.Exchange(ref _stopped, 1) == 1)
            return;
        await _stopping.CancelAsync();
        await _server.StopAsync(hurry);
    }

    public async ValueTask DisposeAsync()
    {
        using var hurry = new CancellationTokenSource(Hurry);
        await Stop(hurry.Token);
        _server.Dispose();
        _stopping.Dispose();
    }
}

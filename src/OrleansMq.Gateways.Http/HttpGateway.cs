using System.Net;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace OrleansMq.Gateways.Http;

/// <summary>HTTP, version 1, over any broker: Kestrel outside, one table of calls inside.</summary>
/// <remarks>The gateway does not own the broker: stop the gateway first, then dispose the broker.</remarks>
public sealed class HttpGateway : IGateway
{
    private readonly KestrelServer _server;

    // Cancelled when stopping begins: what only waits then ends.
    private readonly CancellationTokenSource _stopping = new();
    private readonly bool _tls;
    private int _stopped;

    private HttpGateway(KestrelServer server, bool tls) => (_server, _tls) = (server, tls);

    public string Name => "http";

    public string Address { get; private set; } = "";

    /// <summary>Where clients find it.</summary>
    public Uri Uri => new($"{(_tls ? Uri.UriSchemeHttps : Uri.UriSchemeHttp)}://{Address}/");

    /// <summary>Listens, and answers when this returns.</summary>
    /// <exception cref="ArgumentException">The options contradict themselves.</exception>
    /// <exception cref="IOException">The port is taken, or not to be had.</exception>
    public static async ValueTask<HttpGateway> Start(IBroker broker, HttpGatewayOptions options, ILoggerFactory? loggers = null, CancellationToken cancel = default)
    {
        options.Validate();
        loggers ??= NullLoggerFactory.Instance;
        var server = new KestrelServer(
            Options.Create(KestrelOf(options)), new SocketTransportFactory(Options.Create(new SocketTransportOptions()), loggers), loggers);
        var gateway = new HttpGateway(server, options.Security.Tls is not null);
        try
        {
            await server.StartAsync(new HttpPipeline(broker, options, loggers.CreateLogger<HttpGateway>(), gateway._stopping.Token), cancel);
        }
        catch
        {
            server.Dispose();
            gateway._stopping.Dispose();
            throw;
        }
        gateway.Address = new Uri(server.Features.Get<IServerAddressesFeature>()!.Addresses.First()).Authority;
        return gateway;
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
        using var hurry = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        await Stop(hurry.Token);
        _server.Dispose();
        _stopping.Dispose();
    }

    private static KestrelServerOptions KestrelOf(HttpGatewayOptions options)
    {
        var kestrel = new KestrelServerOptions { AddServerHeader = false };
        kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
        // Our own limit refuses; what is read and thrown away behind it must not meet this one.
        kestrel.Limits.MaxRequestBodySize = options.MaxRequestBytes + RequestBody.MaxDiscardedBytes;
        kestrel.Limits.RequestHeadersTimeout = options.HeaderTimeout;
        kestrel.Limits.KeepAliveTimeout = options.IdleTimeout;
        kestrel.Listen(new IPEndPoint(options.Address, options.Port), listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            if (options.Security.Access is { } access)
                listen.Use(ConnectionQuota.Before(access));
            options.Security.Tls?.Use(listen, options.HeaderTimeout);
            listen.Use(ServerRefusals.Before);
        });
        return kestrel;
    }
}

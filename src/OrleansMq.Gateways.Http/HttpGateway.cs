using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace OrleansMq.Gateways.Http;

/// <summary>HTTP, version 1, over any broker: Kestrel outside, one table of calls inside.</summary>
/// <remarks>The gateway does not own the broker: stop the gateway first, then dispose the broker.</remarks>
public sealed class HttpGateway : IGateway
{
    private readonly GatewayServer _server;
    private readonly bool _tls;

    private HttpGateway(GatewayServer server, bool tls) => (_server, _tls) = (server, tls);

    public string Name => "http";

    public string Address => _server.Address;

    /// <summary>Where clients find it.</summary>
    public Uri Uri => new($"{(_tls ? Uri.UriSchemeHttps : Uri.UriSchemeHttp)}://{Address}/");

    /// <summary>Listens, and answers when this returns.</summary>
    /// <exception cref="ArgumentException">The options contradict themselves.</exception>
    /// <exception cref="IOException">The port is taken, or not to be had.</exception>
    public static async ValueTask<HttpGateway> Start(IBroker broker, HttpGatewayOptions options, ILoggerFactory? loggers = null, CancellationToken cancel = default)
    {
        options.Validate();
        loggers ??= NullLoggerFactory.Instance;
        var server = new GatewayServer(KestrelOf(options), loggers);
        await server.Start(new HttpPipeline(broker, options, loggers.CreateLogger<HttpGateway>(), server.Stopping), cancel);
        return new HttpGateway(server, options.Security.Tls is not null);
    }

    public ValueTask Stop(CancellationToken hurry) => _server.Stop(hurry);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

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

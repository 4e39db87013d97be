using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace OrleansMq.Gateways.Kafka;

/// <summary>Kafka's protocol over any broker.</summary>
/// <remarks>The gateway does not own the broker: stop the gateway first, then dispose the broker.</remarks>
public sealed class KafkaGateway : IGateway
{
    internal const string GatewayName = "kafka";

    private readonly GatewayServer _server;

    private readonly string? _advertise;

    private KafkaGateway(GatewayServer server, string? advertise) => (_server, _advertise) = (server, advertise);

    public string Name => GatewayName;

    public string Address => _server.Address;

    public string Announced => _advertise ?? Address;

    /// <summary>Listens, and answers when this returns.</summary>
    /// <exception cref="ArgumentException">The options contradict themselves.</exception>
    /// <exception cref="IOException">The port is taken, or not to be had.</exception>
    public static async ValueTask<KafkaGateway> Start(IBroker broker, KafkaGatewayOptions options, ILoggerFactory? loggers = null, CancellationToken cancel = default)
    {
        options.Validate();
        loggers ??= NullLoggerFactory.Instance;
        var kestrel = new KestrelServerOptions();
        kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
        var server = new GatewayServer(kestrel, loggers);
        // No request is read any more once stopping has begun.
        var desk = new KafkaDesk(broker, options, () => server.Address, loggers.CreateLogger<KafkaGateway>(), server.Stopping);
        kestrel.Listen(new IPEndPoint(options.Address, options.Port), listen =>
        {
            // Nothing of HTTP's is offered within TLS.
            listen.Protocols = HttpProtocols.None;
            if (options.Security.Access is { } access)
                listen.Use(ConnectionQuota.Before(access));
            options.Security.Tls?.Use(listen, options.HeaderTimeout);
            listen.Run(desk.Serve);
        });
        await server.Start(new NoHttp(), cancel);
        return new KafkaGateway(server, options.Advertise);
    }

    public ValueTask Stop(CancellationToken hurry) => _server.Stop(hurry);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    /// <summary>Kestrel starts with an application; no connection gets so far.</summary>
    private sealed class NoHttp : IHttpApplication<int>
    {
        public int CreateContext(IFeatureCollection contextFeatures) => 0;

        public Task ProcessRequestAsync(int context) => Task.CompletedTask;

        public void DisposeContext(int context, Exception? exception) { }
    }
}

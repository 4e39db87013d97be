using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace OrleansMq.Gateways.Kafka;

/// <summary>Kafka's protocol over any broker.</summary>
/// <remarks>The gateway does not own the broker: stop the gateway first, then dispose the broker.</remarks>
public sealed class KafkaGateway : IGateway
{
    internal const string GatewayName = "kafka";

    private readonly KestrelServer _server;

    // Cancelled when stopping begins: what only waits then ends, and no request is read any more.
    private readonly CancellationTokenSource _stopping = new();
    private int _stopped;

    private KafkaGateway(KestrelServer server) => _server = server;

    public string Name => GatewayName;

    public string Address { get; private set; } = "";

    /// <summary>Listens, and answers when this returns.</summary>
    /// <exception cref="ArgumentException">The options contradict themselves.</exception>
    /// <exception cref="IOException">The port is taken, or not to be had.</exception>
    public static async ValueTask<KafkaGateway> Start(IBroker broker, KafkaGatewayOptions options, ILoggerFactory? loggers = null, CancellationToken cancel = default)
    {
        options.Validate();
        loggers ??= NullLoggerFactory.Instance;
        var kestrel = new KestrelServerOptions();
        kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
        var server = new KestrelServer(
            Options.Create(kestrel), new SocketTransportFactory(Options.Create(new SocketTransportOptions()), loggers), loggers);
        var gateway = new KafkaGateway(server);
        var desk = new KafkaDesk(broker, options, () => gateway.Address, loggers.CreateLogger<KafkaGateway>(), gateway._stopping.Token);
        kestrel.Listen(new IPEndPoint(options.Address, options.Port), listen => listen.Run(desk.Serve));
        try
        {
            await server.StartAsync(new NoHttp(), cancel);
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

    /// <summary>Kestrel starts with an application; no connection gets so far.</summary>
    private sealed class NoHttp : IHttpApplication<int>
    {
        public int CreateContext(IFeatureCollection contextFeatures) => 0;

        public Task ProcessRequestAsync(int context) => Task.CompletedTask;

        public void DisposeContext(int context, Exception? exception) { }
    }
}

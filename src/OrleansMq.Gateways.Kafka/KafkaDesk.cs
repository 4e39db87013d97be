using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace OrleansMq.Gateways.Kafka;

/// <summary>What all connections share.</summary>
internal sealed partial class KafkaDesk(IBroker broker, KafkaGatewayOptions options, Func<string> address, ILogger log, CancellationToken stopping)
{
    public IBroker Broker => broker;

    public KafkaGatewayOptions Options => options;

    /// <summary>Where this gateway listens.</summary>
    public string Address => address();

    public InFlightBytes InFlight { get; } = new(options.MaxInFlightBytes);

    public TopicIds TopicIds { get; } = new(options.Time);

    public PatternMatches Matches { get; } = new(options.Time);

    public CancellationToken Stopping => stopping;

    public ILogger Log => log;

    public Task Serve(ConnectionContext connection) => new KafkaConnection(connection, this).Run();

    [LoggerMessage(LogLevel.Information, "Connection {Connection} from {Remote} is closed: {Why}")]
    public partial void LogClosed(string connection, string? remote, string why);

    [LoggerMessage(LogLevel.Error, "Connection {Connection}: request {Request} failed; the connection is closed.")]
    public partial void LogFault(string connection, string request, Exception error);
}

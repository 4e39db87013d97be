using System.Net;

namespace OrleansMq.Gateways;

/// <summary>Where a gateway listens and what it bears. Each limit has a behaviour when it is reached; none can be switched off.</summary>
public record GatewayOptions
{
    /// <summary>Loopback only, unless told otherwise.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>0: a free port.</summary>
    public int Port { get; init; }

    /// <summary>Open connections. A further one is closed at once. 10,000.</summary>
    public int MaxConnections { get; init; } = 10_000;

    /// <summary>Requests in flight, those that wait included. A further one is refused as <see cref="ErrorCodes.Overloaded"/>. 10,000: a wait on each connection.</summary>
    public int MaxConcurrentRequests { get; init; } = 10_000;

    /// <summary>Bytes of one request's body. 64 MiB: sixteen batches of a topic's default size.</summary>
    public int MaxRequestBytes { get; init; } = 64 << 20;

    /// <summary>Bytes of all requests' bodies in flight. A further one is refused as <see cref="ErrorCodes.Overloaded"/>. 256 MiB; not below <see cref="MaxRequestBytes"/>.</summary>
    public long MaxInFlightBytes { get; init; } = 256 << 20;

    /// <summary>Until a request's headers are whole, or a handshake. 10 s.</summary>
    public TimeSpan HeaderTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A connection without a request is closed after it. 130 s, Kestrel's own: longer than clients keep theirs.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(130);

    /// <summary>Who may come in, and TLS. Unless said, whoever reaches the gateway may do everything.</summary>
    public GatewaySecurity Security { get; init; } = GatewaySecurity.Open;

    /// <exception cref="ArgumentException">A limit that can't hold; its name is in the text, both names where two contradict each other.</exception>
    public virtual void Validate()
    {
        Require(Port is >= 0 and <= IPEndPoint.MaxPort, $"{nameof(Port)} is {Port}: 0 to {IPEndPoint.MaxPort}.");
        Require(MaxConnections > 0, $"{nameof(MaxConnections)} is {MaxConnections}: 1 at least.");
        Require(MaxConcurrentRequests > 0, $"{nameof(MaxConcurrentRequests)} is {MaxConcurrentRequests}: 1 at least.");
        Require(MaxRequestBytes > 0, $"{nameof(MaxRequestBytes)} is {MaxRequestBytes}: 1 at least.");
        Require(MaxInFlightBytes >= MaxRequestBytes, $"{nameof(MaxInFlightBytes)} is {MaxInFlightBytes}, below {nameof(MaxRequestBytes)} {MaxRequestBytes}.");
        Require(HeaderTimeout > TimeSpan.Zero, $"{nameof(HeaderTimeout)} is {HeaderTimeout}: above 0.");
        Require(IdleTimeout > TimeSpan.Zero, $"{nameof(IdleTimeout)} is {IdleTimeout}: above 0.");
    }

    protected static void Require(bool holds, string otherwise)
    {
        if (!holds)
            throw new ArgumentException(otherwise);
    }
}

using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <inheritdoc/>
public sealed record HttpGatewayOptions : GatewayOptions
{
    // What a receive may wait.
    private static readonly TimeSpan LongestKeepAlive = TimeSpan.FromMilliseconds(QueueJson.MaxWaitMs);
    private static readonly TimeSpan LongestQuotaWait = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(24);

    public HttpGatewayOptions() => Port = 8080;

    /// <summary>Bytes of a JSON body: less than of octets, because a parsed document is several times as large. 32 MiB.</summary>
    public int MaxJsonBytes { get; init; } = 32 << 20;

    /// <summary>What one browse reads at most; it then answers with fewer messages and says where to go on. 16 MiB.</summary>
    public int MaxBrowseBytes { get; init; } = 16 << 20;

    /// <summary>So long a request beyond a rate's quota is held back for its turn, before its body is read; one whose turn comes later is refused, after as long. 1 s, a rate's burst; 0: refused at once; a minute at most.</summary>
    public TimeSpan MaxQuotaWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Requests that are held back at once for a turn, by which they count as in flight; half as many refusals. A further one is not held back, and refused where it would have to wait. 1,000: most of <see cref="GatewayOptions.MaxConcurrentRequests"/> stays for others.</summary>
    public int MaxHeldRequests { get; init; } = 1_000;

    /// <summary>The clock of these waits.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Event streams that are open at once. A further one is refused as <see cref="ErrorCodes.Overloaded"/>. 2,000: most requests stay for others.</summary>
    public int MaxEventStreams { get; init; } = 2_000;

    /// <summary>The most messages that an event stream may have unsettled at once; a request for more is refused. 1,000.</summary>
    public int MaxEventCredit { get; init; } = 1_000;

    /// <summary>What an event stream takes from the broker at once, by the largest message (body, key, headers) that it has had; one is taken whatever its size, and the first alone. So much waits for a client that does not read, unless messages grow: then, once, as many as were taken before, 100 at most, of the new size. 256 KiB.</summary>
    public int EventBytesAtOnce { get; init; } = 256 << 10;

    /// <summary>After so long without an event a comment is sent, so that nobody in between takes the stream for dead. 15 s, as the HTML standard advises; a minute at most.</summary>
    public TimeSpan EventKeepAlive { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A client that takes not even 16 KiB within it is cut off. 30 s.</summary>
    public TimeSpan EventStallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>An event stream ends after it, and its client comes again by itself: then it is asked anew who it is. 1 hour.</summary>
    public TimeSpan MaxEventStreamAge { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Adds the broker's own figures to <c>/metrics</c>, as Prometheus text. Null: none.</summary>
    public Func<TextWriter, CancellationToken, ValueTask>? BrokerMetrics { get; init; }

    public override void Validate()
    {
        base.Validate();
        Require(MaxJsonBytes > 0, $"{nameof(MaxJsonBytes)} is {MaxJsonBytes}: 1 at least.");
        Require(MaxJsonBytes <= MaxRequestBytes, $"{nameof(MaxJsonBytes)} is {MaxJsonBytes}, above {nameof(MaxRequestBytes)} {MaxRequestBytes}.");
        Require(MaxBrowseBytes > 0, $"{nameof(MaxBrowseBytes)} is {MaxBrowseBytes}: 1 at least.");
        Require(MaxQuotaWait >= TimeSpan.Zero && MaxQuotaWait <= LongestQuotaWait, $"{nameof(MaxQuotaWait)} is {MaxQuotaWait}: 0 to {LongestQuotaWait}.");
        Require(MaxHeldRequests >= 0, $"{nameof(MaxHeldRequests)} is {MaxHeldRequests}: not negative.");
        Require(MaxEventStreams > 0, $"{nameof(MaxEventStreams)} is {MaxEventStreams}: 1 at least.");
        Require(MaxEventCredit is > 0 and <= QueueJson.MaxLeases, $"{nameof(MaxEventCredit)} is {MaxEventCredit}: 1 to {QueueJson.MaxLeases}, what one call settles.");
        Require(EventBytesAtOnce > 0, $"{nameof(EventBytesAtOnce)} is {EventBytesAtOnce}: 1 at least.");
        Require(EventKeepAlive > TimeSpan.Zero && EventKeepAlive <= LongestKeepAlive, $"{nameof(EventKeepAlive)} is {EventKeepAlive}: above 0, and {LongestKeepAlive} at most.");
        Require(EventStallTimeout > TimeSpan.Zero && EventStallTimeout <= LongestTimer, $"{nameof(EventStallTimeout)} is {EventStallTimeout}: above 0, and {LongestTimer} at most.");
        Require(MaxEventStreamAge > TimeSpan.Zero && MaxEventStreamAge <= LongestTimer, $"{nameof(MaxEventStreamAge)} is {MaxEventStreamAge}: above 0, and {LongestTimer} at most.");
    }
}

namespace OrleansMq.Gateways.Http;

/// <inheritdoc/>
public sealed record HttpGatewayOptions : GatewayOptions
{
    public HttpGatewayOptions() => Port = 8080;

    /// <summary>Bytes of a JSON body: less than of octets, because a parsed document is several times as large. 32 MiB.</summary>
    public int MaxJsonBytes { get; init; } = 32 << 20;

    /// <summary>What one browse reads at most; it then answers with fewer messages and says where to go on. 16 MiB.</summary>
    public int MaxBrowseBytes { get; init; } = 16 << 20;

    /// <summary>Adds the broker's own figures to <c>/metrics</c>, as Prometheus text. Null: none.</summary>
    public Func<TextWriter, CancellationToken, ValueTask>? BrokerMetrics { get; init; }

    public override void Validate()
    {
        base.Validate();
        Require(MaxJsonBytes > 0, $"{nameof(MaxJsonBytes)} is {MaxJsonBytes}: 1 at least.");
        Require(MaxJsonBytes <= MaxRequestBytes, $"{nameof(MaxJsonBytes)} is {MaxJsonBytes}, above {nameof(MaxRequestBytes)} {MaxRequestBytes}.");
        Require(MaxBrowseBytes > 0, $"{nameof(MaxBrowseBytes)} is {MaxBrowseBytes}: 1 at least.");
    }
}

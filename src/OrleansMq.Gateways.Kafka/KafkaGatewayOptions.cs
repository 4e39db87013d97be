namespace OrleansMq.Gateways.Kafka;

/// <summary>The limits of all gateways, and what only Kafka's clients need.</summary>
public sealed record KafkaGatewayOptions : GatewayOptions
{
    public KafkaGatewayOptions() => IdleTimeout = TimeSpan.FromMinutes(10);

    /// <summary>Where clients find this node, as <c>host:port</c>. Null: where it listens, or the address that the client reached.</summary>
    public string? Advertise { get; init; }

    /// <summary>This node's name in the cluster's description. Null: it is found by its address, which two nodes may share.</summary>
    public string? Node { get; init; }

    /// <summary>Whether a topic is made when a client asks for it, if the client allows it. As Kafka: true.</summary>
    public bool CreateTopics { get; init; } = true;

    /// <summary>Partitions of a topic that is made so, or made without saying. 1, as Kafka.</summary>
    public int DefaultPartitions { get; init; } = 1;

    /// <summary>Requests of one connection that are begun before the first of them is answered; beyond it nothing is read. 100.</summary>
    public int MaxPipelined { get; init; } = 100;

    /// <summary>Bytes of one fetch's answer, whatever the client asks; a first batch that is larger is sent all the same. 16 MiB.</summary>
    public int MaxFetchBytes { get; init; } = 16 << 20;

    /// <summary>How long a fetch may wait, whatever the client asks. 30 s.</summary>
    public TimeSpan MaxFetchWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a login by SASL counts before the client has to show again who it is. Null: as long as the connection, a token's until the token ends.</summary>
    public TimeSpan? LoginLasts { get; init; }

    /// <summary>A member to whom the broker assigns is out when it is silent for so long (Kafka's <c>group.consumer.session.timeout.ms</c>). 45 s, as Kafka; 1 s to 30 min.</summary>
    public TimeSpan ConsumerSession { get; init; } = TimeSpan.FromSeconds(45);

    /// <summary>How often such a member is told to say that it is there (Kafka's <c>group.consumer.heartbeat.interval.ms</c>). 5 s, as Kafka; below <see cref="ConsumerSession"/>.</summary>
    public TimeSpan ConsumerHeartbeat { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Of logins that end, and of waits for a quota.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    public override void Validate()
    {
        base.Validate();
        Require(DefaultPartitions is > 0 and <= TopicSettings.MaxPartitions, $"{nameof(DefaultPartitions)} is {DefaultPartitions}: 1 to {TopicSettings.MaxPartitions}.");
        Require(MaxPipelined > 0, $"{nameof(MaxPipelined)} is {MaxPipelined}: 1 at least.");
        Require(MaxFetchBytes > 0, $"{nameof(MaxFetchBytes)} is {MaxFetchBytes}: 1 at least.");
        Require(MaxFetchWait >= TimeSpan.Zero, $"{nameof(MaxFetchWait)} is {MaxFetchWait}: not negative.");
        Require(ConsumerSession >= TimeSpan.FromSeconds(1) && ConsumerSession <= TimeSpan.FromMinutes(30), $"{nameof(ConsumerSession)} is {ConsumerSession}: 1 s to 30 min.");
        Require(ConsumerHeartbeat >= TimeSpan.FromMilliseconds(10) && ConsumerHeartbeat < ConsumerSession, $"{nameof(ConsumerHeartbeat)} is {ConsumerHeartbeat}: 10 ms at least, and below {nameof(ConsumerSession)}.");
        Require(LoginLasts is null || LoginLasts > TimeSpan.Zero, $"{nameof(LoginLasts)} is {LoginLasts}: above 0.");
        Require(Advertise is null || IsAddress(Advertise), $"{nameof(Advertise)} is {Advertise}: host:port.");
    }

    private static bool IsAddress(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon > 0 && ushort.TryParse(text.AsSpan(colon + 1), out var port) && port > 0;
    }
}

using OrleansMq;

namespace Orleans.Configuration;

/// <summary>How the bodies of events are written.</summary>
public enum StreamBodies
{
    /// <summary>By Orleans' serializer: any type that has a codec, and its type travels with it.</summary>
    Orleans = 0,

    /// <summary>As JSON, for readers that are no grains.</summary>
    Json = 1,
}

/// <summary>Streams on the partitions of a topic, one set of options for each provider name, the same on every silo and client.</summary>
public sealed class OrleansMqStreamOptions
{
    /// <summary>The topic that holds the events. Null: the provider's name.</summary>
    public string? Topic { get; set; }

    /// <summary>Partitions of the topic where it has to be made. A topic that exists keeps its own number, and that is used. 8: a few for each silo of a small cluster.</summary>
    public int Partitions { get; set; } = 8;

    /// <summary>The log-style group that holds the provider's place in the topic. Null: <c>streams-</c> and the provider's name.</summary>
    public string? Group { get; set; }

    /// <summary>Where a provider that is new to a topic begins: everything kept (true, so that nothing is missed), or what comes from now on.</summary>
    public bool FromEarliest { get; set; } = true;

    /// <summary>Key of the <see cref="IBroker"/> in the services. Null: the one registered under the provider's name, else the one without a key.</summary>
    public string? Broker { get; set; }

    /// <summary>Namespace of streams whose message key has no slash. Null: none.</summary>
    public string? DefaultNamespace { get; set; }

    /// <summary>How events that grains send are written. What is read may be either, whoever wrote it.</summary>
    public StreamBodies Bodies { get; set; }

    /// <summary>What a sent event's acknowledgement means. Null: what the topic or the broker says.</summary>
    public Acks? Acks { get; set; }

    /// <summary>How long a send is repeated before it fails. 30 s, Orleans' response time-out.</summary>
    public TimeSpan SendTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Events in memory for each partition, in bytes; what does not fit is read again from the log when its turn comes. 32 MiB.</summary>
    public long CacheBytes { get; set; } = 32 << 20;

    /// <summary>Of those, at most so many wait for one subscription. 1 MiB.</summary>
    public int SubscriptionCacheBytes { get; set; } = 1 << 20;

    /// <summary>Events handed to a subscriber in one call, at most. 256.</summary>
    public int MaxBatchEvents { get; set; } = 256;

    /// <summary>The same in bytes; one larger event goes alone. 64 KiB: where calls between silos carry most.</summary>
    public int MaxBatchBytes { get; set; } = 64 << 10;

    /// <summary>Read from a partition at once, in bytes. 1 MiB.</summary>
    public int ReadBytes { get; set; } = 1 << 20;

    /// <summary>When a full cache drops what waits for a subscription that settled nothing for so long. 1 s.</summary>
    public TimeSpan StallAfter { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>An event refused so often goes to dead letters. 16, as for groups.</summary>
    public int MaxDeliveries { get; set; } = 16;

    /// <summary>Delays before the second, third, … delivery of a refused event; the last is repeated.</summary>
    public IList<TimeSpan> Backoff { get; } = [];

    /// <summary>The topic to which refused events go. Null: the topic's name, the group's and <c>dead</c>, with dots between.</summary>
    public string? DeadLetterTopic { get; set; }

    /// <summary>How often progress is stored: what a crash may deliver again. 1 s.</summary>
    public TimeSpan CheckpointInterval { get; set; } = TimeSpan.FromSeconds(1);

    internal IReadOnlyList<TimeSpan> EffectiveBackoff => Backoff.Count > 0 ? [.. Backoff] : GroupSettings.DefaultBackoff;
}

namespace OrleansMq;

/// <summary>What an acknowledgement of an append means.</summary>
public enum Acks
{
    /// <summary>No answer is awaited.</summary>
    None = 0,

    /// <summary>Written, not yet flushed; flushed within the flush interval.</summary>
    Accepted = 1,

    /// <summary>On disk: survives a power loss.</summary>
    Durable = 2,
}

/// <summary>What a topic does with an append beyond its backlog limit.</summary>
public enum WhenFull
{
    /// <summary>Refuse with <see cref="ErrorCodes.BacklogFull"/>.</summary>
    Refuse = 0,

    /// <summary>Remove the oldest messages; each group counts the gap it sees.</summary>
    DropOldest = 1,

    /// <summary>Let the producer wait, at most as long as its request says.</summary>
    Wait = 2,
}

/// <summary>A topic's settings, all with their defaults.</summary>
public sealed record TopicSettings
{
    public const int MaxPartitions = 10_000;

    /// <summary>1 to 10,000. Grows by multiples (<see cref="IBroker.GrowTopic"/>); can't shrink.</summary>
    public int Partitions { get; init; } = 1;

    /// <summary>The least level of acknowledgement; the request's is used where it is higher. Null: none.</summary>
    public Acks? Acks { get; init; }

    /// <summary>Whether messages that a declared group has not settled stay beyond the retention.</summary>
    public bool KeepUnsettled { get; init; } = true;

    /// <summary>How long settled messages stay. 7 days, as Kafka.</summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Bytes stored in each partition beyond which settled messages go. Null: no limit.</summary>
    public long? RetentionBytes { get; init; }

    /// <summary>Backlog limit over all partitions. Null: none.</summary>
    public long? MaxMessages { get; init; }

    /// <summary>Backlog limit in bytes as stored, over all partitions. Null: none.</summary>
    public long? MaxBytes { get; init; }

    public WhenFull WhenFull { get; init; } = WhenFull.Refuse;

    /// <summary>Exactly this many messages are accepted in the topic's life, all others refused. Null: no cap.</summary>
    public long? Admit { get; init; }

    /// <summary>Messages a second over all partitions. Null: no limit.</summary>
    public double? RatePerSecond { get; init; }

    /// <summary>Messages a second of each producer. Null: no limit.</summary>
    public double? ProducerRatePerSecond { get; init; }

    /// <summary>Key, body and headers of one message together, a trace's context aside (<see cref="MessageTracing"/>). 1 MiB, about Kafka's.</summary>
    public int MaxMessageBytes { get; init; } = 1 << 20;

    /// <summary>One record batch. 4 MiB.</summary>
    public int MaxBatchBytes { get; init; } = 4 << 20;

    /// <summary>Idempotency tokens remembered in each partition.</summary>
    public int TokenCount { get; init; } = 1_000_000;

    /// <summary>How long a token is remembered; up to 7 days.</summary>
    public TimeSpan TokenAge { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a message may wait for its delivery by a queue-style group (<see cref="Message.TimeToLive"/>). Null: no limit.</summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>
    /// Whether each key's last message stays whatever its age, and those before it go one day; a message without a body deletes its key. Retention by time and by bytes then
    /// does nothing, and a message without a key is refused. Not on every storage.
    /// </summary>
    public bool Compact { get; init; }

    /// <summary>Compacted once at least this part of what is stored was not compacted yet, 0 to 1. Null: the broker's (0.5), as Kafka's <c>min.cleanable.dirty.ratio</c>.</summary>
    public double? CompactDirtyRatio { get; init; }

    /// <summary>Messages younger than this stay, whatever follows them. Null: the broker's (0), as Kafka's <c>min.compaction.lag.ms</c>.</summary>
    public TimeSpan? CompactMinAge { get; init; }

    /// <summary>How long a tombstone stays after it went through a compaction. Null: the broker's (24 h), as Kafka's <c>delete.retention.ms</c>.</summary>
    public TimeSpan? TombstoneAge { get; init; }
}

/// <summary>One field of a change: keep what is, restore the default, or set a value.</summary>
public readonly record struct Change<T>
{
    private Change(ChangeKind kind, T? value) => (Kind, Value) = (kind, value);

    public ChangeKind Kind { get; }
    public T? Value { get; }

    public static Change<T> Keep => default;
    public static Change<T> Default => new(ChangeKind.Default, default);
    public static Change<T> To(T value) => new(ChangeKind.Set, value);

    public static implicit operator Change<T>(T value) => To(value);

    public T? Over(T? current, T? standard) => Kind switch { ChangeKind.Keep => current, ChangeKind.Default => standard, _ => Value };
}

public enum ChangeKind
{
    Keep = 0,
    Default = 1,
    Set = 2,
}

/// <summary>A creation or a change of a topic: fields left alone keep their value (or the default, when it is created).</summary>
public sealed record TopicChange
{
    public Change<int> Partitions { get; init; }
    public Change<Acks?> Acks { get; init; }
    public Change<bool> KeepUnsettled { get; init; }
    public Change<TimeSpan> Retention { get; init; }
    public Change<long?> RetentionBytes { get; init; }
    public Change<long?> MaxMessages { get; init; }
    public Change<long?> MaxBytes { get; init; }
    public Change<WhenFull> WhenFull { get; init; }
    public Change<long?> Admit { get; init; }
    public Change<double?> RatePerSecond { get; init; }
    public Change<double?> ProducerRatePerSecond { get; init; }
    public Change<int> MaxMessageBytes { get; init; }
    public Change<int> MaxBatchBytes { get; init; }
    public Change<int> TokenCount { get; init; }
    public Change<TimeSpan> TokenAge { get; init; }
    public Change<TimeSpan?> TimeToLive { get; init; }
    public Change<bool> Compact { get; init; }
    public Change<double?> CompactDirtyRatio { get; init; }
    public Change<TimeSpan?> CompactMinAge { get; init; }
    public Change<TimeSpan?> TombstoneAge { get; init; }

    /// <summary>The settings that result. They are not validated here.</summary>
    public TopicSettings Over(TopicSettings? current)
    {
        var standard = new TopicSettings();
        var now = current ?? standard;
        return new TopicSettings
        {
            Partitions = Partitions.Over(now.Partitions, standard.Partitions),
            Acks = Acks.Over(now.Acks, standard.Acks),
            KeepUnsettled = KeepUnsettled.Over(now.KeepUnsettled, standard.KeepUnsettled),
            Retention = Retention.Over(now.Retention, standard.Retention),
            RetentionBytes = RetentionBytes.Over(now.RetentionBytes, standard.RetentionBytes),
            MaxMessages = MaxMessages.Over(now.MaxMessages, standard.MaxMessages),
            MaxBytes = MaxBytes.Over(now.MaxBytes, standard.MaxBytes),
            WhenFull = WhenFull.Over(now.WhenFull, standard.WhenFull),
            Admit = Admit.Over(now.Admit, standard.Admit),
            RatePerSecond = RatePerSecond.Over(now.RatePerSecond, standard.RatePerSecond),
            ProducerRatePerSecond = ProducerRatePerSecond.Over(now.ProducerRatePerSecond, standard.ProducerRatePerSecond),
            MaxMessageBytes = MaxMessageBytes.Over(now.MaxMessageBytes, standard.MaxMessageBytes),
            MaxBatchBytes = MaxBatchBytes.Over(now.MaxBatchBytes, standard.MaxBatchBytes),
            TokenCount = TokenCount.Over(now.TokenCount, standard.TokenCount),
            TokenAge = TokenAge.Over(now.TokenAge, standard.TokenAge),
            TimeToLive = TimeToLive.Over(now.TimeToLive, standard.TimeToLive),
            Compact = Compact.Over(now.Compact, standard.Compact),
            CompactDirtyRatio = CompactDirtyRatio.Over(now.CompactDirtyRatio, standard.CompactDirtyRatio),
            CompactMinAge = CompactMinAge.Over(now.CompactMinAge, standard.CompactMinAge),
            TombstoneAge = TombstoneAge.Over(now.TombstoneAge, standard.TombstoneAge),
        };
    }
}

/// <summary>A topic as it stands.</summary>
public sealed record TopicDescription
{
    public required TopicName Name { get; init; }
    public required TopicSettings Settings { get; init; }
    public required IReadOnlyList<PartitionDescription> Partitions { get; init; }

    /// <summary>Drawn when the topic was made: one that was deleted and made again is another. Zero of dead letters, and where it is not told (over HTTP).</summary>
    public Guid Id { get; init; }

    /// <summary>Whether the call that returned this made the topic.</summary>
    public bool Created { get; init; }
}

/// <summary>One partition as it stands.</summary>
/// <param name="Owner">The node that serves it.</param>
/// <param name="Start">The first offset kept.</param>
/// <param name="End">The offset the next message gets.</param>
/// <param name="Bytes">Bytes stored.</param>
/// <param name="Error">Why it is not served, else null; the numbers are then 0.</param>
public sealed record PartitionDescription(int Partition, string Owner, long Start, long End, long Bytes, MqError? Error = null)
{
    /// <summary>Messages that wait here for their time.</summary>
    public long Delayed { get; init; }
}

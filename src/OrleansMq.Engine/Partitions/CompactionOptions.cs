namespace OrleansMq.Engine.Partitions;

/// <summary>When and how partitions of compacted topics are compacted. Everything has a working default.</summary>
public sealed record CompactionOptions
{
    /// <summary>
    /// Log that was not compacted yet, in bytes, before it is worth a pass; 16 MiB. A partition holds about so much more than it must. The segment being written is begun
    /// anew when it has so much.
    /// </summary>
    public long DirtyBytes { get; init; } = 16 << 20;

    /// <summary>And at least this part of what is stored; 0.5, as Kafka's <c>min.cleanable.dirty.ratio</c>: each byte that stays is then copied about once for each that comes.</summary>
    public double DirtyRatio { get; init; } = 0.5;

    /// <summary>
    /// Memory for the keys of one pass, in bytes; 64 MiB, which is 2 million keys. More take several passes. One partition of a broker is compacted at a time.
    /// </summary>
    public long MemoryBytes { get; init; } = 64 << 20;

    /// <summary>
    /// How long a tombstone (a message with a key and no body) stays after it went through a compaction; 24 hours, as Kafka's <c>delete.retention.ms</c>. Whoever reads from
    /// the start in less sees each deletion.
    /// </summary>
    public TimeSpan TombstoneAge { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Messages younger than this stay, whatever follows them; nothing, as Kafka's <c>min.compaction.lag.ms</c>.</summary>
    public TimeSpan MinAge { get; init; } = TimeSpan.Zero;
}

using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;

namespace OrleansMq;

/// <summary>How the broker on a silo is set up. Bound from the section <c>OrleansMq</c> of the configuration; everything but the storage has a working default.</summary>
public sealed class OrleansMqOptions
{
    /// <summary>Under this name grain storage and an <see cref="IStorage"/> for the logs are looked for; where there is none, the silo's default ones are used.</summary>
    public const string Name = "OrleansMq";

    /// <summary>Where the logs lie. Null: the registered one.</summary>
    public IStorage? Storage { get; set; }

    /// <summary>What an acknowledgement means where neither request nor topic says.</summary>
    public Acks DefaultAcks { get; set; } = Acks.Durable;

    /// <summary>How long accepted messages may stay unflushed. 10 ms: what a crash may take of them.</summary>
    public TimeSpan FlushInterval { get; set; } = TimeSpan.FromMilliseconds(10);

    /// <summary>How often retention is looked at. 10 s.</summary>
    public TimeSpan MaintenanceInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>A partition's snapshot is due after so many bytes of log; bounds the replay at a start. 16 MiB.</summary>
    public long SnapshotBytes { get; set; } = 16 << 20;

    /// <summary>When and how compacted topics are compacted, where the storage can.</summary>
    public CompactionOptions Compaction { get; set; } = new();

    /// <summary>A partition, group or topic that nobody has asked for so long is closed and leaves memory. 5 min; more than a minute, as Orleans looks that often.</summary>
    public TimeSpan IdleAge { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>The clock of engines; a test gives a virtual one.</summary>
    public TimeProvider Time { get; set; } = TimeProvider.System;
}

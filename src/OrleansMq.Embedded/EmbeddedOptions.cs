using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;

namespace OrleansMq;

/// <summary>How a broker in this process is set up. Everything has a working default.</summary>
public sealed record EmbeddedOptions
{
    /// <summary>Folder of the data. Null: everything is in memory and gone with the broker.</summary>
    public string? Data { get; init; }

    /// <summary>Whether the data folder has a journal, through which small changes of many partitions become durable with one flush (<see cref="OrleansMq.Storage.Files.FileStorageOptions.Journal"/>).</summary>
    public bool Journal { get; init; }

    /// <summary>A storage of your own instead of <see cref="Data"/>.</summary>
    public IStorage? Storage { get; init; }

    /// <summary>What an acknowledgement means where neither request nor topic says.</summary>
    public Acks DefaultAcks { get; init; } = Acks.Durable;

    /// <summary>How long accepted messages may stay unflushed. 10 ms: what a crash may take of them.</summary>
    public TimeSpan FlushInterval { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>How often retention is looked at. 10 s.</summary>
    public TimeSpan MaintenanceInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// A partition that nobody used for so long, up to twice as long, and in which nothing waits is closed; it opens again when it is used. 5 minutes: an open
    /// partition costs some KB and a file. <see cref="Timeout.InfiniteTimeSpan"/> never closes any.
    /// </summary>
    public TimeSpan IdleAfter { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>A partition's snapshot is due after so many bytes of log; bounds the replay at a start. 16 MiB.</summary>
    public long SnapshotBytes { get; init; } = 16 << 20;

    /// <summary>A partition that is closed with less than so many bytes behind its last snapshot saves none, so that queues used now and then cost no file more. 64 KiB; never more than <see cref="SnapshotBytes"/>.</summary>
    public long ClosingSnapshotBytes { get; init; } = 64 << 10;

    /// <summary>When and how compacted topics are compacted.</summary>
    public CompactionOptions Compaction { get; init; } = new();

    /// <summary>Draws the identities of topics and groups; a simulation draws them from its seed.</summary>
    public Func<Guid> NewId { get; init; } = Guid.NewGuid;

    /// <summary>The clock; a test gives a virtual one.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where the work of partitions runs; a simulation gives its own.</summary>
    public TaskScheduler Scheduler { get; init; } = TaskScheduler.Default;

    /// <summary>Whether a caller's thread may do a partition's work; off for a simulation.</summary>
    public bool InlineTurns { get; init; } = true;

    /// <summary>This node's name in answers.</summary>
    public string Node { get; init; } = "embedded";

    /// <summary>Tells the operator what was cut, what stopped, and why.</summary>
    public Action<string> OnReport { get; init; } = static _ => { };

    internal PartitionHost ToHost() => new()
    {
        Time = Time,
        Scheduler = Scheduler,
        InlineTurns = InlineTurns,
        FlushInterval = FlushInterval,
        MaintenanceInterval = MaintenanceInterval,
        SnapshotBytes = SnapshotBytes,
        ClosingSnapshotBytes = ClosingSnapshotBytes,
        Compaction = Compaction,
        Report = OnReport,
    };
}

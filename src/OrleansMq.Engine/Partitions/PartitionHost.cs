using OrleansMq.Engine.Turns;

namespace OrleansMq.Engine.Partitions;

/// <summary>What a partition needs from its host.</summary>
public sealed record PartitionHost
{
    public required TimeProvider Time { get; init; }

    /// <summary>Where turns run.</summary>
    public required TaskScheduler Scheduler { get; init; }

    /// <summary>Whether a caller may run a turn itself; see <see cref="TurnQueue"/>.</summary>
    public bool InlineTurns { get; init; }

    /// <summary>How long accepted messages may stay unflushed.</summary>
    public TimeSpan FlushInterval { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>How often retention is looked at.</summary>
    public TimeSpan MaintenanceInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A snapshot is due after so many bytes of log, or four times its own size. Bounds the replay at a start.</summary>
    public long SnapshotBytes { get; init; } = 16 << 20;

    /// <summary>One that is closed with less behind its last snapshot saves none: so much is replayed sooner than a snapshot is written. Of the two the smaller counts.</summary>
    public long ClosingSnapshotBytes { get; init; } = 64 << 10;

    /// <summary>When and how topics are compacted that ask for it.</summary>
    public CompactionOptions Compaction { get; init; } = new();

    /// <summary>Whose turn it is to compact: one partition at a time of all that share it.</summary>
    public SemaphoreSlim CompactionTurn { get; init; } = new(1);

    /// <summary>Tells the operator: what was cut, what stopped and why.</summary>
    public Action<string> Report { get; init; } = static _ => { };
}

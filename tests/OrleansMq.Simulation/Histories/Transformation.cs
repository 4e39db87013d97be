namespace OrleansMq.Simulation.Histories;

/// <summary>A transaction that consumes, transforms and produces, as its producer knows it.</summary>
public sealed class Transformation
{
    public required string Id { get; init; }
    public required ProducerIdentity Producer { get; init; }
    public required Place Input { get; init; }

    /// <summary>The first offset consumed, and the one behind the last.</summary>
    public required long From { get; init; }
    public required long To { get; init; }

    /// <summary>To several partitions; never empty.</summary>
    public List<Sent> Outputs { get; } = [];
    public List<Call> Commits { get; } = [];

    public bool IsCommitted => Commits.Exists(call => call.IsOk);

    /// <summary>Also a refusal that is to be tried again leaves open whether it was decided: markers may be on their way.</summary>
    public bool MayBeCommitted => Commits.Exists(call => call.May || (call.Process is not null && call.Code is { } code && ErrorCodes.IsRetriable(code)));

    public override string ToString() => $"{Id} {Producer.Id}.{Producer.Epoch} of {Input}:{From}..{To}";
}

/// <summary>A transactional id was opened.</summary>
public sealed record Opened(Call Call, string Id, ProducerIdentity Producer);

/// <summary>What one reading as committed gave: everything that it may see in a range of offsets.</summary>
public sealed record CommittedRead(Call Call, Place Place, long From, long To, long Stable, IReadOnlyList<(long Offset, string Uid)> Records);

/// <summary>A message that a queue-style group delivered from a partition with transactions.</summary>
public sealed record Sunk(Call Call, Place Place, long Offset, string Uid);

/// <summary>A stored batch of a partition with transactions, marker or messages.</summary>
public readonly record struct StoredBatch(long First, long Last, long ProducerId, short ProducerEpoch, bool IsControl);

/// <summary>A partition with transactions at the end.</summary>
public sealed class CommittedLog
{
    public long End { get; set; }
    public long Stable { get; set; }

    /// <summary>What readers of what is committed see.</summary>
    public SortedDictionary<long, string> Records { get; } = [];

    /// <summary>What is there, as all others see it.</summary>
    public List<StoredBatch> Batches { get; } = [];
}

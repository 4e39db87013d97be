namespace OrleansMq.Server.Deadlines;

/// <summary>What changed in a <see cref="DeadlineShelf"/> since it was written.</summary>
[GenerateSerializer, Alias("OrleansMq.DeadlineChanges")]
public sealed class DeadlineChanges
{
    /// <summary>The shelf's version that they change; they say nothing about another.</summary>
    [Id(0)]
    public long Of { get; set; }

    /// <summary>How each partition stands now that changed.</summary>
    [Id(1)]
    public Dictionary<string, DeadlineChange> Partitions { get; set; } = new(StringComparer.Ordinal);

    /// <summary>Changes a shelf to how it stands now; nothing where it is of another version.</summary>
    internal void Apply(DeadlineShelf shelf)
    {
        if (Of == 0 || Of != shelf.Version)
            return;
        foreach (var (partition, now) in Partitions)
        {
            DeadlineChange.Set(shelf.DueMs, partition, now.DueMs);
            DeadlineChange.Set(shelf.Open, partition, now.Open);
        }
    }

    /// <summary>Says of these partitions how they stand in a shelf.</summary>
    internal void Take(IReadOnlyCollection<string> changed, DeadlineShelf shelf)
    {
        Of = shelf.Version;
        Partitions = new(changed.Count, StringComparer.Ordinal);
        foreach (var partition in changed)
            Partitions.Add(partition, new DeadlineChange { DueMs = DeadlineChange.Of(shelf.DueMs, partition), Open = DeadlineChange.Of(shelf.Open, partition) });
    }
}

/// <summary>One of them.</summary>
[GenerateSerializer, Alias("OrleansMq.DeadlineChange")]
public sealed class DeadlineChange
{
    /// <summary>Null: nothing is due there.</summary>
    [Id(0)]
    public long? DueMs { get; set; }

    /// <summary>The activation that opened it; null: it is not open.</summary>
    [Id(1)]
    public Guid? Open { get; set; }

    /// <summary>What a dictionary says of a partition; null: nothing.</summary>
    internal static T? Of<T>(Dictionary<string, T> of, string partition)
        where T : struct => of.TryGetValue(partition, out var value) ? value : null;

    internal static void Set<T>(Dictionary<string, T> of, string partition, T? value)
        where T : struct
    {
        if (value is { } now)
            of[partition] = now;
        else
            of.Remove(partition);
    }
}

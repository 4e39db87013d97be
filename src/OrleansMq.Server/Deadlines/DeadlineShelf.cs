namespace OrleansMq.Server.Deadlines;

/// <summary>When partitions are to be looked at, as the grain storage keeps it. Properties can be set for storages that write JSON.</summary>
[GenerateSerializer, Alias("OrleansMq.DeadlineShelf")]
public sealed class DeadlineShelf
{
    /// <summary>By the partition grain's key; milliseconds since 1970.</summary>
    [Id(0)]
    public Dictionary<string, long> DueMs { get; set; } = new(StringComparer.Ordinal);

    /// <summary>
    /// The partitions that are open, and the activation that opened each. Something may be due in them that was noted and not stored when this grain's silo was lost.
    /// </summary>
    [Id(1)]
    public Dictionary<string, Guid> Open { get; set; } = new(StringComparer.Ordinal);

    /// <summary>One more with each write; 0: written by a release that knew none.</summary>
    [Id(2)]
    public long Version { get; set; }
}

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

    /// <returns>False: they are of another version, and changed nothing.</returns>
    internal bool Apply(DeadlineShelf shelf)
    {
        if (Of == 0 || Of != shelf.Version)
            return false;
        foreach (var (partition, now) in Partitions)
        {
            DeadlineChange.Set(shelf.DueMs, partition, now.DueMs);
            DeadlineChange.Set(shelf.Open, partition, now.Open);
        }

        return true;
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

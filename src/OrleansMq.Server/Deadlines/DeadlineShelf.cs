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

namespace OrleansMq.Server.Deadlines;

/// <summary>When partitions are to be looked at, as the grain storage keeps it. Properties can be set for storages that write JSON.</summary>
[GenerateSerializer, Alias("OrleansMq.DeadlineShelf")]
public sealed class DeadlineShelf
{
    /// <summary>By the partition grain's key; milliseconds since 1970.</summary>
    [Id(0)]
    public Dictionary<string, long> DueMs { get; set; } = new(StringComparer.Ordinal);
}

namespace OrleansMq.Storage.AzureBlobs.Blobs;

/// <summary>What is known of an attempt that failed.</summary>
internal enum BlobFaultKind
{
    /// <summary>It may have come through or not: a time-out, a cut connection, a 5xx, too many requests.</summary>
    Unsure,

    /// <summary>The blob is not as the condition says. If an earlier attempt of the same write was unsure, that may have been it.</summary>
    ConditionNotMet,

    /// <summary>No such blob, or container.</summary>
    Missing,

    /// <summary>It did not come through, and would not the next time: no permission, a request that can't be.</summary>
    Refused,
}

/// <summary>An attempt failed.</summary>
internal sealed class BlobFault(BlobFaultKind kind, string message, Exception? inner = null) : Exception(message, inner)
{
    public BlobFaultKind Kind { get; } = kind;
}

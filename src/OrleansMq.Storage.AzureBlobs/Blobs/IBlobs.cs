using Azure;

namespace OrleansMq.Storage.AzureBlobs.Blobs;

/// <summary>
/// What is asked of a container of blobs. Each call is one attempt: it is done when it returns, and a <see cref="BlobFault"/> says what is known
/// when it does not. Who calls decides about the next attempt, for only he can tell whether the one before came through.
/// </summary>
/// <remarks>Every write carries a condition, so that one that was delayed on its way can do nothing once a later one came through.</remarks>
internal interface IBlobs
{
    /// <summary>A whole blob; null where there is none.</summary>
    Task<BlobContent?> Get(string name, CancellationToken cancel);

    /// <summary>Fills the destination from an offset on.</summary>
    Task Read(string name, long offset, Memory<byte> destination, CancellationToken cancel);

    /// <summary>What the service says of an append blob; null where there is none.</summary>
    Task<BlobFacts?> Look(string name, CancellationToken cancel);

    /// <summary>Writes a block blob whole.</summary>
    /// <param name="replaces">The blob as it must be still; null where there must be none.</param>
    Task<ETag> Put(string name, ReadOnlyMemory<byte> content, ETag? replaces, CancellationToken cancel);

    /// <summary>Makes an empty append blob of an opening; there must be none.</summary>
    Task<ETag> CreateAppendBlob(string name, int epoch, CancellationToken cancel);

    /// <summary>Appends one block, if the blob ends at the offset and is the one that was seen.</summary>
    Task<ETag> Append(string name, ReadOnlyMemory<byte> block, long offset, ETag seen, CancellationToken cancel);

    /// <summary>Gives an append blob to an opening, if it is the one that was seen. Its ETag changes, which every append of an older opening names.</summary>
    Task<ETag> TakeOver(string name, int epoch, ETag seen, CancellationToken cancel);

    /// <summary>Removes a blob; one that is not there is not an error.</summary>
    Task Delete(string name, CancellationToken cancel);

    Task<IReadOnlyList<string>> List(string prefix, CancellationToken cancel);

    /// <summary>Makes the container, if it is not there.</summary>
    Task MakeContainer(CancellationToken cancel);
}

/// <summary>A block blob as read.</summary>
internal sealed record BlobContent(ReadOnlyMemory<byte> Bytes, ETag ETag);

/// <summary>An append blob as the service describes it: all four belong together.</summary>
/// <param name="Epoch">The opening that may append.</param>
internal sealed record BlobFacts(ETag ETag, long Length, int Blocks, int Epoch);

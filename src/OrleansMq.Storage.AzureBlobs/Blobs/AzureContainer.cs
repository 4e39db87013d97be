using System.Globalization;
using System.Runtime.InteropServices;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace OrleansMq.Storage.AzureBlobs.Blobs;

/// <summary>A container of Azure Blob Storage, or of what speaks its protocol.</summary>
/// <remarks>
/// No checksum of the SDK's is asked for: frames, manifests, snapshots and documents carry their own, checked at each reading, and the SDK's
/// needs a package that not every feed has (docs/decisions/0001-orleans-seam.md).
/// </remarks>
internal sealed class AzureContainer(BlobContainerClient container) : IBlobs
{
    private const string EpochKey = "epoch";
    private const int PreconditionFailed = 412;
    private const int NotFound = 404;

    public Task<BlobContent?> Get(string name, CancellationToken cancel) => OrNull(async () =>
    {
        var answer = await container.GetBlobClient(name).DownloadContentAsync(cancel);
        return new BlobContent(answer.Value.Content.ToMemory(), answer.Value.Details.ETag);
    });

    public Task Read(string name, long offset, Memory<byte> destination, CancellationToken cancel) => Try(async () =>
    {
        var options = new BlobDownloadOptions { Range = new HttpRange(offset, destination.Length) };
        using var answer = (await container.GetBlobClient(name).DownloadStreamingAsync(options, cancel)).Value;
        await answer.Content.ReadExactlyAsync(destination, cancel);
        return true;
    });

    public Task<BlobFacts?> Look(string name, CancellationToken cancel) => OrNull(async () =>
    {
        var seen = (await container.GetBlobClient(name).GetPropertiesAsync(cancellationToken: cancel)).Value;
        return new BlobFacts(seen.ETag, seen.ContentLength, seen.BlobCommittedBlockCount, EpochOf(name, seen.Metadata));
    });

    public Task<ETag> Put(string name, ReadOnlyMemory<byte> content, ETag? replaces, CancellationToken cancel) => Try(async () =>
    {
        using var stream = StreamOf(content);
        var conditions = replaces is { } seen ? new BlobRequestConditions { IfMatch = seen } : new BlobRequestConditions { IfNoneMatch = ETag.All };
        return (await container.GetBlockBlobClient(name).UploadAsync(stream, new BlobUploadOptions { Conditions = conditions }, cancel)).Value.ETag;
    });

    public Task<ETag> CreateAppendBlob(string name, int epoch, CancellationToken cancel) => Try(async () =>
    {
        var options = new AppendBlobCreateOptions { Metadata = MetadataOf(epoch), Conditions = new AppendBlobRequestConditions { IfNoneMatch = ETag.All } };
        return (await container.GetAppendBlobClient(name).CreateAsync(options, cancel)).Value.ETag;
    });

    public Task<ETag> Append(string name, ReadOnlyMemory<byte> block, long offset, ETag seen, CancellationToken cancel) => Try(async () =>
    {
        using var stream = StreamOf(block);
        var options = new AppendBlobAppendBlockOptions { Conditions = new AppendBlobRequestConditions { IfAppendPositionEqual = offset, IfMatch = seen } };
        return (await container.GetAppendBlobClient(name).AppendBlockAsync(stream, options, cancel)).Value.ETag;
    });

    public Task<ETag> TakeOver(string name, int epoch, ETag seen, CancellationToken cancel) => Try(async () =>
        (await container.GetBlobClient(name).SetMetadataAsync(MetadataOf(epoch), new BlobRequestConditions { IfMatch = seen }, cancel)).Value.ETag);

    public Task Delete(string name, CancellationToken cancel) =>
        Try(async () => (await container.GetBlobClient(name).DeleteIfExistsAsync(DeleteSnapshotsOption.IncludeSnapshots, cancellationToken: cancel)).Value);

    public Task<IReadOnlyList<string>> List(string prefix, CancellationToken cancel) => Try<IReadOnlyList<string>>(async () =>
    {
        var names = new List<string>();
        await foreach (var blob in container.GetBlobsAsync(new GetBlobsOptions { Prefix = prefix }, cancel))
            names.Add(blob.Name);
        return names;
    });

    public Task MakeContainer(CancellationToken cancel) => Try(async () => await container.CreateIfNotExistsAsync(cancellationToken: cancel));

    private static Dictionary<string, string> MetadataOf(int epoch) => new() { [EpochKey] = epoch.ToString(CultureInfo.InvariantCulture) };

    private static int EpochOf(string name, IDictionary<string, string> metadata) =>
        metadata.TryGetValue(EpochKey, out var text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var epoch)
            ? epoch
            : throw new BlobFault(BlobFaultKind.Refused, $"{name} does not say which opening may append to it; its metadata were changed by somebody else");

    private static MemoryStream StreamOf(ReadOnlyMemory<byte> bytes) => MemoryMarshal.TryGetArray(bytes, out var segment)
        ? new MemoryStream(segment.Array!, segment.Offset, segment.Count, writable: false)
        : new MemoryStream(bytes.ToArray(), writable: false);

    private static async Task<T?> OrNull<T>(Func<Task<T>> call)
        where T : class
    {
        try
        {
            return await Try(call);
        }
        catch (BlobFault fault) when (fault.Kind == BlobFaultKind.Missing)
        {
            return null;
        }
    }

    private static async Task<T> Try<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (RequestFailedException e) when (e.Status != 0)
        {
            throw new BlobFault(KindOf(e), string.Create(CultureInfo.InvariantCulture, $"the service answered {e.Status} {e.ErrorCode}"), e);
        }
        catch (Exception e) when (e is not BlobFault)
        {
            // Whatever it was, nothing says that the request was not carried out.
            throw new BlobFault(BlobFaultKind.Unsure, $"no answer ({Innermost(e).GetType().Name}: {Innermost(e).Message.Split('\n')[0].TrimEnd()})", e);
        }
    }

    private static BlobFaultKind KindOf(RequestFailedException e)
    {
        if (e.Status is NotFound)
            return BlobFaultKind.Missing;
        if (e.Status is PreconditionFailed || e.ErrorCode == BlobErrorCode.BlobAlreadyExists)
            return BlobFaultKind.ConditionNotMet;
        return e.Status is >= 500 or 408 or 429 || e.ErrorCode == BlobErrorCode.ContainerBeingDeleted ? BlobFaultKind.Unsure : BlobFaultKind.Refused;
    }

    private static Exception Innermost(Exception e)
    {
        while ((e as AggregateException)?.InnerExceptions.LastOrDefault() is { } last || (last = e.InnerException) is not null)
            e = last;
        return e;
    }
}

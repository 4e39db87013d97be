using Azure;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs.Blobs;
using OrleansMq.Storage.AzureBlobs.Formats;

namespace OrleansMq.Storage.AzureBlobs.Documents;

/// <summary>
/// Documents, a block blob each. A deleted one leaves its header behind: whoever makes it anew replaces that on condition of its ETag, so that a key's
/// versions never come again, whoever else was at it meanwhile.
/// </summary>
internal sealed class BlobDocuments(IBlobs blobs, Attempts attempts, BlobNames names, Func<Guid> drawMark) : IDocuments
{
    /// <summary>A key's blob as it was read.</summary>
    private readonly record struct Seen(DocumentBlob? Document, ETag? ETag)
    {
        /// <summary>0 where there is no document.</summary>
        public long LiveVersion => Document is { Deleted: false } live ? live.Version : 0;

        public long LastVersion => Document?.Version ?? 0;
    }

    public async ValueTask<Document?> Get(string key) =>
        (await Look(key, BlobNames.KeyBytes(key))).Document is { Deleted: false } found ? new Document(found.Content, found.Version) : null;

    public async ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion)
    {
        var keyBytes = BlobNames.KeyBytes(key);
        return await Replace(key, keyBytes, await Expect(key, keyBytes, expectedVersion), expectedVersion, bytes, deleted: false);
    }

    public async ValueTask Delete(string key, long expectedVersion)
    {
        var keyBytes = BlobNames.KeyBytes(key);
        var seen = await Expect(key, keyBytes, expectedVersion);
        if (seen.LiveVersion == 0)
            throw Conflict(key, 0, expectedVersion);
        await Replace(key, keyBytes, seen, expectedVersion, ReadOnlyMemory<byte>.Empty, deleted: true);
    }

    private async Task<long> Replace(string key, byte[] keyBytes, Seen seen, long expectedVersion, ReadOnlyMemory<byte> content, bool deleted)
    {
        var name = names.Document(key);
        var mark = drawMark();
        var attempt = attempts.Begin($"writing document '{key}' ({name})");
        var lowestInDoubt = long.MaxValue;
        while (true)
        {
            // A deletion takes no version of its own: the next one is above it.
            var next = new DocumentBlob(deleted ? seen.LastVersion : seen.LastVersion + 1, deleted, mark, content);
            BlobFault fault;
            try
            {
                await attempt.Try(cancel => blobs.Put(name, next.Encode(keyBytes), seen.ETag, cancel));
                return next.Version;
            }
            catch (BlobFault failed)
            {
                fault = failed;
            }
            if (fault.Kind == BlobFaultKind.Refused)
                throw attempt.Refused(fault);
            if (fault.Kind == BlobFaultKind.Unsure)
                lowestInDoubt = Math.Min(lowestInDoubt, next.Version);
            var now = await Look(key, keyBytes);
            if (now.Document?.Mark == mark)
                return now.LastVersion;
            // An attempt may have come through and been replaced by somebody else's since. To write again then would be to do it twice.
            if (lowestInDoubt < now.LastVersion || (lowestInDoubt == now.LastVersion && now.LiveVersion == 0))
                throw new LogFailedException($"Writing document '{key}' ({name}): an attempt had no answer ({fault.Message}), and others have written since. It may have come through or not.", fault);
            if (now.LiveVersion != expectedVersion)
                throw Conflict(key, now.LiveVersion, expectedVersion);
            seen = now;
            await attempt.Wait(fault);
        }
    }

    private async Task<Seen> Expect(string key, byte[] keyBytes, long expectedVersion)
    {
        var seen = await Look(key, keyBytes);
        return seen.LiveVersion == expectedVersion ? seen : throw Conflict(key, seen.LiveVersion, expectedVersion);
    }

    private async Task<Seen> Look(string key, byte[] keyBytes)
    {
        var name = names.Document(key);
        var found = await attempts.Repeat($"reading document '{key}' ({name})", cancel => blobs.Get(name, cancel));
        return found is null ? default : new Seen(DocumentBlob.Decode(found.Bytes, name, keyBytes), found.ETag);
    }

    private static DocumentConflictException Conflict(string key, long present, long expected) =>
        new($"Document '{key}' has version {present}; {expected} was expected.");
}

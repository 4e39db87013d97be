using Azure;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs.Blobs;
using OrleansMq.Storage.AzureBlobs.Formats;

namespace OrleansMq.Storage.AzureBlobs.Logs;

/// <summary>The manifest as this opening last wrote it. It is replaced on condition of its ETag; an attempt without an answer is read back and compared.</summary>
/// <remarks>Used by one at a time; the log's upkeep gate sees to that.</remarks>
internal sealed class ManifestBlob
{
    private readonly LogPlace _place;
    private ETag _etag;

    private ManifestBlob(LogPlace place, LogManifest current, ETag etag) => (_place, Current, _etag) = (place, current, etag);

    public LogManifest Current { get; private set; }

    /// <summary>Null where there is none.</summary>
    public static async Task<ManifestBlob?> Read(LogPlace place)
    {
        var found = await place.Attempts.Repeat($"reading {place.ManifestName}", cancel => place.Blobs.Get(place.ManifestName, cancel));
        return found is null ? null : new ManifestBlob(place, LogManifest.Decode(found.Bytes, place.ManifestName, place.Id), found.ETag);
    }

    /// <summary>Writes a log's first manifest.</summary>
    /// <returns>The one that is there then, which may be somebody else's.</returns>
    public static async Task<ManifestBlob> Create(LogPlace place, LogManifest first)
    {
        var attempt = place.Attempts.Begin($"creating {place.ManifestName}");
        while (true)
        {
            BlobFault fault;
            try
            {
                return new ManifestBlob(place, first, await attempt.Try(cancel => place.Blobs.Put(place.ManifestName, first.Encode(), null, cancel)));
            }
            catch (BlobFault failed)
            {
                fault = failed;
            }
            if (fault.Kind == BlobFaultKind.Refused)
                throw attempt.Refused(fault);
            if (await Read(place) is { } present)
                return present;
            await attempt.Wait(fault);
        }
    }

    /// <summary>Takes the next epoch. Whoever held the log before can change its manifest no more.</summary>
    /// <exception cref="LogMissingException">It was deleted meanwhile.</exception>
    public static async Task<ManifestBlob> TakeNextEpoch(LogPlace place, Guid opening)
    {
        var attempt = place.Attempts.Begin($"opening {place.ManifestName}");
        while (true)
        {
            var seen = await Read(place) ?? throw new LogMissingException($"{place} does not exist here.");
            // An attempt of ours without an answer.
            if (seen.Current.Opening == opening)
                return seen;
            var next = seen.Current with { Epoch = seen.Current.Epoch + 1, Opening = opening, Sequence = seen.Current.Sequence + 1 };
            try
            {
                var etag = await attempt.Try(cancel => place.Blobs.Put(place.ManifestName, next.Encode(), seen._etag, cancel));
                return new ManifestBlob(place, next, etag);
            }
            catch (BlobFault fault) when (fault.Kind == BlobFaultKind.Refused)
            {
                throw attempt.Refused(fault);
            }
            catch (BlobFault fault)
            {
                await attempt.Wait(fault);
            }
        }
    }

    /// <summary>Puts another in the place of the current one.</summary>
    /// <param name="change">Makes it; the sequence is one more.</param>
    /// <param name="check">Throws once the opening is over.</param>
    /// <exception cref="LogFencedException">Another opening changed it.</exception>
    /// <exception cref="LogMissingException">The log was deleted.</exception>
    public async Task Replace(Func<LogManifest, LogManifest> change, Action check)
    {
        var next = change(Current) with { Sequence = Current.Sequence + 1 };
        var bytes = next.Encode();
        var attempt = _place.Attempts.Begin($"writing {_place.ManifestName}", check);
        while (true)
        {
            BlobFault fault;
            try
            {
                var etag = await attempt.Try(cancel => _place.Blobs.Put(_place.ManifestName, bytes, _etag, cancel));
                (Current, _etag) = (next, etag);
                return;
            }
            catch (BlobFault failed)
            {
                fault = failed;
            }
            if (fault.Kind == BlobFaultKind.Refused)
                throw attempt.Refused(fault);
            var seen = await StillOurs();
            if (seen.Current.Sequence == next.Sequence)
            {
                (Current, _etag) = (next, seen._etag);
                return;
            }
            await attempt.Wait(fault);
        }
    }

    /// <summary>Reads the manifest again, and makes sure that it is this opening's still.</summary>
    /// <exception cref="LogFencedException">Another opening has the log.</exception>
    /// <exception cref="LogMissingException">The log was deleted.</exception>
    public async Task<ManifestBlob> StillOurs()
    {
        var seen = await Read(_place);
        if (seen is null || seen.Current.Identity.Incarnation != Current.Identity.Incarnation)
            throw new LogMissingException($"{_place} was deleted.");
        if (seen.Current.Opening != Current.Opening)
            throw new LogFencedException($"{_place}: opened again at epoch {seen.Current.Epoch}, above {Current.Epoch}.");
        return seen;
    }
}

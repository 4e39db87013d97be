using Azure;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs.Blobs;

namespace OrleansMq.Storage.AzureBlobs.Logs;

/// <summary>
/// The append blob at a log's end, as this opening left it. Every append names its length and its ETag. A newer opening changes the ETag before it asks for the length,
/// so no append of ours can come through after that, however late it arrives.
/// </summary>
/// <remarks>Used by one at a time; the log's writing gate sees to that.</remarks>
internal sealed class SegmentTail
{
    private readonly LogPlace _place;
    private readonly int _epoch;
    private ETag _etag;

    private SegmentTail(LogPlace place, string name, int epoch, BlobFacts facts) =>
        (_place, Name, _epoch, _etag, Length, Blocks) = (place, name, epoch, facts.ETag, facts.Length, facts.Blocks);

    public string Name { get; }

    public long Length { get; private set; }

    public int Blocks { get; private set; }

    /// <summary>Makes an empty blob; there is none of that name, unless by an attempt of ours.</summary>
    public static async Task<SegmentTail> Create(LogPlace place, string name, int epoch, Action check)
    {
        var attempt = place.Attempts.Begin($"making {name}", check);
        while (true)
        {
            BlobFault fault;
            try
            {
                var etag = await attempt.Try(cancel => place.Blobs.CreateAppendBlob(name, epoch, cancel));
                return new SegmentTail(place, name, epoch, new BlobFacts(etag, 0, 0, epoch));
            }
            catch (BlobFault failed)
            {
                fault = failed;
            }
            if (fault.Kind == BlobFaultKind.Refused)
                throw attempt.Refused(fault);
            if (await Look(place, name, check) is { } made)
                return new SegmentTail(place, name, epoch, made);
            await attempt.Wait(fault);
        }
    }

    /// <summary>Takes the blob over from an older opening. What it holds when this returns is all that older openings will ever have put there.</summary>
    /// <exception cref="LogFencedException">A newer opening has it already.</exception>
    /// <exception cref="LogDamagedException">The manifest names it and it is not there.</exception>
    public static async Task<SegmentTail> TakeOver(LogPlace place, string name, int epoch)
    {
        var attempt = place.Attempts.Begin($"taking over {name}");
        while (true)
        {
            var seen = await Look(place, name, null) ?? throw new LogDamagedException($"{name} is missing: the manifest names it as the newest segment. Restore it from a copy.");
            if (seen.Epoch > epoch)
                throw new LogFencedException($"{place}: opened again at epoch {seen.Epoch}, above {epoch}.");
            // An attempt of ours without an answer: nobody else has this epoch.
            if (seen.Epoch == epoch)
                return new SegmentTail(place, name, epoch, seen);
            try
            {
                // It was as it was seen, or this would not have come through: so the length is the last one too.
                var etag = await attempt.Try(cancel => place.Blobs.TakeOver(name, epoch, seen.ETag, cancel));
                return new SegmentTail(place, name, epoch, seen with { ETag = etag });
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

    /// <summary>Appends one block. An attempt without an answer is read back and compared before the next.</summary>
    /// <exception cref="LogFencedException">A newer opening has the blob.</exception>
    /// <exception cref="LogFailedException">The outcome stayed unknown, or the service refuses.</exception>
    /// <exception cref="BlobFault">The blob is gone.</exception>
    public async Task Append(ReadOnlyMemory<byte> block, Action check)
    {
        var attempt = _place.Attempts.Begin($"appending to {Name}", check);
        while (true)
        {
            BlobFault fault;
            try
            {
                Appended(await attempt.Try(cancel => _place.Blobs.Append(Name, block, Length, _etag, cancel)), block.Length);
                return;
            }
            catch (BlobFault failed)
            {
                fault = failed;
            }
            if (fault.Kind == BlobFaultKind.Refused)
                throw attempt.Refused(fault);
            var seen = await Look(_place, Name, check) ?? throw new BlobFault(BlobFaultKind.Missing, $"{Name} is gone");
            if (seen.Epoch != _epoch)
                throw new LogFencedException($"{_place}: opened again at epoch {seen.Epoch}, above {_epoch}.");
            if (seen.Length != Length)
            {
                await MakeSureItIsOurs(block, seen, check);
                Appended(seen.ETag, block.Length);
                return;
            }
            // It did not come through so far. Should it still be under way, it and the next attempt exclude each other: both name this length.
            _etag = seen.ETag;
            await attempt.Wait(fault);
        }
    }

    private async Task MakeSureItIsOurs(ReadOnlyMemory<byte> block, BlobFacts seen, Action check)
    {
        if (seen.Length == Length + block.Length)
        {
            var there = new byte[block.Length];
            await _place.Attempts.Repeat($"reading back {Name}", async cancel =>
            {
                await _place.Blobs.Read(Name, Length, there, cancel);
                return true;
            }, check);
            if (there.AsSpan().SequenceEqual(block.Span))
                return;
        }
        throw new LogFailedException($"{Name}: holds {seen.Length - Length} bytes behind offset {Length} that this opening did not put there, and no other may. Nothing more is acknowledged from it.");
    }

    private void Appended(ETag etag, int length)
    {
        _etag = etag;
        Length += length;
        Blocks++;
    }

    private static Task<BlobFacts?> Look(LogPlace place, string name, Action? check) =>
        place.Attempts.Repeat($"looking at {name}", cancel => place.Blobs.Look(name, cancel), check);
}

using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Topics;

/// <summary>
/// Gives producers their ids, in blocks from one document, and named producers their epochs. Documents:
/// <code>
/// producer-ids            next id            i64
/// producers/by-name/NAME  id, epoch          i64, i16
/// producers/by-id/ID      epoch              i16
/// </code>
/// </summary>
/// <param name="believe">
/// Where other desks work on the same documents: how long an epoch that was read is believed. An opening at a new epoch is not answered before that time is over,
/// so that by then nobody lets the older one pass. Null: this desk is the only one.
/// </param>
public sealed class ProducerDesk(IDocuments documents, TimeProvider time, TimeSpan? believe = null)
{
    private const int BlockSize = 1_000;

    /// <summary>The finest a timer can be set to.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);

    /// <summary>How often an opening starts again after another desk wrote first.</summary>
    private const int MaxConflicts = 100;

    private const string NextKey = "producer-ids";

    private readonly SemaphoreSlim _gate = new(1);
    private readonly ConcurrentDictionary<long, KnownEpoch> _epochs = new();
    private long _next;
    private long _blockEnd;

    public async ValueTask<ProducerIdentity> Open(string? name)
    {
        if (name is not null && !NameRule.IsValid(name))
            throw new MqException(ErrorCodes.Malformed, $"A producer's name has 1 to {NameRule.MaxLength} of A-Z a-z 0-9 . _ -.");
        var opened = await OpenOnce(name);
        if (believe is { } stale && opened.Epoch > 0)
            await Outlast(stale);
        return opened;
    }

    private async ValueTask<ProducerIdentity> OpenOnce(string? name)
    {
        await _gate.WaitAsync();
        try
        {
            for (var conflicts = 0; ; conflicts++)
            {
                try
                {
                    return name is null ? new ProducerIdentity(await NextId(), 0) : await OpenNamed(name);
                }
                catch (DocumentConflictException) when (conflicts < MaxConflicts)
                {
                    // Another desk opened a producer meanwhile: read again.
                }
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Waits by the clock that ages are told by: a timer goes by a coarser one, and may come a few milliseconds before its time.</summary>
    private async Task Outlast(TimeSpan age)
    {
        var from = time.GetTimestamp();
        for (var left = age; left >= TimeSpan.Zero; left = age - time.GetElapsedTime(from))
            await Task.Delay(left + Tick, time);
    }

    /// <summary>Refuses an epoch older than the newest that was opened under the producer's name.</summary>
    public async ValueTask RefuseFenced(ProducerSequence? producer)
    {
        if (producer is not { } sequence)
            return;
        if (!_epochs.TryGetValue(sequence.Id, out var newest) || (believe is { } limit && time.GetElapsedTime(newest.ReadAt) > limit))
        {
            if (_epochs.Count >= 100_000)
                _epochs.Clear();
            // Its age counts from before the reading.
            var at = time.GetTimestamp();
            var epoch = await documents.Get(IdKey(sequence.Id)) is { } document ? BinaryPrimitives.ReadInt16LittleEndian(document.Bytes.Span) : (short)-1;
            newest = _epochs.AddOrUpdate(sequence.Id, new KnownEpoch(epoch, at), (_, known) => known.Epoch > epoch ? known : new KnownEpoch(epoch, at));
        }

        if (sequence.Epoch < newest.Epoch)
            throw new MqException(ErrorCodes.ProducerFenced, $"Producer {sequence.Id} was opened again at epoch {newest.Epoch}; this is epoch {sequence.Epoch}.");
    }

    private async ValueTask<ProducerIdentity> OpenNamed(string name)
    {
        var key = $"producers/by-name/{name}";
        var document = await documents.Get(key);
        var (id, epoch) = document is null
            ? (await NextId(), (short)0)
            : (BinaryPrimitives.ReadInt64LittleEndian(document.Bytes.Span), (short)(BinaryPrimitives.ReadInt16LittleEndian(document.Bytes.Span[8..]) + 1));
        if (epoch < 0)
            (id, epoch) = (await NextId(), 0);
        var bytes = new byte[10];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, id);
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(8), epoch);
        await documents.Put(key, bytes, document?.Version ?? 0);
        // Only from here on is the older epoch refused; an opening that was cut off between the two has told nobody its epoch.
        await documents.Put(IdKey(id), bytes.AsMemory(8), (await documents.Get(IdKey(id)))?.Version ?? 0);
        _epochs[id] = new KnownEpoch(epoch, time.GetTimestamp());
        return new ProducerIdentity(id, epoch);
    }

    private async ValueTask<long> NextId()
    {
        if (_next == _blockEnd)
        {
            var document = await documents.Get(NextKey);
            var first = document is null ? 1 : BinaryPrimitives.ReadInt64LittleEndian(document.Bytes.Span);
            var bytes = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, first + BlockSize);
            await documents.Put(NextKey, bytes, document?.Version ?? 0);
            (_next, _blockEnd) = (first, first + BlockSize);
        }

        return _next++;
    }

    private readonly record struct KnownEpoch(short Epoch, long ReadAt);

    private static string IdKey(long id) => string.Create(CultureInfo.InvariantCulture, $"producers/by-id/{id}");
}

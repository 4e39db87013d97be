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
public sealed class ProducerDesk(IDocuments documents)
{
    private const int BlockSize = 1_000;
    private const string NextKey = "producer-ids";

    private readonly SemaphoreSlim _gate = new(1);
    private readonly ConcurrentDictionary<long, short> _epochs = new();
    private long _next;
    private long _blockEnd;

    public async ValueTask<ProducerIdentity> Open(string? name)
    {
        if (name is not null && !NameRule.IsValid(name))
            throw new MqException(ErrorCodes.Malformed, $"A producer's name has 1 to {NameRule.MaxLength} of A-Z a-z 0-9 . _ -.");
        await _gate.WaitAsync();
        try
        {
            return name is null ? new ProducerIdentity(await NextId(), 0) : await OpenNamed(name);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Refuses an epoch older than the newest that was opened under the producer's name.</summary>
    public async ValueTask RefuseFenced(ProducerSequence? producer)
    {
        if (producer is not { } sequence)
            return;
        if (!_epochs.TryGetValue(sequence.Id, out var newest))
        {
            if (_epochs.Count >= 100_000)
                _epochs.Clear();
            newest = await documents.Get(IdKey(sequence.Id)) is { } document ? BinaryPrimitives.ReadInt16LittleEndian(document.Bytes.Span) : (short)-1;
            newest = _epochs.GetOrAdd(sequence.Id, newest);
        }

        if (sequence.Epoch < newest)
            throw new MqException(ErrorCodes.ProducerFenced, $"Producer {sequence.Id} was opened again at epoch {newest}; this is epoch {sequence.Epoch}.");
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
        _epochs[id] = epoch;
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

    private static string IdKey(long id) => string.Create(CultureInfo.InvariantCulture, $"producers/by-id/{id}");
}

using System.Text;
using OrleansMq.Core.Cursors;
using OrleansMq.Core.Filters;
using OrleansMq.Records;

namespace OrleansMq.Engine.Partitions;

/// <summary>Reads ahead what decides about messages' turns, for groups that deliver by key, by priority, fairly, or through a filter.</summary>
internal sealed class TraitReader
{
    private const int ChunkBytes = 1 << 20;

    /// <summary>So much is read at once; the next receive reads on. Nobody waits for gigabytes of large messages.</summary>
    public const long MaxBytes = 16 << 20;

    private readonly bool _byKey;
    private readonly bool _byPriority;
    private readonly FairBy? _fairBy;
    private readonly byte[]? _header;
    private readonly FilterEvaluation? _filter;

    public TraitReader(bool byKey, DeliveryOrder order, FilterEvaluation? filter)
    {
        (_byKey, _byPriority, _fairBy, _filter) = (byKey, order.ByPriority, order.FairBy, filter);
        _header = _fairBy?.HeaderName is { } name ? Encoding.UTF8.GetBytes(name) : null;
    }

    /// <summary>
    /// Traits of up to <paramref name="count"/> offsets from <paramref name="from"/> on, or of as many as <see cref="MaxBytes"/> hold; without a key where there is no message.
    /// </summary>
    public async ValueTask<MessageTraits[]> Read(PartitionEngine partition, long from, int count)
    {
        var traits = new MessageTraits[(int)Math.Min(count, Math.Max(0, partition.End - from))];
        Array.Fill(traits, new MessageTraits(0, 0, 1, Message.DefaultPriority));
        var (next, bytes) = (from, 0L);
        var chunk = _filter is null ? ChunkBytes : FilterLimits.ChunkBytes;
        while (next < from + traits.Length && bytes < MaxBytes)
        {
            using var read = await partition.ReadBatches(Math.Max(next, partition.Start), chunk);
            if (read.Batches.IsEmpty)
                break;
            foreach (var batch in new RecordBatchReader(read.Batches))
                if (!batch.IsControl)
                    foreach (var record in batch.Records())
                        if (record.Offset >= from && record.Offset < from + traits.Length)
                            traits[record.Offset - from] = TraitsOf(record);
            (next, bytes) = (read.NextOffset, bytes + read.Batches.Length);
            // Others have their turns between two chunks.
            if (_filter is not null && read.Batches.Length >= chunk / 2)
                await Task.Yield();
        }

        return bytes < MaxBytes ? traits : traits[..(int)Math.Min(traits.Length, next - from)];
    }

    private MessageTraits TraitsOf(in RecordView record)
    {
        var key = record.HasKey && (_byKey || _fairBy is { HeaderName: null }) ? KeyHash.Of(record.Key.Span) : 0;
        var share = _fairBy is null ? 0 : _header is null ? key : record.Headers.TryGetLast(_header, out var header) ? KeyHash.Of(header.Value.Span) : 0;
        var cost = _fairBy is null ? 1 : MessageTraits.CostOf(record.Size);
        var priority = _byPriority ? MessageCodec.PriorityOf(record) : Message.DefaultPriority;
        // What was delivered once stays the group's whatever the filter is now, and holds its key.
        return new MessageTraits(key, share, cost, priority, IsPassedOver: _filter is not null && !_filter.Matches(record));
    }
}

using System.Buffers;
using System.Collections.Immutable;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Transactions;

/// <summary>A transaction that was aborted in this partition.</summary>
/// <param name="First">The first offset that it wrote.</param>
/// <param name="Last">Its marker. What the producer wrote from the first up to here is void.</param>
public readonly record struct AbortedRange(long ProducerId, long First, long Last);

/// <summary>Which producers have a transaction open in one partition, and which were aborted as far as their messages are kept.</summary>
/// <remarks>
/// A transaction is opened here, in the log, before its first batch is taken. So the partition itself knows whether a batch belongs to a running transaction: one that
/// comes when its transaction is over is refused, and can't hold the last stable offset back for ever.
/// </remarks>
public sealed class PartitionTransactions
{
    private const byte FormatVersion = 1;

    /// <summary>No batch of the transaction came yet.</summary>
    private const long Nothing = -1;

    private readonly Dictionary<long, Open> _open = [];

    /// <summary>The least first offset of the open ones; <see cref="long.MaxValue"/> when none wrote anything.</summary>
    private long _leastFirst = long.MaxValue;

    /// <summary>In the order of their markers. Immutable, so that readers beside the turns may keep it.</summary>
    public ImmutableList<AbortedRange> Aborted { get; private set; } = [];

    public bool IsUnused => _open.Count == 0 && Aborted.IsEmpty;

    public int OpenCount => _open.Count;

    /// <summary>Where those readers stop that see only what is decided.</summary>
    public long StableEnd(long start, long end) => Math.Clamp(_leastFirst, start, end);

    /// <returns>Null: a batch of this producer is part of its open transaction. Else why it is refused.</returns>
    public MqError? Check(long producerId, short epoch) => !_open.TryGetValue(producerId, out var open) || open.Epoch < epoch
        ? new MqError(ErrorCodes.TransactionState, $"Producer {producerId} has no transaction open here at epoch {epoch}.")
        : open.Epoch > epoch
            ? new MqError(ErrorCodes.ProducerFenced, $"Producer {producerId} was opened again after epoch {epoch}.")
            : null;

    public bool IsOpen(long producerId, out short epoch)
    {
        var found = _open.TryGetValue(producerId, out var open);
        epoch = open.Epoch;
        return found;
    }

    /// <summary>Does nothing for a transaction that is open already: the coordinator may say it twice.</summary>
    public void ApplyBegun(long producerId, short epoch)
    {
        if (!_open.TryGetValue(producerId, out var open) || open.Epoch != epoch)
            _open[producerId] = new Open(epoch, Nothing);
    }

    public void ApplyAppended(long producerId, long offset)
    {
        if (!_open.TryGetValue(producerId, out var open) || open.First != Nothing)
            return;
        _open[producerId] = open with { First = offset };
        _leastFirst = Math.Min(_leastFirst, offset);
    }

    public void ApplyEnded(long producerId, long markerOffset, bool committed)
    {
        if (!_open.Remove(producerId, out var open) || open.First == Nothing)
            return;
        if (!committed)
            Aborted = Aborted.Add(new AbortedRange(producerId, open.First, markerOffset));
        if (open.First == _leastFirst)
            _leastFirst = LeastFirst();
    }

    /// <summary>What lies below the partition's start is asked for by nobody.</summary>
    public void ApplyStart(long start)
    {
        var gone = 0;
        while (gone < Aborted.Count && Aborted[gone].Last < start)
            gone++;
        if (gone > 0)
            Aborted = Aborted.RemoveRange(0, gone);
    }

    /// <summary>
    /// <code>
    /// version u8 = 1 | open: count u32, each: producer i64 | epoch i32 | first offset i64, -1 for none
    ///                | aborted, in the order of their markers: count u32, each: producer i64 | first i64 | last i64
    /// </code>
    /// </summary>
    public void Save(IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Byte(FormatVersion);
        writer.Count(_open.Count);
        foreach (var (id, open) in _open.OrderBy(pair => pair.Key))
        {
            writer.Int64(id);
            writer.Int32(open.Epoch);
            writer.Int64(open.First);
        }
        writer.Count(Aborted.Count);
        foreach (var aborted in Aborted)
        {
            writer.Int64(aborted.ProducerId);
            writer.Int64(aborted.First);
            writer.Int64(aborted.Last);
        }
    }

    /// <exception cref="StateFormatException">The bytes are not such a state.</exception>
    public static PartitionTransactions Load(ref StateReader reader)
    {
        reader.Version(FormatVersion, "table of transactions");
        var loaded = new PartitionTransactions();
        for (var left = reader.Count(20); left > 0; left--)
        {
            var (id, epoch, first) = (reader.Int64(), reader.Int32(), reader.Int64());
            StateReader.Check(id >= 0 && epoch is >= 0 and <= short.MaxValue && first >= Nothing && loaded._open.TryAdd(id, new Open((short)epoch, first)), "An open transaction is out of range.");
        }
        var aborted = ImmutableList.CreateBuilder<AbortedRange>();
        for (var left = reader.Count(24); left > 0; left--)
        {
            var range = new AbortedRange(reader.Int64(), reader.Int64(), reader.Int64());
            StateReader.Check(range is { ProducerId: >= 0, First: >= 0 } && range.Last > range.First && (aborted.Count == 0 || range.Last > aborted[^1].Last), "An aborted transaction is out of range.");
            aborted.Add(range);
        }
        loaded.Aborted = aborted.ToImmutable();
        loaded._leastFirst = loaded.LeastFirst();
        return loaded;
    }

    private long LeastFirst()
    {
        var least = long.MaxValue;
        foreach (var open in _open.Values)
            if (open.First != Nothing)
                least = Math.Min(least, open.First);
        return least;
    }

    private readonly record struct Open(short Epoch, long First);
}

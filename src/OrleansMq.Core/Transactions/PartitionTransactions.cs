using System.Buffers;
using System.Collections.Immutable;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Transactions;

/// <summary>A transaction that was aborted in this partition.</summary>
/// <param name="First">The first offset that it wrote.</param>
/// <param name="Last">Its marker. What the producer wrote from the first up to here is void.</param>
public readonly record struct AbortedRange(long ProducerId, long First, long Last);

/// <summary>A transaction that is open in a partition.</summary>
/// <param name="Key">The key of the transactional id that coordinates it. Empty: not known.</param>
/// <param name="Term">The version of the coordinator's document in which this partition became part of it. Decisions of older versions are about an earlier transaction.</param>
/// <param name="DueMs">When the coordinator is to be asked what became of it.</param>
public readonly record struct OpenTransaction(ProducerIdentity Producer, string Key, long Term, long DueMs);

/// <summary>Which producers have a transaction open in one partition, and which were aborted as far as their messages are kept.</summary>
/// <remarks>
/// A transaction is opened here, in the log, before its first batch is taken. So the partition itself knows whether a batch belongs to a running transaction: one that
/// comes when its transaction is over is refused, and can't hold the last stable offset back for ever.
/// </remarks>
public sealed class PartitionTransactions
{
    private const byte FormatVersion = 2;

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

    /// <param name="key">Of the transactional id that its sender named; null where it named none.</param>
    /// <returns>Null: a batch of this producer is part of its open transaction. Else why it is refused.</returns>
    public MqError? Check(long producerId, short epoch, string? key) => !_open.TryGetValue(producerId, out var open) || open.Epoch < epoch
        ? new MqError(ErrorCodes.TransactionState, $"Producer {producerId} has no transaction open here at epoch {epoch}.")
        : open.Epoch > epoch
            ? new MqError(ErrorCodes.ProducerFenced, $"Producer {producerId} was opened again after epoch {epoch}.")
            : key is not null && open.Key.Length > 0 && open.Key != key
                ? new MqError(ErrorCodes.TransactionState, $"Producer {producerId} has no transaction of this transactional id open here.")
                : null;

    public OpenTransaction? Find(long producerId) => _open.TryGetValue(producerId, out var open) ? open.Seen(producerId) : null;

    /// <summary>When the first of them is to be asked about; null: none.</summary>
    public long? NextDueMs { get; private set; }

    public IEnumerable<OpenTransaction> AllOpen => _open.Select(each => each.Value.Seen(each.Key));

    /// <summary>Those whose time is over.</summary>
    public IEnumerable<OpenTransaction> Overdue(long nowMs) =>
        _open.Where(each => each.Value.Key.Length > 0 && each.Value.DueMs <= nowMs).Select(each => each.Value.Seen(each.Key));

    /// <summary>For a transaction that is open already only the term may rise: the coordinator may say it twice.</summary>
    public void ApplyBegun(in OpenTransaction begun)
    {
        var isOpen = _open.TryGetValue(begun.Producer.Id, out var open) && open.Epoch == begun.Producer.Epoch;
        if (isOpen && begun.Term <= open.Term)
            return;
        _open[begun.Producer.Id] = new Open(begun.Producer.Epoch, isOpen ? open.First : Nothing, begun.Key, begun.Term, begun.DueMs);
        if (isOpen)
            NextDueMs = NextDue();
        else if (begun.Key.Length > 0 && !(NextDueMs <= begun.DueMs))
            NextDueMs = begun.DueMs;
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
        if (!_open.Remove(producerId, out var open))
            return;
        if (open.DueMs == NextDueMs)
            NextDueMs = NextDue();
        if (open.First == Nothing)
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
    /// version u8 = 2 | open: count u32, each: producer i64 | epoch i32 | first offset i64, -1 for none | term i64 | due i64 | key text
    ///                | aborted, in the order of their markers: count u32, each: producer i64 | first i64 | last i64
    /// </code>
    /// Version 1 has no term, due and key.
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
            writer.Int64(open.Term);
            writer.Int64(open.DueMs);
            writer.Text(open.Key);
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
        var version = reader.Version(1, FormatVersion, "table of transactions");
        var loaded = new PartitionTransactions();
        for (var left = reader.Count(20); left > 0; left--)
        {
            var (id, epoch, first) = (reader.Int64(), reader.Int32(), reader.Int64());
            var (term, due, key) = version == 1 ? (0, 0, "") : (reader.Int64(), reader.Int64(), reader.Text());
            StateReader.Check(
                id >= 0 && epoch is >= 0 and <= short.MaxValue && first >= Nothing && term >= 0 && due >= 0 && loaded._open.TryAdd(id, new Open((short)epoch, first, key, term, due)),
                "An open transaction is out of range.");
        }
        var aborted = ImmutableList.CreateBuilder<AbortedRange>();
        for (var left = reader.Count(24); left > 0; left--)
        {
            var range = new AbortedRange(reader.Int64(), reader.Int64(), reader.Int64());
            StateReader.Check(range is { ProducerId: >= 0, First: >= 0 } && range.Last > range.First && (aborted.Count == 0 || range.Last > aborted[^1].Last), "An aborted transaction is out of range.");
            aborted.Add(range);
        }
        loaded.Aborted = aborted.ToImmutable();
        (loaded._leastFirst, loaded.NextDueMs) = (loaded.LeastFirst(), loaded.NextDue());
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

    private long? NextDue()
    {
        long? next = null;
        foreach (var open in _open.Values)
            if (open.Key.Length > 0 && !(open.DueMs >= next))
                next = open.DueMs;
        return next;
    }

    private readonly record struct Open(short Epoch, long First, string Key, long Term, long DueMs)
    {
        public OpenTransaction Seen(long producerId) => new(new ProducerIdentity(producerId, Epoch), Key, Term, DueMs);
    }
}

using System.Buffers;
using System.Runtime.CompilerServices;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Dedup;

/// <summary>
/// The last batches of each producer on one partition, so that a resend is recognised and a missing batch is noticed (Kafka's rules:
/// five batches, sequences modulo 2^31, a new epoch begins at 0).
/// </summary>
/// <remarks>
/// Bounded by number and age: the producers least recently seen are forgotten, and may then begin anywhere. One that was never here begins at 0, so that its
/// second batch can't be stored before its first. Ids are given in rising order, so one number tells the two apart (docs/decisions/0011).
/// </remarks>
public sealed class ProducerTable
{
    /// <summary>Kafka's five: as many requests as its clients have in flight.</summary>
    public const int RememberedBatches = 5;

    /// <summary>About 30 MB.</summary>
    public const int DefaultMaxProducers = 100_000;

    /// <summary>7 days.</summary>
    public const long DefaultMaxAgeMs = 7L * 24 * 60 * 60 * 1000;

    private const byte FormatVersion = 2;

    /// <summary>Its tables did not say who was forgotten.</summary>
    private const byte FirstVersion = 1;

    private readonly int maxProducers;
    private readonly long maxAgeMs;
    private readonly Dictionary<long, LinkedListNode<Producer>> producers = [];

    /// <summary>Least recently seen first.</summary>
    private readonly LinkedList<Producer> bySeen = new();

    /// <summary>The greatest id that was ever forgotten; -1 when none was. Never falls.</summary>
    private long forgottenUpTo = -1;

    public ProducerTable(int maxProducers = DefaultMaxProducers, long maxAgeMs = DefaultMaxAgeMs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxProducers, 1);
        (this.maxProducers, this.maxAgeMs) = (maxProducers, maxAgeMs);
    }

    public int Count => producers.Count;

    /// <summary>What to do with a batch.</summary>
    /// <param name="count">Its records as sent.</param>
    /// <param name="stored">Duplicate: the batch it repeats.</param>
    public SequenceDecision Decide(ProducerSequence sequence, int count, out ProducerBatch stored)
    {
        stored = default;
        if (!producers.TryGetValue(sequence.Id, out var node))
            return sequence.Sequence == 0 || sequence.Id <= forgottenUpTo ? SequenceDecision.New : SequenceDecision.Unknown;
        var producer = node.Value;
        if (sequence.Epoch < producer.Epoch)
            return SequenceDecision.Fenced;
        if (sequence.Epoch > producer.Epoch)
            return sequence.Sequence == 0 ? SequenceDecision.New : SequenceDecision.Gap;
        foreach (ref readonly var batch in producer.Remembered)
            if (batch.Sequence == sequence.Sequence && batch.Count == count)
            {
                stored = batch;
                return SequenceDecision.Duplicate;
            }
        return Distance(producer.Next, sequence.Sequence) switch
        {
            0 => SequenceDecision.New,
            > 0 => SequenceDecision.Gap,
            _ => SequenceDecision.Old,
        };
    }

    /// <summary>A batch was stored. It is a fact of the log: nothing is checked here.</summary>
    public void Apply(ProducerSequence sequence, int count, long baseOffset, int storedCount, long atMs)
    {
        if (producers.TryGetValue(sequence.Id, out var node))
            bySeen.Remove(node);
        else
            producers.Add(sequence.Id, node = new LinkedListNode<Producer>(new Producer { Id = sequence.Id, Epoch = sequence.Epoch }));
        bySeen.AddLast(node);
        node.Value.Add(sequence.Epoch, new ProducerBatch(sequence.Sequence, count, baseOffset, storedCount), atMs);
        if (producers.Count > maxProducers)
            Forget(bySeen.First!);
    }

    /// <summary>After an unclean end the log is shorter: what was stored from <paramref name="laneEnd"/> on is not remembered.</summary>
    public void ClampTo(long laneEnd)
    {
        for (var node = bySeen.First; node is not null;)
        {
            var next = node.Next;
            if (!node.Value.CutAt(laneEnd))
                Forget(node);
            node = next;
        }
    }

    /// <summary>Forgets producers not seen for the longest age. Follows from the clock and is not logged.</summary>
    /// <returns>How many.</returns>
    public int Expire(long nowMs)
    {
        var before = producers.Count;
        while (bySeen.First is { } oldest && oldest.Value.SeenMs <= nowMs - maxAgeMs)
            Forget(oldest);
        return before - producers.Count;
    }

    /// <summary>
    /// <code>
    /// version u8 = 2 | forgotten up to i64 (not in version 1: anybody may have been forgotten) | producers, least recently seen first: count u32, each:
    ///   id i64 | epoch i32 | seen i64 | batches, oldest first: count u32, each: sequence i32 | count i32 | base offset i64 | stored i32
    /// </code>
    /// </summary>
    public void Save(IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Byte(FormatVersion);
        writer.Int64(forgottenUpTo);
        writer.Count(producers.Count);
        foreach (var producer in bySeen)
        {
            writer.Int64(producer.Id);
            writer.Int32(producer.Epoch);
            writer.Int64(producer.SeenMs);
            writer.Count(producer.Remembered.Length);
            foreach (ref readonly var batch in producer.Remembered)
            {
                writer.Int32(batch.Sequence);
                writer.Int32(batch.Count);
                writer.Int64(batch.BaseOffset);
                writer.Int32(batch.Stored);
            }
        }
    }

    /// <exception cref="StateFormatException">The bytes are not such a table.</exception>
    public static ProducerTable Load(ref StateReader reader, int maxProducers = DefaultMaxProducers, long maxAgeMs = DefaultMaxAgeMs)
    {
        var version = reader.Version(FirstVersion, FormatVersion, "table of producers");
        var table = new ProducerTable(maxProducers, maxAgeMs) { forgottenUpTo = version == FirstVersion ? long.MaxValue : reader.Int64() };
        StateReader.Check(table.forgottenUpTo >= -1, "The greatest id forgotten is below -1.");
        for (var n = reader.Count(24); n > 0; n--)
        {
            var (id, epoch, seenMs) = (reader.Int64(), reader.Int32(), reader.Int64());
            var batches = reader.Count(20);
            StateReader.Check(epoch is >= short.MinValue and <= short.MaxValue && batches is > 0 and <= RememberedBatches && !table.producers.ContainsKey(id), "A producer in the table is out of range.");
            for (; batches > 0; batches--)
            {
                var batch = new ProducerBatch(reader.Int32(), reader.Int32(), reader.Int64(), reader.Int32());
                StateReader.Check(batch is { Sequence: >= 0, Count: > 0, Stored: >= 0 }, "A producer's batch is out of range.");
                table.Apply(new ProducerSequence(id, (short)epoch, batch.Sequence), batch.Count, batch.BaseOffset, batch.Stored, seenMs);
            }
        }
        return table;
    }

    /// <summary>From <paramref name="from"/> forward to <paramref name="to"/> on the circle of 2^31, or backward (negative) where that is shorter.</summary>
    private static int Distance(int from, int to)
    {
        var forward = (to - from) & int.MaxValue;
        return forward < 1 << 30 ? forward : forward - int.MaxValue - 1;
    }

    private void Forget(LinkedListNode<Producer> node)
    {
        producers.Remove(node.Value.Id);
        bySeen.Remove(node);
        forgottenUpTo = Math.Max(forgottenUpTo, node.Value.Id);
    }

    [InlineArray(RememberedBatches)]
    private struct Batches
    {
        private ProducerBatch first;
    }

    private sealed class Producer
    {
        private Batches batches;
        private int count;

        public required long Id { get; init; }
        public required short Epoch { get; set; }
        public long SeenMs { get; private set; }

        /// <summary>Of the current epoch, oldest first; never empty once applied.</summary>
        public ReadOnlySpan<ProducerBatch> Remembered => ((ReadOnlySpan<ProducerBatch>)batches)[..count];

        /// <summary>The sequence that comes next: after the greatest comes 0.</summary>
        public int Next => (batches[count - 1].Sequence + batches[count - 1].Count) & int.MaxValue;

        public void Add(short epoch, ProducerBatch batch, long atMs)
        {
            if (epoch != Epoch)
                (Epoch, count) = (epoch, 0);
            if (count == RememberedBatches)
            {
                ((Span<ProducerBatch>)batches)[1..].CopyTo(batches);
                count--;
            }
            batches[count++] = batch;
            SeenMs = atMs;
        }

        /// <returns>Whether any batch is left.</returns>
        public bool CutAt(long laneEnd)
        {
            while (count > 0 && batches[count - 1].BaseOffset >= laneEnd)
                count--;
            return count > 0;
        }
    }
}

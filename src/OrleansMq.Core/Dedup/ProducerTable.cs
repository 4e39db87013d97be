using System.Buffers;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Dedup;

/// <summary>What a batch's place in its producer's order says about it.</summary>
public enum SequenceDecision
{
    New = 0,

    /// <summary>Stored already; the answer is in the entry.</summary>
    Duplicate = 1,

    /// <summary><see cref="ErrorCodes.SequenceOld"/>.</summary>
    Old = 2,

    /// <summary><see cref="ErrorCodes.SequenceGap"/>.</summary>
    Gap = 3,

    /// <summary><see cref="ErrorCodes.ProducerFenced"/>.</summary>
    Fenced = 4,
}

/// <summary>A batch as it was stored.</summary>
/// <param name="Sequence">Of its first record.</param>
/// <param name="Count">Records as sent.</param>
/// <param name="BaseOffset">Of what was stored.</param>
/// <param name="Stored">Records stored, without those that were duplicates by their token.</param>
public readonly record struct ProducerBatch(int Sequence, int Count, long BaseOffset, int Stored);

public sealed class ProducerTable
{
    public const int RememberedBatches = 5;
    public const int DefaultMaxProducers = 100_000;
    public const long DefaultMaxAgeMs = 7L * 24 * 60 * 60 * 1000;
    public ProducerTable(int maxProducers = DefaultMaxProducers, long maxAgeMs = DefaultMaxAgeMs) => throw new NotImplementedException();
    public int Count => throw new NotImplementedException();
    public SequenceDecision Decide(ProducerSequence sequence, int count, out ProducerBatch stored) => throw new NotImplementedException();
    public void Apply(ProducerSequence sequence, int count, long baseOffset, int storedCount, long atMs) => throw new NotImplementedException();
    public int Expire(long nowMs) => throw new NotImplementedException();
    public void Save(IBufferWriter<byte> output) => throw new NotImplementedException();
    public static ProducerTable Load(ref StateReader reader, int maxProducers = DefaultMaxProducers, long maxAgeMs = DefaultMaxAgeMs) => throw new NotImplementedException();
}

namespace OrleansMq.Core.Dedup;

/// <summary>What a batch's place in its producer's order says about it.</summary>
public enum SequenceDecision
{
    New = 0,

    /// <summary>Stored already; the answer is in the batch that was.</summary>
    Duplicate = 1,

    /// <summary>Behind what is remembered, or across what was stored: <see cref="ErrorCodes.SequenceOld"/>.</summary>
    Old = 2,

    /// <summary>A batch before it is missing, or a new epoch that does not begin at 0: <see cref="ErrorCodes.SequenceGap"/>.</summary>
    Gap = 3,

    /// <summary>Of an older epoch: <see cref="ErrorCodes.ProducerFenced"/>.</summary>
    Fenced = 4,

    /// <summary>Nothing of this producer was ever stored here, and it does not begin at 0: <see cref="ErrorCodes.ProducerUnknown"/>.</summary>
    Unknown = 5,
}

/// <summary>A batch as it was stored.</summary>
/// <param name="Sequence">Of its first record.</param>
/// <param name="Count">Records as sent.</param>
/// <param name="BaseOffset">Of what was stored.</param>
/// <param name="Stored">Records stored: without those that were duplicates by their token.</param>
public readonly record struct ProducerBatch(int Sequence, int Count, long BaseOffset, int Stored);

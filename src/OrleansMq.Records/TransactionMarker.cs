using System.Buffers.Binary;

namespace OrleansMq.Records;

/// <summary>How a transaction ended. Kafka's numbers.</summary>
public enum TransactionOutcome
{
    Abort = 0,
    Commit = 1,
}

/// <summary>The one record of a control batch: it ends its producer's open transaction in this partition.</summary>
/// <remarks>
/// <code>
/// key:   version i16 = 0 | outcome i16        value: version i16 = 0 | coordinator epoch i32
/// </code>
/// Later versions may add to the end of both, so reading asks for these bytes at the least.
/// </remarks>
/// <param name="Outcome">What becomes of the transaction.</param>
/// <param name="CoordinatorEpoch">Of the coordinator that decided it: an older one's markers are refused.</param>
public readonly record struct TransactionMarker(TransactionOutcome Outcome, int CoordinatorEpoch)
{
    private const int KeySize = 4;
    private const int ValueSize = 6;

    /// <summary>Makes the builder's batch this marker. The builder is empty before, and a control batch after.</summary>
    /// <exception cref="InvalidOperationException">The builder has records: a marker has its batch for itself.</exception>
    public void AppendTo(RecordBatchBuilder builder, long timestampMs)
    {
        if (builder.Count != 0)
            throw new InvalidOperationException($"A transaction marker has its batch for itself; this one has {builder.Count} records.");

        Span<byte> key = stackalloc byte[KeySize];
        BinaryPrimitives.WriteInt16BigEndian(key, 0);
        BinaryPrimitives.WriteInt16BigEndian(key[2..], (short)Outcome);
        Span<byte> value = stackalloc byte[ValueSize];
        BinaryPrimitives.WriteInt16BigEndian(value, 0);
        BinaryPrimitives.WriteInt32BigEndian(value[2..], CoordinatorEpoch);
        builder.Append(timestampMs, key, true, value, true);
        builder.IsControl = builder.IsTransactional = true;
    }

    /// <returns>False if a control batch's record is not a transaction's marker; others are passed over, as Kafka's clients do.</returns>
    public static bool TryRead(in RecordView record, out TransactionMarker marker)
    {
        ReadOnlySpan<byte> key = record.Key.Span, value = record.Value.Span;
        marker = default;
        if (key.Length < KeySize || value.Length < ValueSize)
            return false;
        marker = new((TransactionOutcome)BinaryPrimitives.ReadInt16BigEndian(key[2..]), BinaryPrimitives.ReadInt32BigEndian(value[2..]));
        return marker.Outcome is TransactionOutcome.Abort or TransactionOutcome.Commit;
    }
}

namespace OrleansMq.Records;

/// <summary>Walks the batches that stand one after the other in some bytes: a fetch's answer, a segment. For <c>foreach</c> or by hand.</summary>
/// <remarks>Frames only: who needs more asks each batch to <see cref="RecordBatch.Check"/> itself.</remarks>
public struct RecordBatchReader(ReadOnlyMemory<byte> bytes)
{
    private readonly ReadOnlyMemory<byte> _bytes = bytes;

    public RecordBatch Current { get; private set; }

    /// <summary>Bytes of the batches read so far: where the next one begins, and after the walk where a torn tail does.</summary>
    public int Consumed { get; private set; }

    /// <summary>After the walk: Done if it came to the end, else what stands at <see cref="Consumed"/>.</summary>
    public BatchReadStatus Status { get; private set; }

    public readonly RecordBatchReader GetEnumerator() => this;

    /// <returns>False at the end and wherever no whole batch follows; <see cref="Status"/> tells which.</returns>
    public bool MoveNext()
    {
        if (Consumed == _bytes.Length)
            return false;
        Status = RecordBatch.TryRead(_bytes[Consumed..], out RecordBatch batch);
        Current = batch;
        Consumed += batch.Length;
        return Status == BatchReadStatus.Done;
    }
}

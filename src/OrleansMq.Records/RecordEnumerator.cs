namespace OrleansMq.Records;

/// <summary>Walks the records of an uncompressed batch in order, for <c>foreach</c>. Allocates nothing.</summary>
/// <remarks>It believes nothing: each step is bounded by the batch, and damage is a <see cref="MalformedBatchException"/>.</remarks>
public struct RecordEnumerator
{
    private readonly RecordBatch _batch;
    private readonly long _baseOffset;
    private readonly int _count;

    // Where the next record begins, within the batch.
    private int _at;
    private int _read;

    internal RecordEnumerator(RecordBatch uncompressed)
    {
        _batch = uncompressed;
        _baseOffset = uncompressed.BaseOffset;
        _count = uncompressed.Count;
        _at = RecordBatch.HeaderSize;
        if (_count < 0)
            throw new MalformedBatchException(BatchFault.Count, $"The batch at offset {_baseOffset} says it has {_count} records.");
    }

    public RecordView Current { get; private set; }

    public readonly RecordEnumerator GetEnumerator() => this;

    /// <exception cref="MalformedBatchException">The next record is damaged, or bytes are left after the last one.</exception>
    public bool MoveNext()
    {
        ReadOnlyMemory<byte> bytes = _batch.Memory[_at..];
        if (_read == _count)
            return bytes.IsEmpty ? false : throw Damaged("bytes are left after the last record");
        if (!RecordLayout.TryRead(bytes.Span, out RecordLayout record))
            throw Damaged("a length runs out of its bounds");
        if (record.OffsetDelta > _batch.LastOffsetDelta)
            throw Damaged("its offset is beyond the batch's last");

        Current = new RecordView(bytes[..record.End], record, _baseOffset + record.OffsetDelta, TimestampOf(record));
        _at += record.End;
        _read++;
        return true;
    }

    private readonly long TimestampOf(in RecordLayout record) =>
        _batch.IsAppendTime ? _batch.MaxTimestamp : unchecked(_batch.BaseTimestamp + record.TimestampDelta);

    private readonly MalformedBatchException Damaged(string how) =>
        new(BatchFault.Records, $"Record {_read} of {_count} in the batch at offset {_baseOffset} is damaged at byte {_at}: {how}.");
}

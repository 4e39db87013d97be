namespace OrleansMq.Records;

public readonly partial struct RecordBatch
{
    /// <summary>Walks the records; allocates nothing unless they are compressed.</summary>
    /// <param name="maxDecompressedBytes">How far compressed records may inflate.</param>
    /// <returns>To be used with <c>foreach</c>. What it yields points into <see cref="Memory"/>, or into the inflated copy.</returns>
    /// <exception cref="MalformedBatchException">They do not inflate, or to more than that. Damage to a record is thrown when the walk
    /// comes to it, damage to a header when its record's headers are walked; nothing is ever read outside the batch.</exception>
    /// <exception cref="CodecUnavailableException">A codec that this build cannot open.</exception>
    public RecordEnumerator Records(int maxDecompressedBytes = DefaultMaxDecompressedBytes) => new(Decompress(maxDecompressedBytes));

    /// <summary>Walks every record and header, and holds each length against the bytes that are left.</summary>
    /// <remarks>
    /// A compressed batch is inflated for this and the result dropped. Who needs the records afterwards calls <see cref="Decompress"/>
    /// first and validates what it returns.
    /// </remarks>
    /// <param name="maxDecompressedBytes">How far compressed records may inflate.</param>
    /// <param name="fault">None, Codec, TooLarge, Count or Records.</param>
    /// <param name="shape">Whether the offset deltas must be 0 to count - 1, or need only rise.</param>
    /// <returns>Whether all is well.</returns>
    public bool TryValidateRecords(int maxDecompressedBytes, out BatchFault fault, BatchShape shape = BatchShape.Dense)
    {
        fault = RecordInflation.TryInflate(this, maxDecompressedBytes, out RecordBatch plain);
        if (fault == BatchFault.None)
            fault = plain.CountFits(shape) ? plain.WalkRecords(shape) : BatchFault.Count;
        return fault == BatchFault.None;
    }

    /// <summary>The same batch without compression: itself if it has none, else a copy with length and CRC made anew.</summary>
    /// <param name="maxBytes">How many bytes the records may inflate to, header not counted. At no time is more allocated than about twice that.</param>
    /// <exception cref="MalformedBatchException">The records do not inflate, or to more than <paramref name="maxBytes"/>.</exception>
    /// <exception cref="CodecUnavailableException">A codec that this build cannot open.</exception>
    public RecordBatch Decompress(int maxBytes) => RecordInflation.TryInflate(this, maxBytes, out RecordBatch plain) switch
    {
        BatchFault.None => plain,
        BatchFault.Codec => throw new CodecUnavailableException(Codec),
        BatchFault.TooLarge => throw new MalformedBatchException(
            BatchFault.TooLarge, $"The records of the batch at offset {BaseOffset} inflate to more than the {maxBytes} bytes allowed."),
        BatchFault fault => throw new MalformedBatchException(fault, $"The records of the batch at offset {BaseOffset} do not inflate ({fault})."),
    };

    private BatchFault WalkRecords(BatchShape shape)
    {
        ReadOnlySpan<byte> left = _bytes.Span[HeaderSize..];
        int previous = -1;
        for (int index = 0; index < Count; index++)
        {
            if (!RecordLayout.TryRead(left, out RecordLayout record) || !RecordLayout.HeadersAreSound(left[record.Headers..record.End], record.HeaderCount))
                return BatchFault.Records;
            bool inOrder = shape == BatchShape.Dense ? record.OffsetDelta == index : record.OffsetDelta > previous && record.OffsetDelta <= LastOffsetDelta;
            if (!inOrder)
                return BatchFault.Records;
            previous = record.OffsetDelta;
            left = left[record.End..];
        }

        return left.IsEmpty ? BatchFault.None : BatchFault.Records;
    }
}

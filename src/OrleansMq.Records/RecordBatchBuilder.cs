using static System.Buffers.Binary.BinaryPrimitives;

namespace OrleansMq.Records;

/// <summary>Writes records one after the other into a batch. One owner, not thread-safe; made once and reused with <see cref="Reset"/>.</summary>
/// <remarks>Allocates only when its buffer grows (by doubling, never shrinking): nothing for each message once it has its size.</remarks>
public sealed class RecordBatchBuilder
{
    // Kafka's RecordBatch.NO_TIMESTAMP.
    private const long NoTimestamp = -1;

    // Header space, then the records so far. The header is written by Build.
    private byte[] _buffer;

    // Where the next record goes; HeaderSize while there is none.
    private int _end = RecordBatch.HeaderSize;

    // Timestamp of the first record, which the others' deltas count from; NoTimestamp while there is none.
    private long _baseTimestamp = NoTimestamp;
    private long _maxTimestamp = NoTimestamp;

    // Of the last record, or of a later one that is gone; -1 while there is neither.
    private int _lastOffsetDelta = -1;

    /// <param name="initialCapacity">Bytes to begin with; at least a header's are taken.</param>
    public RecordBatchBuilder(int initialCapacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(initialCapacity);
        _buffer = new byte[Math.Max(initialCapacity, RecordBatch.HeaderSize)];
    }

    /// <summary>Records so far.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes that the batch would have if it were built now, header included.</summary>
    public int ByteCount => _end;

    /// <summary>Set before <see cref="Build"/>; <see cref="Reset"/> clears it.</summary>
    public bool IsTransactional { get; set; }

    /// <summary>The record is a transaction's marker. Set before <see cref="Build"/>; <see cref="Reset"/> clears it.</summary>
    public bool IsControl { get; set; }

    /// <summary>Begins a new batch in the same buffer. Memory from an earlier <see cref="Build"/> is no longer good.</summary>
    public void Reset()
    {
        _end = RecordBatch.HeaderSize;
        _baseTimestamp = _maxTimestamp = NoTimestamp;
        _lastOffsetDelta = -1;
        Count = 0;
        IsTransactional = IsControl = false;
    }

    /// <summary>Adds a record without headers.</summary>
    /// <inheritdoc cref="Append(long, ReadOnlySpan{byte}, bool, ReadOnlySpan{byte}, bool, ReadOnlySpan{RecordHeader})"/>
    public void Append(long timestampMs, ReadOnlySpan<byte> key, bool hasKey, ReadOnlySpan<byte> value, bool hasValue) =>
        Append(timestampMs, key, hasKey, value, hasValue, default);

    /// <summary>Adds a record at the next offset. Everything is copied.</summary>
    /// <param name="timestampMs">Unix milliseconds.</param>
    /// <param name="key">Not looked at unless <paramref name="hasKey"/>.</param>
    /// <param name="hasKey">False: the key is null.</param>
    /// <param name="value">Not looked at unless <paramref name="hasValue"/>.</param>
    /// <param name="hasValue">False: the value is null.</param>
    /// <param name="headers">In the order to be written.</param>
    /// <exception cref="InvalidOperationException">The batch would pass what an array holds, about 2 GiB. It is as it was before.</exception>
    public void Append(
        long timestampMs, ReadOnlySpan<byte> key, bool hasKey, ReadOnlySpan<byte> value, bool hasValue, ReadOnlySpan<RecordHeader> headers)
    {
        long headerBytes = 0;
        foreach (ref readonly RecordHeader header in headers)
            headerBytes += BlockSize(header.KeyUtf8.Length, true) + BlockSize(header.Value.Length, !header.IsNull);

        int offsetDelta = checked(_lastOffsetDelta + 1);
        int at = BeginRecord(offsetDelta, timestampMs, key, hasKey, value, hasValue, headers.Length, headerBytes);
        foreach (ref readonly RecordHeader header in headers)
        {
            at = WriteBlock(at, header.KeyUtf8.Span, true);
            at = WriteBlock(at, header.Value.Span, !header.IsNull);
        }

        EndRecord(at, offsetDelta, timestampMs);
    }

    /// <summary>Adds a copy of a record at the next offset: key, value, headers and timestamp are kept, its old offset is not. Append time becomes the record's own.</summary>
    /// <exception cref="InvalidOperationException">As for the other <c>Append</c>.</exception>
    public void Append(in RecordView record) => AppendAt(checked(_lastOffsetDelta + 1), record);

    /// <summary>Adds a copy of a record at an offset of the caller's choice beyond the last one: for compaction, which leaves gaps.</summary>
    /// <param name="offsetDelta">Less the base offset; more than that of the record before.</param>
    /// <param name="record">May not point into this builder's own buffer.</param>
    /// <exception cref="ArgumentOutOfRangeException">The offset does not rise.</exception>
    /// <exception cref="InvalidOperationException">As for <c>Append</c>.</exception>
    public void AppendAt(int offsetDelta, in RecordView record)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(offsetDelta, _lastOffsetDelta);
        ReadOnlySpan<byte> headers = record.Headers.Encoded;
        int at = BeginRecord(
            offsetDelta, record.Timestamp, record.Key.Span, record.HasKey, record.Value.Span, record.HasValue, record.Headers.Count, headers.Length);
        headers.CopyTo(_buffer.AsSpan(at));
        EndRecord(at + headers.Length, offsetDelta, record.Timestamp);
    }

    /// <summary>Lets the batch reach to an offset whose record is gone, so that compaction keeps the offsets and sequences it was produced with.</summary>
    /// <param name="lastOffsetDelta">Of the batch before compaction. Nothing happens if a record stands there or beyond.</param>
    public void ExtendTo(int lastOffsetDelta) => _lastOffsetDelta = Math.Max(_lastOffsetDelta, lastOffsetDelta);

    /// <summary>Finishes the batch. May be called again, with more records or other arguments, and then rewrites the same memory.</summary>
    /// <param name="baseOffset">0 from a producer; the partition places the batch later.</param>
    /// <param name="leaderEpoch">As for <paramref name="baseOffset"/>.</param>
    /// <param name="producerId">-1: no idempotence, as with the two that follow.</param>
    /// <param name="producerEpoch">Fences older incarnations of the producer.</param>
    /// <param name="baseSequence">Sequence of the first record.</param>
    /// <returns>The builder's own memory, good until the next <c>Append</c>, <see cref="Reset"/> or <see cref="Build"/>.</returns>
    /// <exception cref="InvalidOperationException">There is no record, and <see cref="ExtendTo"/> names none that is gone.</exception>
    public ReadOnlyMemory<byte> Build(
        long baseOffset = 0, int leaderEpoch = 0, long producerId = -1, short producerEpoch = -1, int baseSequence = -1)
    {
        if (_lastOffsetDelta < 0)
            throw new InvalidOperationException("A record batch has at least one record; append one before it is built.");

        Span<byte> batch = _buffer.AsSpan(0, _end);
        RecordBatch.Place(batch, baseOffset, leaderEpoch);
        WriteInt32BigEndian(batch[BatchLayout.BatchLength..], _end - BatchLayout.LengthFrom);
        batch[BatchLayout.Magic] = BatchLayout.CurrentMagic;
        WriteInt16BigEndian(batch[BatchLayout.Attributes..], Attributes());
        WriteInt32BigEndian(batch[BatchLayout.LastOffsetDelta..], _lastOffsetDelta);
        WriteInt64BigEndian(batch[BatchLayout.BaseTimestamp..], _baseTimestamp);
        WriteInt64BigEndian(batch[BatchLayout.MaxTimestamp..], _maxTimestamp);
        WriteInt32BigEndian(batch[BatchLayout.Count..], Count);
        RecordBatch.Stamp(batch, producerId, producerEpoch, baseSequence);
        return _buffer.AsMemory(0, _end);
    }

    /// <summary>As <see cref="Build"/>, but a copy of the caller's own.</summary>
    /// <inheritdoc cref="Build"/>
    public byte[] ToArray(long baseOffset = 0, int leaderEpoch = 0, long producerId = -1, short producerEpoch = -1, int baseSequence = -1) =>
        Build(baseOffset, leaderEpoch, producerId, producerEpoch, baseSequence).ToArray();

    private short Attributes() => (short)((IsTransactional ? BatchLayout.TransactionalBit : 0) | (IsControl ? BatchLayout.ControlBit : 0));

    /// <summary>Writes a record up to where its headers go, with room for them; nothing counts until <see cref="EndRecord"/>.</summary>
    private int BeginRecord(
        int offsetDelta, long timestampMs, ReadOnlySpan<byte> key, bool hasKey, ReadOnlySpan<byte> value, bool hasValue, int headerCount, long headerBytes)
    {
        long timestampDelta = Count == 0 ? 0 : unchecked(timestampMs - _baseTimestamp);
        long length = 1 + Varint.Size(timestampDelta) + Varint.Size(offsetDelta) + BlockSize(key.Length, hasKey) + BlockSize(value.Length, hasValue)
            + Varint.Size(headerCount) + headerBytes;
        Reserve(Varint.Size(length) + length);

        Span<byte> buffer = _buffer;
        int at = _end;
        at += Varint.Write(buffer[at..], (int)length);
        buffer[at++] = 0;
        at += Varint.Write(buffer[at..], timestampDelta);
        at += Varint.Write(buffer[at..], offsetDelta);
        at = WriteBlock(at, key, hasKey);
        at = WriteBlock(at, value, hasValue);
        return at + Varint.Write(buffer[at..], headerCount);
    }

    private void EndRecord(int end, int offsetDelta, long timestampMs)
    {
        _baseTimestamp = Count == 0 ? timestampMs : _baseTimestamp;
        _maxTimestamp = Count == 0 ? timestampMs : Math.Max(_maxTimestamp, timestampMs);
        _lastOffsetDelta = offsetDelta;
        _end = end;
        Count++;
    }

    private static long BlockSize(int length, bool present) => present ? Varint.Size(length) + (long)length : Varint.Size(-1);

    private int WriteBlock(int at, ReadOnlySpan<byte> block, bool present)
    {
        Span<byte> buffer = _buffer;
        at += Varint.Write(buffer[at..], present ? block.Length : -1);
        if (!present)
            return at;
        block.CopyTo(buffer[at..]);
        return at + block.Length;
    }

    private void Reserve(long more)
    {
        long needed = _end + more;
        if (needed <= _buffer.Length)
            return;
        if (needed > Array.MaxLength)
            throw new InvalidOperationException($"A record batch of {needed} bytes is more than an array holds; build it before it grows so far.");
        Array.Resize(ref _buffer, (int)Math.Min(Array.MaxLength, Math.Max(needed, 2L * _buffer.Length)));
    }
}

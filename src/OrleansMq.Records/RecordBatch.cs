using static System.Buffers.Binary.BinaryPrimitives;

namespace OrleansMq.Records;

/// <summary>Exactly one Kafka record batch (magic 2): a view of its bytes, which is how it travels, waits and is stored.</summary>
/// <remarks>
/// The view owns nothing: it is good as long as its <see cref="Memory"/> is. A batch from <see cref="TryRead"/> has a sound length and
/// nothing else is yet believed; <see cref="Check"/> vouches for header and CRC, <see cref="TryValidateRecords"/> for the inside.
/// <c>default</c> is no batch: only <see cref="Memory"/>, <see cref="Length"/> and <see cref="Check"/> may be asked of it.
/// The layout is drawn at <c>BatchLayout</c>.
/// </remarks>
public readonly partial struct RecordBatch
{
    /// <summary>Bytes before the records, and so the least that a batch has.</summary>
    public const int HeaderSize = BatchLayout.Records;

    /// <summary>What <see cref="Records"/> inflates at most where nothing else is said: 64 MiB, 64 times Kafka's default for a batch.</summary>
    public const int DefaultMaxDecompressedBytes = 64 << 20;

    private readonly ReadOnlyMemory<byte> _bytes;

    private RecordBatch(ReadOnlyMemory<byte> bytes) => _bytes = bytes;

    /// <summary>The batch's bytes, no more and no less.</summary>
    public ReadOnlyMemory<byte> Memory => _bytes;

    /// <summary>All bytes of the batch, header included. (The length field on the wire is 12 less.)</summary>
    public int Length => _bytes.Length;

    /// <summary>Offset of the first record. What a producer sends is relative (0); the partition sets it with <see cref="Place"/>.</summary>
    public long BaseOffset => ReadInt64BigEndian(At(BatchLayout.BaseOffset));

    /// <summary>Epoch of the writer that placed the batch, -1 or 0 before that.</summary>
    public int PartitionLeaderEpoch => ReadInt32BigEndian(At(BatchLayout.PartitionLeaderEpoch));

    public byte Magic => At(BatchLayout.Magic)[0];

    /// <summary>The CRC32C that the batch carries, of everything from the attributes on.</summary>
    public uint Crc => ReadUInt32BigEndian(At(BatchLayout.Crc));

    public short Attributes => ReadInt16BigEndian(At(BatchLayout.Attributes));

    /// <summary>May be a number beyond the named ones until <see cref="Check"/> has passed.</summary>
    public CompressionCodec Codec => (CompressionCodec)(Attributes & BatchLayout.CodecMask);

    /// <summary>Every record's timestamp is then <see cref="MaxTimestamp"/>, set by a broker; otherwise each has its producer's.</summary>
    public bool IsAppendTime => (Attributes & BatchLayout.AppendTimeBit) != 0;

    public bool IsTransactional => (Attributes & BatchLayout.TransactionalBit) != 0;

    /// <summary>Holds a transaction's marker, not messages.</summary>
    public bool IsControl => (Attributes & BatchLayout.ControlBit) != 0;

    /// <summary>Offset of the last record as produced, less <see cref="BaseOffset"/>. Compaction leaves it.</summary>
    public int LastOffsetDelta => ReadInt32BigEndian(At(BatchLayout.LastOffsetDelta));

    public long LastOffset => BaseOffset + LastOffsetDelta;

    /// <summary>Unix milliseconds that the records' timestamps are relative to.</summary>
    public long BaseTimestamp => ReadInt64BigEndian(At(BatchLayout.BaseTimestamp));

    /// <summary>Unix milliseconds of the latest record, as the producer says.</summary>
    public long MaxTimestamp => ReadInt64BigEndian(At(BatchLayout.MaxTimestamp));

    /// <summary>-1 for a producer without idempotence.</summary>
    public long ProducerId => ReadInt64BigEndian(At(BatchLayout.ProducerId));

    /// <summary>-1 for a producer without idempotence.</summary>
    public short ProducerEpoch => ReadInt16BigEndian(At(BatchLayout.ProducerEpoch));

    /// <summary>Sequence of the first record in its producer's order, -1 for a producer without idempotence.</summary>
    public int BaseSequence => ReadInt32BigEndian(At(BatchLayout.BaseSequence));

    /// <summary>How many records the batch says it has.</summary>
    public int Count => ReadInt32BigEndian(At(BatchLayout.Count));

    /// <summary>Finds the frame of the first batch in <paramref name="bytes"/>: looks at the length field alone.</summary>
    /// <param name="bytes">May hold more after the batch.</param>
    /// <param name="batch">The batch if <see cref="BatchReadStatus.Done"/>, else <c>default</c>.</param>
    public static BatchReadStatus TryRead(ReadOnlyMemory<byte> bytes, out RecordBatch batch)
    {
        batch = default;
        if (bytes.Length < BatchLayout.LengthFrom)
            return BatchReadStatus.Incomplete;

        long length = (long)BatchLayout.LengthFrom + ReadInt32BigEndian(bytes.Span[BatchLayout.BatchLength..]);
        if (length < HeaderSize)
            return BatchReadStatus.Malformed;
        if (length > bytes.Length)
            return BatchReadStatus.Incomplete;

        batch = new RecordBatch(bytes[..(int)length]);
        return BatchReadStatus.Done;
    }

    /// <summary>The batch that <paramref name="bytes"/> are, from the first to the last.</summary>
    /// <exception cref="MalformedBatchException">They are less, more, or none.</exception>
    public static RecordBatch ReadExactly(ReadOnlyMemory<byte> bytes)
    {
        if (TryRead(bytes, out RecordBatch batch) == BatchReadStatus.Done && batch.Length == bytes.Length)
            return batch;
        throw new MalformedBatchException(BatchFault.Length, $"{bytes.Length} bytes are not exactly one record batch.");
    }

    /// <summary>Checks header and CRC; O(bytes), allocates nothing. The records' inside is <see cref="TryValidateRecords"/>'s.</summary>
    /// <param name="shape">Dense for what a producer sends: last offset delta = count - 1.</param>
    /// <returns>The first fault found, in the order length, magic, CRC, attributes, count.</returns>
    public BatchFault Check(BatchShape shape = BatchShape.Dense)
    {
        ReadOnlySpan<byte> bytes = _bytes.Span;
        if (bytes.Length < HeaderSize || bytes.Length - BatchLayout.LengthFrom != ReadInt32BigEndian(bytes[BatchLayout.BatchLength..]))
            return BatchFault.Length;
        if (Magic != BatchLayout.CurrentMagic)
            return BatchFault.Magic;
        if (Crc != Crc32C.Compute(bytes[BatchLayout.Attributes..]))
            return BatchFault.Crc;
        if ((Attributes & ~BatchLayout.KnownBits) != 0 || Codec > CompressionCodec.Zstd)
            return BatchFault.Attributes;
        return CountFits(shape) ? BatchFault.None : BatchFault.Count;
    }

    private bool CountFits(BatchShape shape) => shape == BatchShape.Dense
        ? Count > 0 && LastOffsetDelta == Count - 1
        : Count >= 0 && LastOffsetDelta >= 0 && LastOffsetDelta >= Count - 1;

    private ReadOnlySpan<byte> At(int position) => _bytes.Span[position..];
}

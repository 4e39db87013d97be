using System.Buffers;
using System.Buffers.Binary;
using OrleansMq.Records;

namespace OrleansMq.Core.Log;

/// <summary>
/// Frames that wait to be written together, in the order in which they were decided. Entries that follow one another share a frame, and
/// settlements of neighbours share an entry.
/// </summary>
/// <remarks>Invariant: the bytes before the open frame are whole frames; the open frame, if any, holds entries and reaches to the end.</remarks>
public sealed class FrameBuffer(LogIdentity log, int epoch) : IBufferWriter<byte>
{
    /// <summary>A frame of entries that is longer takes no more of them: states may go with entries, and who replays holds a frame in memory.</summary>
    private const int MaxEntryBytes = 1 << 20;

    /// <summary>Enough for a queue that is used now and then; there may be thousands of them.</summary>
    private const int SmallBytes = 1 << 10;

    private const int LargestKept = 16 << 20;

    private byte[] _bytes = new byte[SmallBytes];
    private int _length;

    /// <summary>How many bytes were lately needed at once; falls slowly.</summary>
    private int _needed;

    /// <summary>Where the open frame of entries begins, or -1.</summary>
    private int _open = -1;
    private long _openOffset;
    private long _openAt;

    /// <summary>A settlement not written yet, for its neighbours to join; its kind is 0 when there is none.</summary>
    private Entry _settled;

    /// <summary>The log position of the first byte here.</summary>
    public long BasePosition { get; private set; }

    /// <summary>What is known to be flushed; frames carry it.</summary>
    public long DurablePosition { get; set; }

    public bool IsEmpty => _length == 0 && _settled.Kind == 0;

    public int Length => _length;

    /// <summary>Empties the buffer; its first frame will stand at <paramref name="position"/>.</summary>
    public void Reset(long position)
    {
        _needed = Math.Max(_length, _needed - _needed / 8);
        var kept = Math.Max(_needed, SmallBytes);
        if (_bytes.Length > LargestKept)
            _bytes = new byte[SmallBytes];
        else if (_bytes.Length / 4 > kept)
            _bytes = new byte[kept];
        (BasePosition, _length, _open, _settled) = (position, 0, -1, default);
    }

    /// <summary>Ends the open frame and gives all frames; valid until the next call that adds or resets.</summary>
    public ReadOnlyMemory<byte> Seal()
    {
        CloseEntries();
        return _bytes.AsMemory(0, _length);
    }

    /// <summary>Copies a batch into a frame of its own and sets its base offset and leader epoch there.</summary>
    /// <returns>The header and the batch as it will be stored; both valid until the next call.</returns>
    public (FrameHeader Header, ReadOnlyMemory<byte> Batch) AddBatch(
        ReadOnlySpan<byte> batch, int lane, FrameFlags flags, long baseOffset, ProducerSequence? producer, int sequenceCount, long atMs)
    {
        CloseEntries();
        var total = FrameHeader.TotalLengthFor(batch.Length);
        Reserve(total);
        var frame = _bytes.AsSpan(_length, total);
        batch.CopyTo(frame[FrameHeader.Size..]);
        frame[(FrameHeader.Size + batch.Length)..].Clear();
        RecordBatch.Place(frame.Slice(FrameHeader.Size, batch.Length), baseOffset, epoch);
        var header = Header(FrameKind.Batch, batch.Length, BinaryPrimitives.ReadUInt32BigEndian(frame[(FrameHeader.Size + 17)..]), _length, baseOffset, atMs) with
        {
            Lane = lane,
            Flags = flags,
            ProducerId = producer?.Id ?? -1,
            ProducerEpoch = producer?.Epoch ?? -1,
            BaseSequence = producer?.Sequence ?? -1,
            SequenceCount = sequenceCount,
        };
        header.Write(frame);
        var stored = _bytes.AsMemory(_length + FrameHeader.Size, batch.Length);
        _length += total;
        return (header, stored);
    }

    /// <summary>Adds an entry; it will share a frame with the entries around it.</summary>
    public void AddEntry(in Entry entry, long mainEnd, long atMs)
    {
        if (_open >= 0 && _length - _open > MaxEntryBytes)
            CloseEntries();
        // The newest entry's time: replay must come to the same clock.
        _openAt = atMs;
        if (_open < 0)
        {
            _openOffset = mainEnd;
            Reserve(FrameHeader.Size);
            _open = _length;
            _length += FrameHeader.Size;
        }

        if (entry.Kind == EntryKind.Settled)
        {
            if (_settled.Kind != 0 && _settled.Group == entry.Group && _settled.Lane == entry.Lane && _settled.Offset + _settled.Count == entry.Offset)
            {
                _settled = _settled with { Count = _settled.Count + entry.Count };
                return;
            }

            WriteSettled();
            _settled = entry;
            return;
        }

        WriteSettled();
        EntryCodec.Write(this, entry);
    }

    /// <summary>Adds a frame that only moves a producer's sequence: all records of its batch were duplicates.</summary>
    public FrameHeader AddSequence(ProducerSequence producer, int sequenceCount, long mainEnd, long atMs)
    {
        CloseEntries();
        Reserve(FrameHeader.Size);
        var header = Header(FrameKind.Entries, 0, Crc32C.Compute([]), _length, mainEnd, atMs) with
        {
            ProducerId = producer.Id,
            ProducerEpoch = producer.Epoch,
            BaseSequence = producer.Sequence,
            SequenceCount = sequenceCount,
        };
        header.Write(_bytes.AsSpan(_length, FrameHeader.Size));
        _length += FrameHeader.Size;
        return header;
    }

    /// <summary>Ends the open frame and says where the next one will stand.</summary>
    public long Close()
    {
        CloseEntries();
        return BasePosition + _length;
    }

    private void CloseEntries()
    {
        if (_open < 0)
            return;
        WriteSettled();
        var start = _open;
        var payload = _length - start - FrameHeader.Size;
        var total = FrameHeader.TotalLengthFor(payload);
        Reserve(start + total - _length);
        var frame = _bytes.AsSpan(start, total);
        frame[(FrameHeader.Size + payload)..].Clear();
        var crc = Crc32C.Compute(frame.Slice(FrameHeader.Size, payload));
        (Header(FrameKind.Entries, payload, crc, start, _openOffset, _openAt) with { ProducerId = -1, ProducerEpoch = -1, BaseSequence = -1 }).Write(frame);
        _length = start + total;
        _open = -1;
    }

    private void WriteSettled()
    {
        if (_settled.Kind == 0)
            return;
        var entry = _settled;
        _settled = default;
        EntryCodec.Write(this, entry);
    }

    private FrameHeader Header(FrameKind kind, int payloadLength, uint payloadCrc, int at, long baseOffset, long atMs) => new()
    {
        Kind = kind,
        PayloadLength = payloadLength,
        PayloadCrc = payloadCrc,
        Partition = log.Partition,
        Incarnation = log.Incarnation,
        TopicId = log.TopicId,
        Position = BasePosition + at,
        DurablePosition = DurablePosition,
        BaseOffset = baseOffset,
        AppendedAt = atMs,
        Epoch = epoch,
    };

    private void Reserve(int count)
    {
        if (_bytes.Length - _length >= count)
            return;
        var size = (int)Math.Min(Array.MaxLength, Math.Max(_bytes.Length * 2L, (long)_length + count));
        Array.Resize(ref _bytes, size);
    }

    void IBufferWriter<byte>.Advance(int count) => _length += count;

    Memory<byte> IBufferWriter<byte>.GetMemory(int sizeHint)
    {
        Reserve(Math.Max(1, sizeHint));
        return _bytes.AsMemory(_length);
    }

    Span<byte> IBufferWriter<byte>.GetSpan(int sizeHint)
    {
        Reserve(Math.Max(1, sizeHint));
        return _bytes.AsSpan(_length);
    }
}

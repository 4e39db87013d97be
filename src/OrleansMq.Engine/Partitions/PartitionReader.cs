using System.Buffers;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;

namespace OrleansMq.Engine.Partitions;

/// <summary>Batches read from the main lane, one after another in a pooled buffer.</summary>
public sealed class BatchRead(byte[] buffer, int length, long nextOffset) : IDisposable
{
    private byte[]? _buffer = buffer;

    public ReadOnlyMemory<byte> Batches => _buffer.AsMemory(0, length);

    /// <summary>Where reading goes on.</summary>
    public long NextOffset => nextOffset;

    /// <summary>The end of what readers could see when this was read.</summary>
    public long End { get; init; }

    /// <summary>Where what is decided ended when this was read.</summary>
    public long Stable { get; init; }

    /// <summary>What of this is void, as it stood when this was read: a start that moves meanwhile forgets it.</summary>
    public IReadOnlyList<AbortedTransaction> Aborted { get; init; } = [];

    /// <summary>The same bytes, whose owner is the one that is returned.</summary>
    internal BatchRead Seen(long end, long stable, IReadOnlyList<AbortedTransaction> aborted) =>
        new(Interlocked.Exchange(ref _buffer, null)!, length, nextOffset) { End = end, Stable = stable, Aborted = aborted };

    /// <summary>Batches in memory of their own.</summary>
    internal static BatchRead CopyOf(ReadOnlyMemory<byte> batches, long nextOffset, long end, long stable)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Max(1, batches.Length));
        batches.CopyTo(buffer);
        return new BatchRead(buffer, batches.Length, nextOffset) { End = end, Stable = stable };
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } returned)
            ArrayPool<byte>.Shared.Return(returned);
    }
}

/// <summary>A record of the main lane, and when it was appended there.</summary>
internal readonly record struct StoredRecord(RecordView Record, long AppendedAtMs);

/// <summary>Reads messages out of a partition's log; every frame is checked again before it is given. Any thread.</summary>
internal sealed class PartitionReader(IPartitionLog log, OffsetIndex index, PositionGate positions)
{
    /// <summary>Whether a batch of the main lane holds nobody's messages: markers, or what was aborted.</summary>
    public delegate bool VoidBatch(in RecordBatch batch);

    /// <summary>Decoded batches kept for readers that take few messages at a time.</summary>
    private const int CachedBatches = 8;

    private const int ResumePlaces = 16;
    private const int RecordChunkBytes = 64 << 10;

    private readonly LogIdentity _identity = new(log.Incarnation, log.Id.TopicId, log.Id.Partition);
    private readonly Lock _gate = new();
    private readonly LinkedList<DecodedBatch> _decoded = new();

    /// <summary>Where sequential readers stopped: their next offset and the position behind what they read.</summary>
    private readonly (long Offset, long Position)[] _resume = new (long, long)[ResumePlaces];
    private int _nextResume;

    /// <summary>Compacted in this opening.</summary>
    private readonly List<(long From, long To)> _moved = [];

    /// <summary>
    /// Whole batches that reach to <paramref name="offset"/> or beyond, at most <paramref name="maxBytes"/> unless the first alone is larger, from frames below
    /// <paramref name="endPosition"/>. Empty when there is none.
    /// </summary>
    /// <exception cref="LogDamagedException">A stored frame does not read back as written.</exception>
    /// <param name="appendedAt">Filled with the time of each batch.</param>
    public async ValueTask<BatchRead> ReadBatches(long offset, long endOffset, long endPosition, int maxBytes, List<long>? appendedAt = null)
    {
        if (offset >= endOffset)
            return new BatchRead(ArrayPool<byte>.Shared.Rent(1), 0, offset);
        using var held = await positions.Hold();
        var position = await PositionOf(offset);
        var size = (int)Math.Min(Math.Max(maxBytes, 4096) + 2L * FrameHeader.Size, Math.Max(endPosition - position, FrameHeader.Size));
        var buffer = ArrayPool<byte>.Shared.Rent(size);
        // Batches gather at the front, [0, kept); raw bytes not looked at yet are [at, filled).
        var (kept, at, filled, next) = (0, 0, 0, offset);
        try
        {
            while (position < endPosition)
            {
                var verdict = FrameScan.At(buffer.AsSpan(at, filled - at), position, _identity, out var header);
                if (verdict != FrameVerdict.Whole)
                {
                    var needed = verdict == FrameVerdict.Incomplete ? header.StoredLength : FrameHeader.Size;
                    if (filled - at >= needed)
                        throw Damaged(position);
                    if (kept > 0 && (kept + needed > buffer.Length || kept >= maxBytes))
                        break;
                    buffer.AsSpan(at, filled - at).CopyTo(buffer.AsSpan(kept));
                    (filled, at) = (kept + filled - at, kept);
                    if (kept + needed > buffer.Length)
                        buffer = Grow(buffer, filled, kept + needed);
                    var want = (int)Math.Min(buffer.Length - filled, endPosition - position - (filled - at));
                    var read = want > 0 ? await log.Read(position + filled - at, buffer.AsMemory(filled, want)) : 0;
                    if (read == 0)
                        throw Damaged(position);
                    filled += read;
                    continue;
                }

                if (header.Kind == FrameKind.Batch && header.Lane == Lane.Main)
                {
                    var batch = RecordBatch.ReadExactly(buffer.AsMemory(at + FrameHeader.Size, header.PayloadLength));
                    // What is visible and not decided yet lies behind the end that was asked for.
                    if (batch.BaseOffset >= endOffset)
                        break;
                    if (batch.LastOffset >= offset)
                    {
                        if (kept > 0 && kept + batch.Length > maxBytes)
                            break;
                        // Before the move: it overwrites what the batch is a view of.
                        next = batch.LastOffset + 1;
                        buffer.AsSpan(at + FrameHeader.Size, header.PayloadLength).CopyTo(buffer.AsSpan(kept));
                        kept += header.PayloadLength;
                        appendedAt?.Add(header.AppendedAt);
                    }
                }

                // A gap is passed over, whether or not what it is made of was read.
                (position, at) = (header.NextPosition, header.TotalLength <= filled - at ? at + header.TotalLength : filled);
                if (kept >= maxBytes)
                    break;
            }
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }

        Remember(next, position);
        return new BatchRead(buffer, kept, next);
    }

    /// <summary>The records at some offsets of the main lane, ascending; null where there is none, or a void one. Each batch is read and taken apart once.</summary>
    /// <param name="voids">Takes the offsets of void ones.</param>
    public async ValueTask<StoredRecord?[]> ReadRecords(IReadOnlyList<long> offsets, long endOffset, long endPosition, VoidBatch isVoid, HashSet<long> voids)
    {
        var (records, appendedAt) = (new StoredRecord?[offsets.Count], new List<long>());
        for (var i = 0; i < records.Length;)
        {
            if (Cached(offsets[i]) is { } cached)
            {
                records[i] = cached.Find(offsets[i]);
                i++;
                continue;
            }

            appendedAt.Clear();
            using var read = await ReadBatches(offsets[i], endOffset, endPosition, RecordChunkBytes, appendedAt);
            var (wanted, number) = (i, 0);
            foreach (var batch in new RecordBatchReader(read.Batches))
                i = Take(batch, appendedAt[number++], offsets, i, records, isVoid, voids);
            // What lies before the chunk's end and was in no batch is gone.
            while (i < records.Length && offsets[i] < read.NextOffset)
                i++;
            if (i == wanted)
                i++;
        }

        return records;
    }

    /// <summary>Fills in what this batch holds of the offsets from <paramref name="i"/> on, and remembers the batch if it holds any.</summary>
    private int Take(in RecordBatch batch, long appendedAtMs, IReadOnlyList<long> offsets, int i, StoredRecord?[] records, VoidBatch isVoid, HashSet<long> voids)
    {
        while (i < offsets.Count && offsets[i] < batch.BaseOffset)
            i++;
        if (i == offsets.Count || offsets[i] > batch.LastOffset)
            return i;
        if (isVoid(batch))
        {
            for (; i < offsets.Count && offsets[i] <= batch.LastOffset; i++)
                voids.Add(offsets[i]);
            return i;
        }

        // The views outlive the pooled buffer.
        var decoded = DecodedBatch.Of(RecordBatch.ReadExactly(batch.Memory.ToArray()), appendedAtMs);
        for (; i < offsets.Count && offsets[i] <= batch.LastOffset; i++)
            records[i] = decoded.Find(offsets[i]);
        // One of a transaction may be read before it is decided, and be void when it is asked for again.
        if (!batch.IsTransactional)
            Cache(decoded);
        return i;
    }

    /// <summary>The record at an offset of another lane, whose frame stands at <paramref name="position"/>.</summary>
    public async ValueTask<RecordView?> ReadLaneRecord(long offset, long position)
    {
        var batch = await ReadLaneBatch(position);
        return DecodedBatch.Of(batch, 0).Find(offset)?.Record;
    }

    /// <summary>The batch in the frame at <paramref name="position"/>, in memory of its own.</summary>
    /// <exception cref="LogTrimmedException">It left its lane before it was read, and a compaction came since.</exception>
    public async ValueTask<RecordBatch> ReadLaneBatch(long position)
    {
        try
        {
            var batch = await ReadFrameBatch(position);
            return IsMoved(position) ? throw Moved(position) : batch;
        }
        catch (LogDamagedException) when (IsMoved(position))
        {
            throw Moved(position);
        }
    }

    private async ValueTask<RecordBatch> ReadFrameBatch(long position)
    {
        var buffer = new byte[4096];
        for (var filled = 0; ;)
        {
            var verdict = FrameScan.At(buffer.AsSpan(0, filled), position, _identity, out var header);
            if (verdict == FrameVerdict.Whole && header.Kind != FrameKind.Batch)
                throw Damaged(position);
            if (verdict == FrameVerdict.Whole)
                return RecordBatch.ReadExactly(buffer.AsMemory(FrameHeader.Size, header.PayloadLength));
            var needed = verdict == FrameVerdict.Incomplete ? header.TotalLength : FrameHeader.Size;
            if (filled >= needed)
                throw Damaged(position);
            if (buffer.Length < needed)
                Array.Resize(ref buffer, needed);
            var read = await log.Read(position + filled, buffer.AsMemory(filled));
            if (read == 0)
                throw Damaged(position);
            filled += read;
        }
    }

    /// <summary>The first offset appended at or after a time; <paramref name="endOffset"/> when there is none.</summary>
    public async ValueTask<long> FindTime(long timeMs, long startOffset, long endOffset, long endPosition) =>
        Math.Clamp(await FirstHeldOffset(() => index.FindTime(timeMs), endOffset, endPosition, header => header.AppendedAt >= timeMs), startOffset, endOffset);

    /// <summary>The first offset whose frame stands at or behind a position; <paramref name="endOffset"/> when there is none.</summary>
    public async ValueTask<long> FirstOffsetFrom(long position, long endOffset, long endPosition) =>
        await FirstHeldOffset(() => index.FindPosition(position), endOffset, endPosition, header => header.Position >= position);

    private async ValueTask<long> FirstHeldOffset(Func<ValueTask<long>> from, long endOffset, long endPosition, Func<FrameHeader, bool> condition)
    {
        using var held = await positions.Hold();
        return await FirstOffset(await from(), endOffset, endPosition, condition);
    }

    /// <summary>Walks headers from a position on, to the first batch of the main lane for which the condition holds.</summary>
    private async ValueTask<long> FirstOffset(long position, long endOffset, long endPosition, Func<FrameHeader, bool> condition)
    {
        var buffer = new byte[FrameHeader.Size];
        while (position < endPosition)
        {
            for (var filled = 0; filled < buffer.Length;)
            {
                var read = await log.Read(position + filled, buffer.AsMemory(filled));
                if (read == 0)
                    throw Damaged(position);
                filled += read;
            }

            if (!FrameHeader.TryRead(buffer, out var header) || header.Position != position)
                throw Damaged(position);
            if (header.Kind == FrameKind.Batch && header.Lane == Lane.Main && condition(header))
                return header.BaseOffset;
            position = header.NextPosition;
        }

        return endOffset;
    }

    private async ValueTask<long> PositionOf(long offset)
    {
        lock (_gate)
        {
            foreach (var place in _resume)
                if (place.Position > 0 && place.Offset == offset && place.Position >= log.Start)
                    return place.Position;
        }

        return await index.FindOffset(offset);
    }

    private void Remember(long offset, long position)
    {
        lock (_gate)
            _resume[_nextResume++ % ResumePlaces] = (offset, position);
    }

    /// <summary>
    /// Frames between these positions move or go, none of which a lane needs: what is read by a place in them from now on was looked up before.
    /// </summary>
    public void Moving(long from, long to)
    {
        lock (_gate)
        {
            _moved.RemoveAll(range => range.From >= from && range.To <= to);
            _moved.Add((from, to));
        }
    }

    private bool IsMoved(long position)
    {
        lock (_gate)
            return _moved.Exists(range => position >= range.From && position < range.To);
    }

    private LogTrimmedException Moved(long position) => new($"Topic {log.Id.TopicId:N}, partition {log.Id.Partition}: what stood at position {position} was compacted.");

    /// <summary>Forgets places that a trim may have removed.</summary>
    public void ForgetPlaces()
    {
        lock (_gate)
        {
            Array.Clear(_resume);
            _decoded.Clear();
        }
    }

    private DecodedBatch? Cached(long offset)
    {
        lock (_gate)
        {
            for (var node = _decoded.First; node is not null; node = node.Next)
            {
                if (!node.Value.Holds(offset))
                    continue;
                _decoded.Remove(node);
                _decoded.AddFirst(node);
                return node.Value;
            }
        }

        return null;
    }

    private void Cache(DecodedBatch batch)
    {
        lock (_gate)
        {
            _decoded.AddFirst(batch);
            if (_decoded.Count > CachedBatches)
                _decoded.RemoveLast();
        }
    }

    private static byte[] Grow(byte[] buffer, int filled, int needed)
    {
        var larger = ArrayPool<byte>.Shared.Rent(needed);
        buffer.AsSpan(0, filled).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }

    private LogDamagedException Damaged(long position) =>
        new($"Topic {log.Id.TopicId:N}, partition {log.Id.Partition}: the frame at position {position} does not read back as written. Run 'mq doctor' on the data folder.");

    private sealed record DecodedBatch(long First, long Last, long AppendedAtMs, RecordView[] Records)
    {
        public static DecodedBatch Of(in RecordBatch batch, long appendedAtMs)
        {
            var records = new RecordView[batch.Count];
            var count = 0;
            foreach (var record in batch.Records())
                records[count++] = record;
            return new DecodedBatch(batch.BaseOffset, batch.LastOffset, appendedAtMs, records);
        }

        public bool Holds(long offset) => offset >= First && offset <= Last;

        public StoredRecord? Find(long offset)
        {
            var guess = offset - First;
            if (guess >= 0 && guess < Records.Length && Records[guess].Offset == offset)
                return new StoredRecord(Records[guess], AppendedAtMs);
            foreach (var record in Records)
                if (record.Offset == offset)
                    return new StoredRecord(record, AppendedAtMs);
            return null;
        }
    }
}

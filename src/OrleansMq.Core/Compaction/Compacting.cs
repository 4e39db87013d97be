using OrleansMq.Core.Log;
using OrleansMq.Core.Transactions;
using OrleansMq.Records;

namespace OrleansMq.Core.Compaction;

/// <summary>What stays of a frame.</summary>
public enum Fate
{
    /// <summary>As it is.</summary>
    Keep,

    /// <summary>Its batch with fewer records.</summary>
    Thin,

    Drop,
}

/// <summary>
/// One pass of compaction: which records of the main lane a later one of the same key replaces. Pure: first it is told all that is new, then it judges frame by frame,
/// in the order of the log.
/// </summary>
/// <remarks>
/// Nothing at or behind <see cref="End"/> is judged, and what has no key stays. What ends with a batch judges it whole or not at all: of two records of one key in it never the
/// earlier is left when the later goes. A tombstone goes only with all that it hides: the pass judges
/// from the log's first frame on, and what is judged later is put in place later.
/// </remarks>
/// <param name="last">Empty: it is filled here.</param>
/// <param name="from">Where what was not compacted yet begins.</param>
/// <param name="end">At most up to here.</param>
/// <param name="tombstonesFrom">Tombstones at and behind it stay.</param>
/// <param name="aborted">As it stands now.</param>
public sealed class Compacting(LastOffsets last, long from, long end, long tombstonesFrom, IReadOnlyList<AbortedRange> aborted)
{
    /// <summary>More than a batch may ever have been let in with.</summary>
    private const int MaxInflated = 1 << 30;

    private readonly AbortedRange[] _aborted = [.. aborted];
    private readonly RecordBatchBuilder _builder = new(4096);

    /// <summary>What was told ends here; where the keys are too many, before what was asked for.</summary>
    public long End { get; private set; } = end;

    /// <summary>Records that went so far.</summary>
    public long Gone { get; private set; }

    /// <summary>Tells a frame of what is new; they come in order.</summary>
    /// <returns>False: <see cref="End"/> is reached.</returns>
    public bool Tell(in FrameHeader header, ReadOnlyMemory<byte> payload)
    {
        if (!IsMain(header))
            return true;
        var batch = RecordBatch.ReadExactly(payload);
        if (batch.LastOffset >= End || (batch.BaseOffset >= from && last.IsFull))
        {
            End = Math.Min(End, batch.BaseOffset);
            return false;
        }

        if (batch.LastOffset < from || batch.IsControl || IsVoid(batch))
            return true;
        foreach (var record in Opened(batch).Records())
            if (record.Offset >= from && record.HasKey)
                last.Put(record.Key.Span, record.Offset);
        return true;
    }

    /// <summary>What becomes of a frame.</summary>
    /// <param name="thinned">The batch that stays where it is <see cref="Fate.Thin"/>; good until the next call.</param>
    public Fate Judge(in FrameHeader header, ReadOnlyMemory<byte> payload, out ReadOnlyMemory<byte> thinned)
    {
        thinned = default;
        if (!IsMain(header))
            return Fate.Drop;
        var batch = RecordBatch.ReadExactly(payload);
        if (batch.LastOffset >= End)
            return Fate.Keep;
        if (batch.IsControl)
            return JudgeMarker(batch);
        if (IsVoid(batch))
            return Drop(batch.Count);
        Begin(batch);
        foreach (var record in Opened(batch).Records())
            if (Stays(record))
                _builder.AppendAt((int)(record.Offset - batch.BaseOffset), record);
        if (_builder.Count == batch.Count)
            return Fate.Keep;
        if (_builder.Count == 0)
            return Drop(batch.Count);
        Gone += batch.Count - _builder.Count;
        _builder.ExtendTo(batch.LastOffsetDelta);
        thinned = Built(batch, header.Epoch);
        return Fate.Thin;
    }

    /// <summary>The marker of an aborted transaction stays while readers are told of it, for it ends what they pass over; all others have nothing to say any more.</summary>
    private Fate JudgeMarker(in RecordBatch batch)
    {
        foreach (var record in batch.Records())
            if (!TransactionMarker.TryRead(record, out _))
                return Fate.Keep;
        return FirstEndedFrom(batch.LastOffset) is var at && at < _aborted.Length && _aborted[at].Last == batch.LastOffset ? Fate.Keep : Fate.Drop;
    }

    private bool Stays(in RecordView record) =>
        !record.HasKey || (!last.IsBehind(record.Key.Span, record.Offset) && (record.HasValue || record.Offset >= tombstonesFrom));

    private Fate Drop(int records)
    {
        Gone += records;
        return Fate.Drop;
    }

    private void Begin(in RecordBatch batch)
    {
        _builder.Reset();
        _builder.IsTransactional = batch.IsTransactional;
    }

    /// <summary>What came compressed is compressed again, by the one codec that every process can write.</summary>
    private ReadOnlyMemory<byte> Built(in RecordBatch batch, int epoch)
    {
        var plain = RecordBatch.ReadExactly(_builder.Build(batch.BaseOffset, epoch, batch.ProducerId, batch.ProducerEpoch, batch.BaseSequence));
        if (batch.Codec == CompressionCodec.None)
            return plain.Memory;
        var packed = plain.Gzip();
        return packed.Length < plain.Length ? packed.Memory : plain.Memory;
    }

    /// <exception cref="CompactionException">It was readable when it was let in, and is not now: where its keys are not known, no tombstone may go.</exception>
    private static RecordBatch Opened(in RecordBatch batch)
    {
        try
        {
            var open = batch.Decompress(MaxInflated);
            return open.TryValidateRecords(MaxInflated, out var fault, BatchShape.Sparse) ? open : throw new MalformedBatchException(fault, $"{fault}");
        }
        catch (Exception e) when (e is MalformedBatchException or CodecUnavailableException)
        {
            throw new CompactionException($"The batch at offset {batch.BaseOffset} can't be looked into: {e.Message}", e);
        }
    }

    private bool IsVoid(in RecordBatch batch)
    {
        if (!batch.IsTransactional)
            return false;
        for (var i = FirstEndedFrom(batch.BaseOffset); i < _aborted.Length; i++)
            if (_aborted[i].ProducerId == batch.ProducerId)
                return _aborted[i].First <= batch.BaseOffset;
        return false;
    }

    private int FirstEndedFrom(long offset)
    {
        var (low, high) = (0, _aborted.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_aborted[middle].Last < offset)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    private static bool IsMain(in FrameHeader header) => header.Kind == FrameKind.Batch && header.Lane == Lane.Main;
}

/// <summary>Why a pass can't go on; the log is as good as before.</summary>
public sealed class CompactionException(string message, Exception? inner = null) : Exception(message, inner);

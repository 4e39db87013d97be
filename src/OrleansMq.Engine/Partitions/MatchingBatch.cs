using OrleansMq.Core.Filters;
using OrleansMq.Records;

namespace OrleansMq.Engine.Partitions;

/// <summary>
/// What of batches matches, as one batch at the messages' own offsets. It reaches to where was looked, so that its reader goes on behind what does not match: as behind what
/// compaction took away.
/// </summary>
/// <param name="from">Where the reader is.</param>
/// <param name="maxBytes">It ends before the message that makes it longer; the first is taken all the same.</param>
/// <param name="through">Where it is spent, it ends behind the batch that did it.</param>
internal sealed class MatchingBatch(long from, int maxBytes, ReadThrough through, IReadOnlyList<FilterEvaluation> filters)
{
    private readonly RecordBatchBuilder _matching = new(1024);
    private long _looked;

    /// <summary>Where reading goes on.</summary>
    public long Next => from + _looked;

    public bool IsFull { get; private set; }

    /// <param name="committed">Says which batches are void; null: markers alone.</param>
    public void Take(ReadOnlyMemory<byte> batches, CommittedBatches? committed)
    {
        foreach (var batch in new RecordBatchReader(batches))
        {
            // A batch reaches over offsets that an int counts, whatever gaps there are.
            if (IsFull = IsFull || through.IsSpent || batch.LastOffset - from > int.MaxValue)
                return;
            through.Looked(batch.Length);
            if (committed?.Holds(batch) ?? !batch.IsControl)
                Take(batch);
            if (!IsFull)
                _looked = Math.Max(_looked, batch.LastOffset + 1 - from);
        }
    }

    public ReadOnlyMemory<byte> Build(int epoch)
    {
        _matching.ExtendTo((int)(_looked - 1));
        return _matching.Build(from, epoch);
    }

    private void Take(in RecordBatch batch)
    {
        var isInflated = batch.Codec != CompressionCodec.None;
        foreach (var record in batch.Records())
        {
            if (isInflated)
                through.Looked(record.Size);
            if (record.Offset < Next || !Matches(record))
                continue;
            if (_matching.Count > 0 && _matching.ByteCount + record.Size > maxBytes)
            {
                (_looked, IsFull) = (record.Offset - from, true);
                return;
            }

            _matching.AppendAt((int)(record.Offset - from), record);
        }
    }

    private bool Matches(in RecordView record)
    {
        foreach (var filter in filters)
            if (!filter.Matches(record))
                return false;
        return true;
    }
}

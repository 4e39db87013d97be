using OrleansMq.Records;

namespace OrleansMq;

/// <summary>Tells, batch by batch in their order, which ones of a read hold messages: not markers, and not what was aborted.</summary>
/// <param name="read">Read as committed; otherwise what is not decided yet counts as a message.</param>
public sealed class CommittedBatches(PartitionRead read)
{
    /// <summary>Producers whose batches are void until their next marker.</summary>
    private HashSet<long>? _aborting;

    /// <summary>Aborted transactions that began before the batches looked at.</summary>
    private int _begun;

    /// <summary>To be called once for every batch, in order.</summary>
    public bool Holds(in RecordBatch batch)
    {
        if (!batch.IsTransactional)
            return !batch.IsControl;
        for (; _begun < read.Aborted.Count && read.Aborted[_begun].FirstOffset <= batch.BaseOffset; _begun++)
            (_aborting ??= []).Add(read.Aborted[_begun].ProducerId);
        if (!batch.IsControl)
            return _aborting?.Contains(batch.ProducerId) != true;
        _aborting?.Remove(batch.ProducerId);
        return false;
    }
}

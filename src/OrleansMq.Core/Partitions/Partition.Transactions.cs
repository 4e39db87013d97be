using OrleansMq.Core.Log;
using OrleansMq.Core.Transactions;
using OrleansMq.Records;

namespace OrleansMq.Core.Partitions;

/// <summary>Transactions over several partitions, as far as one of them has to know.</summary>
public sealed partial class Partition
{
    public PartitionTransactions Transactions { get; private set; } = new();

    /// <summary>Where those readers stop that see only what is decided.</summary>
    public long StableEnd => Transactions.StableEnd(Start, End);

    /// <summary>Lets batches of the producer's transaction in. Saying it again changes nothing.</summary>
    /// <returns>Null, or why it is refused.</returns>
    public MqError? BeginTransaction(ProducerIdentity producer, long nowMs, FrameBuffer frames)
    {
        if (Transactions.IsOpen(producer.Id, out var epoch))
        {
            if (epoch == producer.Epoch)
                return null;
            return epoch > producer.Epoch
                ? new MqError(ErrorCodes.ProducerFenced, $"Producer {producer.Id} was opened again after epoch {producer.Epoch}.")
                : new MqError(ErrorCodes.TransactionState, $"The transaction of producer {producer.Id} at epoch {epoch} is not ended here.");
        }
        Change(new Entry { Kind = EntryKind.TransactionBegun, Offset = producer.Id, Number = producer.Epoch }, nowMs, frames);
        return null;
    }

    /// <summary>Writes the marker that ends the producer's transaction. Where none is open there is nothing to do: it was ended before, or never began here.</summary>
    /// <returns>Null, or why it is refused.</returns>
    public MqError? EndTransaction(ProducerIdentity producer, TransactionOutcome outcome, long nowMs, FrameBuffer frames)
    {
        if (!Transactions.IsOpen(producer.Id, out var epoch))
            return null;
        if (epoch > producer.Epoch)
            return new MqError(ErrorCodes.ProducerFenced, $"The transaction of producer {producer.Id} that is open has epoch {epoch}, newer than {producer.Epoch}.");
        var at = At(nowMs);
        var builder = new RecordBatchBuilder(128);
        new TransactionMarker(outcome, 0).AppendTo(builder, at);
        var (header, stored) = frames.AddBatch(builder.Build(producerId: producer.Id, producerEpoch: producer.Epoch).Span, Lane.Main, FrameFlags.None, End, null, builder.Count, at);
        ApplyBatch(header, stored);
        return null;
    }

    /// <summary>Settles what is no message (a marker, or of an aborted transaction), where it is not settled already.</summary>
    public void SettleVoid(PartitionGroup group, IEnumerable<long> offsets, long nowMs, FrameBuffer frames)
    {
        foreach (var offset in offsets)
            if (!group.Main!.IsSettled(offset))
                Change(Settled(group, Lane.Main, offset, 1), nowMs, frames);
    }

    /// <summary>What a batch of the main lane says about its producer's transaction.</summary>
    private void ApplyTransaction(in RecordBatch batch)
    {
        if (!batch.IsControl)
        {
            Transactions.ApplyAppended(batch.ProducerId, batch.BaseOffset);
            return;
        }
        foreach (var record in batch.Records())
            if (TransactionMarker.TryRead(record, out var marker))
                Transactions.ApplyEnded(batch.ProducerId, batch.LastOffset, marker.Outcome == TransactionOutcome.Commit);
    }
}

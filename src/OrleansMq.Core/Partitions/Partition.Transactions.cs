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

    /// <summary>
    /// Lets batches of the producer's transaction in. Saying it again changes nothing; at a later term it is written down all the same, because a late call may have
    /// opened it again after its end, and what was decided before that term must not end the one that begins now at the same epoch.
    /// </summary>
    /// <returns>Null, or why it is refused.</returns>
    public MqError? BeginTransaction(in OpenTransaction begun, long nowMs, FrameBuffer frames)
    {
        var producer = begun.Producer;
        if (Transactions.Find(producer.Id) is { Producer.Epoch: var epoch } open)
        {
            if (epoch == producer.Epoch && begun.Term <= open.Term)
                return null;
            if (epoch > producer.Epoch)
                return new MqError(ErrorCodes.ProducerFenced, $"Producer {producer.Id} was opened again after epoch {producer.Epoch}.");
            if (epoch < producer.Epoch)
                return new MqError(ErrorCodes.TransactionState, $"The transaction of producer {producer.Id} at epoch {epoch} is not ended here.");
        }
        Change(
            new Entry { Kind = EntryKind.TransactionOpened, Offset = producer.Id, Number = producer.Epoch, Term = begun.Term, Time = begun.DueMs, Name = begun.Key }, nowMs, frames);
        return null;
    }

    /// <summary>
    /// Writes the marker that ends the producer's transaction. Where it is not open there is nothing to do: it was ended before, or never began here; one that began
    /// after this decision was made is another one, and a coordinator that was replaced meanwhile can't end it.
    /// </summary>
    /// <param name="term">The version of the coordinator's document that holds the decision.</param>
    public void EndTransaction(ProducerIdentity producer, TransactionOutcome outcome, long term, long nowMs, FrameBuffer frames)
    {
        if (Transactions.Find(producer.Id) is not { } open || open.Producer.Epoch > producer.Epoch || open.Term > term)
            return;
        var at = At(nowMs);
        var builder = new RecordBatchBuilder(128);
        new TransactionMarker(outcome, 0).AppendTo(builder, at);
        var (header, stored) = frames.AddBatch(builder.Build(producerId: producer.Id, producerEpoch: producer.Epoch).Span, Lane.Main, FrameFlags.None, End, null, builder.Count, at);
        ApplyBatch(header, stored);
    }

    /// <summary>Settles what is no message (a marker, or of an aborted transaction), where it is not settled already.</summary>
    public void SettleVoid(PartitionGroup group, int lane, IEnumerable<long> offsets, long nowMs, FrameBuffer frames)
    {
        foreach (var offset in offsets)
            if (!group.Cursor(lane).IsSettled(offset))
                Change(Settled(group, lane, offset, 1), nowMs, frames);
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

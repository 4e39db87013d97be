using OrleansMq.Records;

namespace OrleansMq;

/// <summary>From a read's batches to messages.</summary>
internal static class RecordReading
{
    /// <summary>Adds the messages at or behind an offset. Their memory is a copy, so that they may outlive the read.</summary>
    /// <returns>Where to read on; <paramref name="from"/> where there is nothing.</returns>
    /// <exception cref="MqException"><see cref="ErrorCodes.BatchCorrupt"/>: what came is no batch.</exception>
    public static long Decode(PartitionRead read, long from, List<StoredMessage> messages)
    {
        if (read.Batches.IsEmpty)
            return from;
        try
        {
            var next = from;
            var committed = new CommittedBatches(read);
            foreach (var batch in new RecordBatchReader(read.Batches.ToArray()))
            {
                next = Math.Max(next, batch.LastOffset + 1);
                if (!committed.Holds(batch) || batch.LastOffset < from)
                    continue;
                foreach (var record in batch.Records())
                    if (record.Offset >= from)
                        messages.Add(MessageCodec.Decode(read.Partition, record));
            }

            return next;
        }
        catch (Exception e) when (e is MalformedBatchException or CodecUnavailableException)
        {
            throw new MqException(ErrorCodes.BatchCorrupt, $"Partition {read.Partition} of {read.Topic} can't be read at offset {from}: {e.Message}", inner: e);
        }
    }
}

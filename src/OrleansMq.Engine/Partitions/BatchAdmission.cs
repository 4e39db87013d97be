using OrleansMq.Core.Delay;
using OrleansMq.Core.Dedup;
using OrleansMq.Core.Half;
using OrleansMq.Core.Partitions;
using OrleansMq.Records;

namespace OrleansMq.Engine.Partitions;

/// <summary>The checks of a batch that need no partition's state; they run on the caller's thread.</summary>
public static class BatchAdmission
{
    /// <exception cref="MqException">The batch is corrupt, too large, or uses what is not available.</exception>
    public static AdmissibleBatch Check(AppendRequest request, TopicSettings settings)
    {
        var bytes = request.Batch;
        if (RecordBatch.TryRead(bytes, out var batch) != BatchReadStatus.Done || batch.Length != bytes.Length)
            throw new MqException(ErrorCodes.BatchCorrupt, $"The {bytes.Length} bytes are not exactly one record batch.");
        if (bytes.Length > settings.MaxBatchBytes)
            throw new MqException(ErrorCodes.BatchTooLarge, $"The batch has {bytes.Length} bytes; topic '{request.Topic}' takes {settings.MaxBatchBytes} (maxBatchBytes).");
        var fault = batch.Check();
        if (fault != BatchFault.None)
            throw new MqException(ErrorCodes.BatchCorrupt, $"The record batch fails its check: {fault}.");
        if (batch.IsControl)
            throw new MqException(ErrorCodes.Malformed, "A control batch is written by the broker alone.");
        if (batch.IsTransactional && (batch.ProducerId < 0 || (request.Producer is { } said && said.Id != batch.ProducerId)))
            throw new MqException(ErrorCodes.Malformed, "A transactional batch carries the producer id of its transaction.");
        var producer = request.Producer ?? SequenceOf(batch);
        if (producer is { Sequence: < 0 } or { Epoch: < 0 } or { Id: < 0 })
            throw new MqException(ErrorCodes.Malformed, "A producer's id, epoch and sequence are not negative.");
        if (request.Partitions is < 1)
            throw new MqException(ErrorCodes.Malformed, $"A sender chooses by one partition at least; {request.Partitions} was given.");
        var transaction = batch.IsTransactional && request.TransactionalId is { } id ? new TransactionalId(id).Key : null;
        // A topic with an admission cap takes single messages of a batch, so it looks inside.
        if (!request.Rich && settings.Admit is null)
        {
            CheckSizes(batch, settings, request.Topic);
            if (settings.Compact)
                CheckKeys(batch, settings, request.Topic);
            return new AdmissibleBatch(batch, producer, null, Partitions: request.Partitions, TransactionKey: transaction);
        }

        var plain = Open(batch, settings);
        if (settings.Compact)
            CheckKeys(plain, settings, request.Topic);
        var (tokens, times) = Look(plain, settings, request.Topic);
        var half = IsHalf(plain, times);
        if (batch.IsTransactional && (half || times is not null))
            throw new MqException(ErrorCodes.NotAvailable, "A message in a transaction is neither delayed nor half.");
        return new AdmissibleBatch(plain, producer, tokens, times, half, request.Partitions, TransactionKey: transaction);
    }

    private static bool IsHalf(in RecordBatch batch, long[]? times)
    {
        var half = 0;
        foreach (var record in batch.Records())
            if (HalfHeaders.Read(record) is not null)
                half++;
        if (half > 0 && (half < batch.Count || times is not null))
            throw new MqException(ErrorCodes.Malformed, "Half messages go in batches of their own, without times of delivery.");
        return half > 0;
    }

    /// <summary>A transaction's batch may have none: its producer then does not send it again, but aborts.</summary>
    private static ProducerSequence? SequenceOf(in RecordBatch batch) =>
        batch.ProducerId >= 0 && !(batch.IsTransactional && batch.BaseSequence < 0) ? new ProducerSequence(batch.ProducerId, batch.ProducerEpoch, batch.BaseSequence) : null;

    private static RecordBatch Open(in RecordBatch batch, TopicSettings settings)
    {
        try
        {
            var plain = batch.Decompress(settings.MaxBatchBytes);
            if (plain.TryValidateRecords(settings.MaxBatchBytes, out var fault))
                return plain;
            throw new MqException(ErrorCodes.BatchCorrupt, $"The records of the batch can't be read: {fault}.");
        }
        catch (CodecUnavailableException e)
        {
            throw new MqException(ErrorCodes.NotAvailable, $"The batch must be looked into. {e.Message}", null, e);
        }
        catch (MalformedBatchException e)
        {
            throw new MqException(e.Fault == BatchFault.TooLarge ? ErrorCodes.BatchTooLarge : ErrorCodes.BatchCorrupt, $"The records of the batch can't be read: {e.Fault}.", null, e);
        }
    }

    /// <summary>A plain batch is stored as it came, but its records must be readable: one that is not would stop every consumer behind it.</summary>
    private static void CheckSizes(in RecordBatch batch, TopicSettings settings, TopicName topic)
    {
        if (!batch.TryValidateRecords(settings.MaxBatchBytes, out var fault))
            throw fault == BatchFault.Codec
                ? new MqException(ErrorCodes.NotAvailable, new CodecUnavailableException(batch.Codec).Message)
                : new MqException(fault == BatchFault.TooLarge ? ErrorCodes.BatchTooLarge : ErrorCodes.BatchCorrupt, $"The records of the batch can't be read: {fault}.");
        if (batch.Codec == CompressionCodec.None && batch.Length <= settings.MaxMessageBytes)
            return;
        foreach (var record in batch.Records())
            CheckSize(record, settings, topic);
    }

    /// <summary>Each record's token, and its time where any has one.</summary>
    private static (TokenHash?[] Tokens, long[]? Times) Look(in RecordBatch batch, TopicSettings settings, TopicName topic)
    {
        long[]? times = null;
        var tokens = new TokenHash?[batch.Count];
        var i = 0;
        foreach (var record in batch.Records())
        {
            CheckSize(record, settings, topic);
            if (record.Headers.TryGetLast(ReservedHeaders.TokenUtf8, out var token))
            {
                if (token.Value.Length is 0 or > TokenHash.MaxTokenBytes)
                    throw new MqException(ErrorCodes.Malformed, $"A token has 1 to {TokenHash.MaxTokenBytes} bytes; one of {token.Value.Length} was given.");
                tokens[i] = TokenHash.Of(token.Value.Span);
            }

            if (ScheduledHeaders.AsSent(record) is not 0 and var time)
                (times ??= new long[batch.Count])[i] = time;
            i++;
        }

        if (batch.IsTransactional && Array.Exists(tokens, token => token is not null))
            throw new MqException(ErrorCodes.NotAvailable, "A message in a transaction carries no idempotency token: what is aborted would be remembered as sent.");
        return (tokens, times);
    }

    private static void CheckKeys(in RecordBatch batch, TopicSettings settings, TopicName topic)
    {
        foreach (var record in batch.Records(settings.MaxBatchBytes))
            if (!record.HasKey)
                throw new MqException(ErrorCodes.KeyMissing, $"Message {record.Offset - batch.BaseOffset} of the batch has no key; topic '{topic}' is compacted and takes none without.");
    }

    private static void CheckSize(in RecordView record, TopicSettings settings, TopicName topic)
    {
        // The framing counts nothing, so a record within the limit as a whole needs no closer look.
        if (record.Size <= settings.MaxMessageBytes)
            return;
        var size = CountedOf(record);
        if (size > settings.MaxMessageBytes)
            throw new MqException(ErrorCodes.MessageTooLarge, $"A message has {size} bytes; topic '{topic}' takes {settings.MaxMessageBytes} (maxMessageBytes).");
    }

    /// <summary>As <see cref="MessageCodec.CountedOf"/> counts a message.</summary>
    private static int CountedOf(in RecordView record)
    {
        var size = record.Key.Length + record.Value.Length;
        var traced = false;
        foreach (var header in record.Headers)
        {
            var isContext = !traced && header.KeyUtf8.Span.SequenceEqual(ReservedHeaders.TraceParentUtf8);
            traced |= isContext;
            if (!isContext || header.Value.Length != ReservedHeaders.TraceParentLength)
                size += header.KeyUtf8.Length + header.Value.Length;
        }

        return size;
    }
}

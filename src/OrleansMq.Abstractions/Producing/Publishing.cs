using OrleansMq.Records;

namespace OrleansMq;

/// <summary>
/// <see cref="IBroker.Publish"/> in terms of <see cref="IBroker.Append"/>, for every broker: messages are checked and grouped by partition, one batch
/// for each partition (more where it would be too large), and the answers are put back into the order sent.
/// </summary>
public static class Publishing
{
    /// <summary>How long until it is asked again whether a growth is done.</summary>
    private static readonly TimeSpan GrowthPause = TimeSpan.FromMilliseconds(20);

    /// <param name="settings">Of the topic: its partitions and its limits of size.</param>
    /// <param name="again">The settings as they are now, where the topic has grown since: with the new number of partitions as soon as it is known.</param>
    /// <param name="turn">The next turn, for messages with neither partition, key nor token.</param>
    /// <exception cref="MqException">All messages are refused, for the same reason.</exception>
    public static async ValueTask<IReadOnlyList<PublishResult>> Publish(
        IBroker broker, TopicName topic, TopicSettings settings, Func<ValueTask<TopicSettings>> again, IReadOnlyList<Message> messages, PublishOptions? options,
        Func<uint> turn, TimeProvider time, CancellationToken cancel)
    {
        if (messages.Count == 0)
            return [];
        return await (MessageTracing.IsOn
            ? MessageTracing.Sending(topic, messages.Count, () => PublishNow(broker, topic, settings, again, MessageTracing.Stamped(messages), options, turn, time, cancel))
            : PublishNow(broker, topic, settings, again, messages, options, turn, time, cancel));
    }

    private static async Task<IReadOnlyList<PublishResult>> PublishNow(
        IBroker broker, TopicName topic, TopicSettings settings, Func<ValueTask<TopicSettings>> again, IReadOnlyList<Message> messages, PublishOptions? options,
        Func<uint> turn, TimeProvider time, CancellationToken cancel)
    {
        options ??= new();
        var results = new PublishResult[messages.Count];
        IReadOnlyList<int> left = [.. Enumerable.Range(0, messages.Count)];
        var began = time.GetTimestamp();
        // A message may name a partition that came since they were asked for.
        if (messages.Any(message => message?.Partition >= settings.Partitions) && await again() is var since && since.Partitions > settings.Partitions)
            settings = since;
        while (true)
        {
            await SendAll(broker, topic, settings, messages, left, results, options, turn, time, cancel);
            left = [.. left.Where(i => results[i].Error?.Code == ErrorCodes.PartitionsChanged)];
            if (left.Count == 0 || await Grown(settings, again, time, began, options.Wait, cancel) is not { } grown)
                break;
            settings = grown;
        }

        // Nothing of these is stored: they may come again.
        foreach (var i in left)
            results[i] = new PublishResult(default, false, new MqError(ErrorCodes.PartitionUnavailable, $"Topic '{topic}' is growing.", GrowthPause));
        ThrowIfAllFailedAlike(results);
        return results;
    }

    /// <summary>The settings with more partitions than these; null where nobody knows them in time.</summary>
    private static async ValueTask<TopicSettings?> Grown(TopicSettings settings, Func<ValueTask<TopicSettings>> again, TimeProvider time, long began, TimeSpan wait, CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                // The partitions know first: nobody may choose by the new number before all of them do.
                if (await again() is var now && now.Partitions > settings.Partitions)
                    return now;
            }
            catch (Exception away) when (away is MqException || (Failure.IsRetriable(away) && !cancel.IsCancellationRequested))
            {
                // What has its answer keeps it.
                if (!Failure.IsRetriable(away))
                    return null;
            }

            if (time.GetElapsedTime(began) >= wait)
                return null;
            await Task.Delay(GrowthPause, time, cancel);
        }
    }

    /// <summary>Those of the messages that are left.</summary>
    private static async Task SendAll(
        IBroker broker, TopicName topic, TopicSettings settings, IReadOnlyList<Message> messages, IReadOnlyList<int> left, PublishResult[] results, PublishOptions options,
        Func<uint> turn, TimeProvider time, CancellationToken cancel)
    {
        var batches = Group(settings, messages, left, results, turn, time.GetUtcNow().ToUnixTimeMilliseconds());
        if (options.Transaction is { } transaction)
            batches = await Add(broker, topic, batches, transaction, results, cancel);
        if (batches.Count == 1)
            await Send(broker, topic, batches[0], settings.Partitions, options, results, cancel);
        else
            await Task.WhenAll(batches.Select(batch => Send(broker, topic, batch, settings.Partitions, options, results, cancel)));
    }

    /// <summary>The batches, those of one partition in order. A message that is refused by itself has its result already.</summary>
    private static List<PartitionBatch> Group(TopicSettings settings, IReadOnlyList<Message> messages, IReadOnlyList<int> left, PublishResult[] results, Func<uint> turn, long nowMs)
    {
        var all = new List<PartitionBatch>();
        Dictionary<int, PartitionBatch>? open = null;
        PartitionBatch? last = null;
        foreach (var i in left)
        {
            try
            {
                var message = messages[i];
                var size = RecordBytes(message, Check(message, settings));
                var partition = ChoosePartition(message, settings.Partitions, turn);
                if (last?.Partition != partition)
                    last = (open ??= []).GetValueOrDefault(partition);
                if (last is null || !last.Fits(size, settings.MaxBatchBytes))
                    all.Add(open![partition] = last = new PartitionBatch(partition, size));
                last.Add(i, message, nowMs);
            }
            catch (MqException refused)
            {
                results[i] = new PublishResult(default, false, refused.Error);
            }
        }

        return all;
    }

    /// <summary>Makes the partitions part of the transaction.</summary>
    /// <returns>The batches that may be sent; those of a partition that was refused have their results.</returns>
    private static async ValueTask<List<PartitionBatch>> Add(
        IBroker broker, TopicName topic, List<PartitionBatch> batches, ProducerTransaction transaction, PublishResult[] results, CancellationToken cancel)
    {
        if (broker.Transactions is not { } transactions)
            throw new MqException(ErrorCodes.NotAvailable, "This broker has no transactions.");
        int[] partitions = [.. batches.Select(batch => batch.Partition).Distinct()];
        var errors = await transactions.AddPartitions(transaction.Id, transaction.Producer, [.. partitions.Select(partition => new TransactionPartition(topic, partition))], cancel);
        var sent = new List<PartitionBatch>();
        foreach (var batch in batches)
        {
            if (errors[Array.IndexOf(partitions, batch.Partition)] is { } error)
                batch.Refuse(error, results);
            else
                sent.Add(batch);
        }

        return sent;
    }

    private static int Check(Message message, TopicSettings settings)
    {
        if (message is null)
            throw new MqException(ErrorCodes.Malformed, "A message is null.");
        MessageCodec.Validate(message);
        var size = MessageCodec.SizeOf(message);
        var counted = MessageCodec.CountedOf(message, size);
        return counted <= settings.MaxMessageBytes ? size : throw new MqException(ErrorCodes.MessageTooLarge,
            $"The message has {counted} bytes (key, body and headers); its topic takes {settings.MaxMessageBytes}.");
    }

    private static int ChoosePartition(Message message, int partitions, Func<uint> turn)
    {
        var mine = message.Partition is null && message.Key is null && message.Token is null ? turn() : 0;
        return PartitionChoice.Of(message, partitions, ref mine);
    }

    private static async Task Send(
        IBroker broker, TopicName topic, PartitionBatch batch, int partitions, PublishOptions options, PublishResult[] results, CancellationToken cancel)
    {
        try
        {
            var appended = await broker.Append(new AppendRequest
            {
                Topic = topic,
                Partition = batch.Partition,
                Batch = batch.Build(options.Transaction?.Producer),
                TransactionalId = options.Transaction?.Id,
                Partitions = batch.IsByHash ? partitions : null,
                Rich = batch.Rich,
                Acks = options.Acks,
                Wait = options.Wait,
                Client = options.Client,
            }, cancel);
            for (var i = 0; i < batch.Indexes.Count; i++)
                results[batch.Indexes[i]] = ResultOf(batch.Partition, appended, i);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            var error = (e as MqException)?.Error ?? new MqError(ErrorCodes.OutcomeUnknown, $"Partition {batch.Partition} of {topic} did not answer: {e.Message}");
            batch.Refuse(error, results);
        }
    }

    /// <summary>At most so many bytes has a message's record in a batch: its length fields and deltas, and two lengths for each header, come on top.</summary>
    internal static int RecordBytes(Message message, int size) => checked(size + 40 + 10 * (message.Headers.Count + MessageCodec.MaxReserved));

    /// <summary>What became of the record at <paramref name="index"/> of a batch.</summary>
    internal static PublishResult ResultOf(int partition, in AppendResult appended, int index)
    {
        if (appended.Records is not { } records)
            return new(new Position(partition, appended.BaseOffset < 0 ? -1 : appended.BaseOffset + index), appended.Duplicate, null);
        var outcome = records[index];
        return outcome.Error is { } error
            ? new(default, false, error)
            : new(new Position(outcome.Partition ?? partition, outcome.Offset), outcome.Duplicate || appended.Duplicate, null) { Scheduled = outcome.Scheduled, Half = outcome.Half };
    }

    private static void ThrowIfAllFailedAlike(PublishResult[] results)
    {
        var first = results[0].Error;
        if (first is null)
            return;
        foreach (var result in results)
            if (result.Error?.Code != first.Code)
                return;
        throw new MqException(first);
    }

    /// <summary>Messages that go to one partition together.</summary>
    private sealed class PartitionBatch(int partition, int firstSize)
    {
        public int Partition => partition;

        /// <summary>Where each message stands in the request.</summary>
        public List<int> Indexes { get; } = [];

        public RecordBatchBuilder Records { get; } = new(RecordBatch.HeaderSize + firstSize);
        public bool Rich { get; private set; }

        /// <summary>A key or a token of it chose the partition.</summary>
        public bool IsByHash { get; private set; }

        public ReadOnlyMemory<byte> Build(ProducerIdentity? transaction)
        {
            if (transaction is not { } producer)
                return Records.Build();
            Records.IsTransactional = true;
            return Records.Build(producerId: producer.Id, producerEpoch: producer.Epoch);
        }

        public void Refuse(MqError error, PublishResult[] results)
        {
            foreach (var index in Indexes)
                results[index] = new PublishResult(default, false, error);
        }

        public bool Fits(int size, int maxBytes) => Indexes.Count == 0 || (long)Records.ByteCount + size <= maxBytes;

        public void Add(int index, Message message, long nowMs)
        {
            MessageCodec.Append(Records, message, nowMs);
            Indexes.Add(index);
            Rich |= MessageCodec.IsRich(message);
            IsByHash |= PartitionChoice.IsByHash(message);
        }
    }
}

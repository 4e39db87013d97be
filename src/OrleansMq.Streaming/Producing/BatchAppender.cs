using OrleansMq.Records;

namespace OrleansMq.Streaming;

/// <summary>Appends events that must stay together as one record batch, once: an unknown outcome is asked for again at the same place in the producer's order.</summary>
internal sealed class BatchAppender(IBroker broker, TopicName topic, Acks? acks, TimeSpan retryFor, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan MaxRetryDelay = TimeSpan.FromSeconds(1);

    private readonly Dictionary<int, Lane> _lanes = [];

    /// <exception cref="MqException">Nothing of the batch is stored, except under <see cref="ErrorCodes.OutcomeUnknown"/>.</exception>
    public async Task Append(int partition, IReadOnlyList<Message> messages)
    {
        var records = new RecordBatchBuilder(RecordBatch.HeaderSize + messages.Sum(message => MessageCodec.SizeOf(message) + 32));
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (var message in messages)
        {
            MessageCodec.Validate(message);
            MessageCodec.Append(records, message, nowMs);
        }

        Lane lane;
        lock (_lanes)
            lane = _lanes.TryGetValue(partition, out var found) ? found : _lanes[partition] = new Lane();
        await lane.Turn.WaitAsync();
        try
        {
            await AppendInTurn(lane, partition, records, messages.Any(MessageCodec.IsRich));
        }
        finally
        {
            lane.Turn.Release();
        }
    }

    public void Dispose()
    {
        lock (_lanes)
            foreach (var lane in _lanes.Values)
                lane.Turn.Dispose();
    }

    private async Task AppendInTurn(Lane lane, int partition, RecordBatchBuilder records, bool rich)
    {
        var began = time.GetTimestamp();
        var delay = RetryDelay;
        while (true)
        {
            try
            {
                lane.Identity ??= await broker.OpenProducer();
                var sequence = new ProducerSequence(lane.Identity.Value.Id, lane.Identity.Value.Epoch, lane.Sequence);
                var batch = records.Build(0, 0, sequence.Id, sequence.Epoch, sequence.Sequence);
                var stored = await broker.Append(new AppendRequest { Topic = topic, Partition = partition, Batch = batch, Rich = rich, Acks = acks, Producer = sequence });
                lane.Sequence = (int)((lane.Sequence + (long)records.Count) & int.MaxValue);
                if (stored.Records?.FirstOrDefault(record => record.Error is not null).Error is { } refused)
                    throw new MqException(refused);
                return;
            }
            catch (MqException e) when (e.IsRetriable && time.GetElapsedTime(began) < retryFor)
            {
                await Task.Delay(e.RetryAfter is { } hint && hint > delay ? hint : delay, time);
                delay = delay * 2 < MaxRetryDelay ? delay * 2 : MaxRetryDelay;
            }
            catch (MqException)
            {
                // Whether the broker moved on in our order is not known; a new order begins with the next batch.
                lane.Forget();
                throw;
            }
        }
    }

    /// <summary>A partition's order: one batch at a time.</summary>
    private sealed class Lane
    {
        public SemaphoreSlim Turn { get; } = new(1);

        public ProducerIdentity? Identity { get; set; }

        public int Sequence { get; set; }

        public void Forget() => (Identity, Sequence) = (null, 0);
    }
}

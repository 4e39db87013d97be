using OrleansMq.Records;
using Orleans.Streams;

namespace OrleansMq.Streaming;

/// <summary>A queue for each partition of the topic; the queue's number is the partition's. A stream is where producers put its key.</summary>
internal sealed class TopicQueueMapper : IConsistentRingStreamQueueMapper
{
    private readonly StreamKey _keys;
    private readonly QueueId[] _queues;

    public TopicQueueMapper(string provider, int partitions, StreamKey keys)
    {
        _keys = keys;
        var step = (uint)((1L << 32) / partitions);
        _queues = [.. Enumerable.Range(0, partitions).Select(partition => QueueId.GetQueueId(provider, (uint)partition, step * (uint)partition))];
    }

    public IEnumerable<QueueId> GetAllQueues() => _queues;

    public IEnumerable<QueueId> GetQueuesForRange(IRingRange range) => [.. _queues.Where(queue => range.InRange(queue.GetUniformHashCode()))];

    public QueueId GetQueueForStream(StreamId streamId) => _queues[Murmur2.PartitionFor(_keys.Write(streamId), _queues.Length)];

    public static int PartitionOf(QueueId queue) => (int)queue.GetNumericId();
}

using OrleansMq.Records;

namespace OrleansMq.Streaming;

/// <summary>
/// Keeps the progress of one partition in the broker: every subscription's place as a record in the progress topic, and what is settled by all as the
/// group's committed offset, so that retention and lag follow it. The record is written first and need not survive a crash: the commit is true by itself.
/// </summary>
internal sealed class ProgressStore(StreamTopic topic, int partition, TimeProvider time)
{
    /// <summary>Places kept in one record; about 60 bytes each.</summary>
    private const int MaxPlaces = 8_000;

    private readonly RecordBatchBuilder _records = new(4096);
    private long _committed = -1;

    public async Task<StreamProgress> Load(CancellationToken cancel)
    {
        var group = await topic.Broker.DescribeGroup(topic.Name, topic.Group, cancel);
        var committed = group.Partitions.FirstOrDefault(each => each.Partition == partition)
            ?? throw new MqException(ErrorCodes.PartitionUnavailable, $"The group {topic.Group} says nothing of partition {partition} of {topic.Name}.");
        if (committed.Error is { } error)
            throw new MqException(error);
        _committed = committed.Cursor;
        var end = await topic.Broker.FindOffset(topic.Name, partition, StartAt.Latest, cancel);
        if (await ReadLast(cancel) is not { } stored || stored.Floor > end)
            return new StreamProgress(_committed, []);
        var floor = Math.Max(stored.Floor, _committed);
        return new StreamProgress(floor, [.. stored.Behind.Select(place => place with { Offset = Math.Max(place.Offset, _committed) })]);
    }

    public async Task Save(StreamProgress progress, CancellationToken cancel)
    {
        var bounded = progress.Bounded(MaxPlaces);
        _records.Reset();
        _records.Append(time.GetUtcNow().ToUnixTimeMilliseconds(), default, false, bounded.Write(), true);
        await topic.Broker.Append(new AppendRequest { Topic = topic.Progress, Partition = partition, Batch = _records.Build(), Acks = Acks.Accepted }, cancel);
        if (bounded.Low == _committed)
            return;
        await topic.Broker.Commit(topic.Name, topic.Group, new CommitRequest([new Position(partition, bounded.Low)]), cancel);
        _committed = bounded.Low;
    }

    private async Task<StreamProgress?> ReadLast(CancellationToken cancel)
    {
        try
        {
            var end = await topic.Broker.FindOffset(topic.Progress, partition, StartAt.Latest, cancel);
            if (end == 0 || await topic.Broker.FindOffset(topic.Progress, partition, StartAt.Earliest, cancel) == end)
                return null;
            using var read = await topic.Broker.Read(new ReadRequest { Partitions = [new PartitionCursor(topic.Progress, partition, end - 1)] }, cancel);
            if (read.Partitions[0].Error is { } error)
                throw new MqException(error);
            StreamProgress? last = null;
            foreach (var batch in new RecordBatchReader(read.Partitions[0].Batches))
                foreach (var record in batch.Records())
                    last = StreamProgress.TryRead(record.Value.Span);
            return last;
        }
        catch (MqException e) when (e.Code is ErrorCodes.TopicUnknown or ErrorCodes.PartitionUnknown or ErrorCodes.OffsetOutOfRange)
        {
            return null;
        }
    }
}

using OrleansMq.Records;

namespace OrleansMq.LoadBench.Loads;

/// <summary>Reads all partitions from their beginning, walks every record, and checks that no offset is missing.</summary>
internal static class BatchReading
{
    /// <summary>Ends when <paramref name="count"/> messages were read.</summary>
    /// <param name="read">Told of each read's messages and where each partition stands; may commit.</param>
    public static async Task Run(IBroker broker, TopicName topic, int partitions, long count, Func<long, long[], ValueTask>? read = null)
    {
        var next = new long[partitions];
        for (long got = 0; got < count;)
        {
            using var result = await broker.Read(new ReadRequest
            {
                Partitions = [.. next.Select((offset, partition) => new PartitionCursor(topic, partition, offset))],
                Wait = TimeSpan.FromSeconds(1),
            });
            long now = 0;
            foreach (var part in result.Partitions)
                now += Walk(part, ref next[part.Partition]);
            got += now;
            if (read is not null && now > 0)
                await read(now, next);
        }
    }

    private static long Walk(PartitionRead part, ref long next)
    {
        if (part.Error is { } error)
            throw new MqException(error);
        long count = 0;
        foreach (var batch in new RecordBatchReader(part.Batches))
        {
            foreach (var record in batch.Records())
            {
                if (record.Offset != next)
                    throw new InvalidOperationException($"Partition {part.Partition}: offset {record.Offset} came where {next} was due.");
                next++;
                count++;
            }
        }

        return count;
    }
}

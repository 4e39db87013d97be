namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>Produce 0-9: <c>(3) transactional id | acks i16 | timeout i32 | topics [name | partitions [index i32 | records]]</c>.</summary>
internal sealed record ProduceRequest(string? TransactionalId, short Acks, int TimeoutMs, IReadOnlyList<ProducePartition> Partitions)
{
    public static ProduceRequest Read(ref KafkaReader reader, short version)
    {
        var transactional = version >= 3 ? reader.NullableString() : null;
        var (acks, timeout) = (reader.Int16(), reader.Int32());
        var partitions = new List<ProducePartition>(1);
        for (var topics = reader.Count(6); topics > 0 && !reader.Failed; topics--)
        {
            var topic = reader.String();
            for (var count = reader.Count(8); count > 0 && !reader.Failed; count--)
            {
                partitions.Add(new ProducePartition(topic, reader.Int32(), reader.NullableBytes() ?? default));
                reader.Tags();
            }
            reader.Tags();
        }
        reader.Tags();
        return new ProduceRequest(transactional, acks, timeout, partitions);
    }
}

/// <param name="Records">Borrowed from the request.</param>
internal readonly record struct ProducePartition(string Topic, int Partition, ReadOnlyMemory<byte> Records);

/// <param name="LogStart">-1: not said. Where the producer is unknown a client needs it, to tell whether to begin anew.</param>
internal readonly record struct ProduceResult(KafkaError Error, long BaseOffset, string? Message, long LogStart = -1)
{
    public static ProduceResult Refused(KafkaError error, string? message) => new(error, -1, message);
}

internal static class ProduceResponse
{
    public static void Write(KafkaWriter writer, short version, IReadOnlyList<ProducePartition> asked, ProduceResult[] results)
    {
        ByTopic.Write(writer, asked, partition => partition.Topic, (at, partition) =>
        {
            var result = results[at];
            writer.Int32(partition.Partition);
            writer.Error(result.Error);
            writer.Int64(result.BaseOffset);
            if (version >= 2)
                writer.Int64(-1); // the records keep their producer's time
            if (version >= 5)
                writer.Int64(result.LogStart);
            if (version >= 8)
            {
                writer.Count(0);
                writer.NullableString(result.Message);
            }
        });
        if (version >= 1)
            writer.Throttle();
        writer.Tags();
    }
}

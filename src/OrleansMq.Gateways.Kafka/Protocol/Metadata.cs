namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>Metadata 0-9: <c>topics [name], null (in 0: none) means all | (4) create missing topics, bool | (8) two bools</c>.</summary>
internal sealed record MetadataRequest(IReadOnlyList<string>? Topics, bool MayCreate)
{
    // Three bools and no tagged fields: what follows the topics.
    private const int FlexibleTail = 4;

    // librdkafka 2.16 asks for all topics by four zeros, the room that it had kept for a count, where the null takes one.
    private const int RoomTooMuch = 3;

    public static MetadataRequest Read(ref KafkaReader reader, short version)
    {
        var count = reader.NullableCount(2);
        List<string>? topics = count < 0 || (version == 0 && count == 0) ? null : [];
        for (; count > 0 && !reader.Failed; count--)
        {
            topics!.Add(reader.String());
            reader.Tags();
        }
        if (version >= 9 && topics is null && reader.Remaining == RoomTooMuch + FlexibleTail)
            reader.Pass(RoomTooMuch);
        var create = version < 4 || reader.Bool();
        if (version >= 8)
        {
            reader.Bool();
            reader.Bool();
        }
        reader.Tags();
        return new MetadataRequest(topics, create);
    }
}

internal sealed record TopicMetadata(KafkaError Error, string Name, IReadOnlyList<PartitionMetadata> Partitions);

/// <param name="Leader">-1 where nobody serves it.</param>
internal readonly record struct PartitionMetadata(int Partition, int Leader);

internal static class MetadataResponse
{
    private const int NotAsked = int.MinValue;

    public static void Write(KafkaWriter writer, short version, BrokerMap brokers, IReadOnlyList<TopicMetadata> topics)
    {
        if (version >= 3)
            writer.Throttle();
        writer.Array(brokers.All, (w, broker) =>
        {
            broker.Write(w);
            if (version >= 1)
                w.NullableString(null);
        });
        if (version >= 2)
            writer.NullableString(BrokerMap.ClusterId);
        if (version >= 1)
            writer.Int32(brokers.Controller);
        writer.Array(topics, (w, topic) => Write(w, version, topic));
        if (version >= 8)
            writer.Int32(NotAsked);
        writer.Tags();
    }

    private static void Write(KafkaWriter writer, short version, TopicMetadata topic)
    {
        writer.Error(topic.Error);
        writer.String(topic.Name);
        if (version >= 1)
            writer.Bool(false);
        writer.Array(topic.Partitions, (w, partition) =>
        {
            int[] replicas = partition.Leader < 0 ? [] : [partition.Leader];
            w.Error(partition.Leader < 0 ? KafkaError.LeaderNotAvailable : KafkaError.None);
            w.Int32(partition.Partition);
            w.Int32(partition.Leader);
            if (version >= 7)
                w.Int32(-1);
            w.Int32Array(replicas);
            w.Int32Array(replicas);
            if (version >= 5)
                w.Count(0);
        });
        if (version >= 8)
            writer.Int32(NotAsked);
    }
}

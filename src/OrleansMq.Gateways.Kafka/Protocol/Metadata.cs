namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>A topic by its name, or, where that is null, by its id.</summary>
internal readonly record struct AskedTopic(string? Name, Guid Id);

/// <summary>
/// Metadata 0-12: <c>topics [(10) id | name, from 10 or null], null (in 0: none) means all | (4) create missing topics, bool | (8-10) bool | (8) bool</c>.
/// </summary>
internal sealed record MetadataRequest(IReadOnlyList<AskedTopic>? Topics, bool MayCreate)
{
    // Bools and no tagged fields: what follows the topics.
    private static int FlexibleTail(short version) => version >= 11 ? 3 : 4;

    // librdkafka 2.16 asks for all topics by four zeros, the room that it had kept for a count, where the null takes one.
    private const int RoomTooMuch = 3;

    public static MetadataRequest Read(ref KafkaReader reader, short version)
    {
        var count = reader.NullableCount(2);
        List<AskedTopic>? topics = count < 0 || (version == 0 && count == 0) ? null : [];
        for (; count > 0 && !reader.Failed; count--)
        {
            var id = version >= 10 ? reader.Id() : Guid.Empty;
            topics!.Add(new AskedTopic(version >= 10 ? reader.NullableString() : reader.String(), id));
            reader.Tags();
        }
        if (version >= 9 && topics is null && reader.Remaining == RoomTooMuch + FlexibleTail(version))
            reader.Pass(RoomTooMuch);
        var create = version < 4 || reader.Bool();
        if (version is >= 8 and <= 10)
            reader.Bool();
        if (version >= 8)
            reader.Bool();
        reader.Tags();
        return new MetadataRequest(topics, create);
    }
}

/// <param name="Name">Null: it was asked for by an id that no topic has.</param>
internal sealed record TopicMetadata(KafkaError Error, string? Name, IReadOnlyList<PartitionMetadata> Partitions, Guid Id = default);

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
        if (version is >= 8 and <= 10)
            writer.Int32(NotAsked);
        writer.Tags();
    }

    private static void Write(KafkaWriter writer, short version, TopicMetadata topic)
    {
        writer.Error(topic.Error);
        if (version >= 12)
            writer.NullableString(topic.Name);
        else
            writer.String(topic.Name ?? "");
        if (version >= 10)
            writer.Id(topic.Id);
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

namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>
/// OffsetCommit 2-7: <c>group | generation i32 | member | (2-4) retention i64 | (7) instance |
/// topics [name | partitions [index i32 | offset i64 | (6) leader epoch i32 | note]]</c>.
/// </summary>
internal sealed record OffsetCommitRequest(string Group, MemberRef Member, IReadOnlyList<OffsetCommitPartition> Partitions)
{
    /// <summary>From whoever reads alone.</summary>
    public bool IsAlone => Member.Generation < 0 && Member.Member.Length == 0;

    public static OffsetCommitRequest Read(ref KafkaReader reader, short version)
    {
        var (group, generation, member) = (reader.String(), reader.Int32(), reader.String());
        if (version <= 4)
            reader.Int64();
        var instance = version >= 7 ? reader.NullableString() : null;
        var partitions = new List<OffsetCommitPartition>();
        for (var topics = reader.Count(6); topics > 0 && !reader.Failed; topics--)
        {
            var topic = reader.String();
            for (var count = reader.Count(14); count > 0 && !reader.Failed; count--)
            {
                var (partition, offset) = (reader.Int32(), reader.Int64());
                if (version >= 6)
                    reader.Int32();
                partitions.Add(new OffsetCommitPartition(topic, partition, offset, reader.NullableString() ?? ""));
            }
        }
        return new OffsetCommitRequest(group, new MemberRef(member, generation, instance), partitions);
    }
}

internal readonly record struct OffsetCommitPartition(string Topic, int Partition, long Offset, string Note);

internal static class OffsetCommitResponse
{
    public static void Write(KafkaWriter writer, short version, IReadOnlyList<OffsetCommitPartition> asked, KafkaError[] errors)
    {
        if (version >= 3)
            writer.Int32(0);
        ByTopic.Write(writer, asked, partition => partition.Topic, (at, partition) =>
        {
            writer.Int32(partition.Partition);
            writer.Error(errors[at]);
        });
    }
}

/// <summary>OffsetFetch 1-5: <c>group | topics [name | partitions [i32]], from 2 null means all</c>.</summary>
internal sealed record OffsetFetchRequest(string Group, IReadOnlyList<TopicPartition>? Partitions)
{
    public static OffsetFetchRequest Read(ref KafkaReader reader, short version)
    {
        var group = reader.String();
        var topics = version >= 2 ? reader.NullableCount(6) : reader.Count(6);
        if (topics < 0)
            return new OffsetFetchRequest(group, null);
        var partitions = new List<TopicPartition>();
        for (; topics > 0 && !reader.Failed; topics--)
        {
            var topic = reader.String();
            foreach (var partition in reader.Int32Array())
                partitions.Add(new TopicPartition(topic, partition));
        }
        return new OffsetFetchRequest(group, partitions);
    }
}

internal readonly record struct TopicPartition(string Topic, int Partition);

internal readonly record struct OffsetFetchPartition(string Topic, int Partition, long Offset, string Note);

internal static class OffsetFetchResponse
{
    /// <param name="error">Of all; before version 2 it stands with each partition.</param>
    public static void Write(KafkaWriter writer, short version, KafkaError error, IReadOnlyList<OffsetFetchPartition> found)
    {
        if (version >= 3)
            writer.Int32(0);
        ByTopic.Write(writer, found, partition => partition.Topic, (_, partition) =>
        {
            writer.Int32(partition.Partition);
            writer.Int64(partition.Offset);
            if (version >= 5)
                writer.Int32(-1);
            writer.NullableString(partition.Note);
            writer.Error(error);
        });
        if (version >= 2)
            writer.Error(error);
    }
}

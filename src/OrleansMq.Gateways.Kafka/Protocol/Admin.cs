namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>DeleteTopics 0-6: <c>topics [name], from 6 [name or null | id] | timeout i32</c>.</summary>
internal sealed record DeleteTopicsRequest(IReadOnlyList<AskedTopic> Topics)
{
    public static DeleteTopicsRequest Read(ref KafkaReader reader, short version)
    {
        var topics = new AskedTopic[reader.Count(version >= 6 ? 18 : 2)];
        for (var i = 0; i < topics.Length && !reader.Failed; i++)
        {
            if (version < 6)
            {
                topics[i] = new AskedTopic(reader.String(), Guid.Empty);
                continue;
            }
            topics[i] = new AskedTopic(reader.NullableString(), reader.Id());
            reader.Tags();
        }
        reader.Int32();
        reader.Tags();
        return new DeleteTopicsRequest(topics);
    }
}

/// <summary>CreatePartitions 0-3: <c>topics [name | count i32 | assignments [nodes [i32]] or null] | timeout i32 | only validate, bool</c>.</summary>
internal sealed record CreatePartitionsRequest(IReadOnlyList<NewPartitions> Topics, bool ValidateOnly)
{
    public static CreatePartitionsRequest Read(ref KafkaReader reader, short version)
    {
        var topics = new NewPartitions[reader.Count(10)];
        for (var i = 0; i < topics.Length && !reader.Failed; i++)
        {
            var (name, count, assigned) = (reader.String(), reader.Int32(), reader.NullableCount(4));
            for (var left = assigned; left > 0 && !reader.Failed; left--)
            {
                reader.Int32Array();
                reader.Tags();
            }
            reader.Tags();
            topics[i] = new NewPartitions(name, count, assigned < 0 ? null : assigned);
        }
        reader.Int32();
        var validateOnly = reader.Bool();
        reader.Tags();
        return new CreatePartitionsRequest(topics, validateOnly);
    }
}

/// <param name="Count">Of all partitions then.</param>
/// <param name="Assigned">For how many of the new ones nodes are named; null: for none.</param>
internal readonly record struct NewPartitions(string Topic, int Count, int? Assigned);

/// <summary>DeleteRecords 0-2: <c>topics [name | partitions [index i32 | offset i64]] | timeout i32</c>.</summary>
internal sealed record DeleteRecordsRequest(IReadOnlyList<DeleteRecordsPartition> Partitions)
{
    public static DeleteRecordsRequest Read(ref KafkaReader reader, short version)
    {
        var partitions = new List<DeleteRecordsPartition>();
        for (var topics = reader.Count(6); topics > 0 && !reader.Failed; topics--)
        {
            var topic = reader.String();
            for (var count = reader.Count(12); count > 0 && !reader.Failed; count--)
            {
                partitions.Add(new DeleteRecordsPartition(topic, reader.Int32(), reader.Int64()));
                reader.Tags();
            }
            reader.Tags();
        }
        reader.Int32();
        reader.Tags();
        return new DeleteRecordsRequest(partitions);
    }
}

/// <param name="Offset">-1: the end.</param>
internal readonly record struct DeleteRecordsPartition(string Topic, int Partition, long Offset);

internal static class DeleteRecordsResponse
{
    public static void Write(KafkaWriter writer, IReadOnlyList<DeleteRecordsPartition> asked, (long Start, KafkaError Error)[] results)
    {
        writer.Throttle();
        ByTopic.Write(writer, asked, partition => partition.Topic, (at, partition) =>
        {
            writer.Int32(partition.Partition);
            writer.Int64(results[at].Start);
            writer.Error(results[at].Error);
        });
        writer.Tags();
    }
}

/// <summary>OffsetForLeaderEpoch 0-4: <c>(3) replica i32 | topics [name | partitions [index i32 | (2) current epoch i32 | epoch i32]]</c>.</summary>
internal sealed record OffsetForLeaderEpochRequest(IReadOnlyList<EpochPartition> Partitions)
{
    public static OffsetForLeaderEpochRequest Read(ref KafkaReader reader, short version)
    {
        if (version >= 3)
            reader.Int32();
        var partitions = new List<EpochPartition>();
        for (var topics = reader.Count(6); topics > 0 && !reader.Failed; topics--)
        {
            var topic = reader.String();
            for (var count = reader.Count(8); count > 0 && !reader.Failed; count--)
            {
                var partition = reader.Int32();
                if (version >= 2)
                    reader.Int32();
                partitions.Add(new EpochPartition(topic, partition, reader.Int32()));
                reader.Tags();
            }
            reader.Tags();
        }
        reader.Tags();
        return new OffsetForLeaderEpochRequest(partitions);
    }
}

internal readonly record struct EpochPartition(string Topic, int Partition, int Epoch);

internal static class OffsetForLeaderEpochResponse
{
    public static void Write(KafkaWriter writer, short version, IReadOnlyList<EpochPartition> asked, (long End, KafkaError Error)[] results)
    {
        if (version >= 2)
            writer.Throttle();
        ByTopic.Write(writer, asked, partition => partition.Topic, (at, partition) =>
        {
            writer.Error(results[at].Error);
            writer.Int32(partition.Partition);
            if (version >= 1)
                writer.Int32(results[at].Error == KafkaError.None ? partition.Epoch : -1);
            writer.Int64(results[at].End);
        });
        writer.Tags();
    }
}

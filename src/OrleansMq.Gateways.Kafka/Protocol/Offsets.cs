namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>
/// OffsetCommit 2-9: <c>group | generation or member's epoch i32 | member | (2-4) retention i64 | (7) instance |
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
                reader.Tags();
            }
            reader.Tags();
        }
        reader.Tags();
        return new OffsetCommitRequest(group, new MemberRef(member, generation, instance), partitions);
    }
}

internal readonly record struct OffsetCommitPartition(string Topic, int Partition, long Offset, string Note);

internal static class OffsetCommitResponse
{
    public static void Write(KafkaWriter writer, short version, IReadOnlyList<OffsetCommitPartition> asked, KafkaError[] errors)
    {
        if (version >= 3)
            writer.Throttle();
        ByTopic.Write(writer, asked, partition => partition.Topic, (at, partition) =>
        {
            writer.Int32(partition.Partition);
            writer.Error(errors[at]);
        });
        writer.Tags();
    }
}

/// <summary>OffsetFetch 1-9: <c>group | (9) member or null | (9) member's epoch i32 | topics [name | partitions [i32]], from 2 null means all</c>, from 8 a list of these; <c>(7) only stable, bool</c>.</summary>
internal sealed record OffsetFetchRequest(IReadOnlyList<OffsetFetchGroup> Groups, bool OnlyStable)
{
    public static OffsetFetchRequest Read(ref KafkaReader reader, short version)
    {
        var groups = new OffsetFetchGroup[version >= 8 ? reader.Count(4) : 1];
        for (var i = 0; i < groups.Length; i++)
        {
            groups[i] = ReadGroup(ref reader, version);
            if (version >= 8)
                reader.Tags();
        }
        var onlyStable = version >= 7 && reader.Bool();
        reader.Tags();
        return new OffsetFetchRequest(groups, onlyStable);
    }

    private static OffsetFetchGroup ReadGroup(ref KafkaReader reader, short version)
    {
        var group = reader.String();
        var member = version >= 9 ? ReadMember(ref reader) : null;
        var topics = version >= 2 ? reader.NullableCount(6) : reader.Count(6);
        if (topics < 0)
            return new OffsetFetchGroup(group, member, null);
        var partitions = new List<TopicPartition>();
        for (; topics > 0 && !reader.Failed; topics--)
        {
            var topic = reader.String();
            foreach (var partition in reader.Int32Array())
                partitions.Add(new TopicPartition(topic, partition));
            reader.Tags();
        }
        return new OffsetFetchGroup(group, member, partitions);
    }

    private static MemberRef? ReadMember(ref KafkaReader reader)
    {
        var (name, epoch) = (reader.NullableString(), reader.Int32());
        return string.IsNullOrEmpty(name) && epoch < 0 ? null : new MemberRef(name ?? "", epoch);
    }
}

/// <param name="Member">Who reads on from there, where it says so.</param>
/// <param name="Partitions">Null: all on which something was committed.</param>
internal sealed record OffsetFetchGroup(string Group, MemberRef? Member, IReadOnlyList<TopicPartition>? Partitions);

internal readonly record struct TopicPartition(string Topic, int Partition);

internal readonly record struct OffsetFetchPartition(string Topic, int Partition, long Offset, string Note, KafkaError Error = KafkaError.None);

/// <param name="Error">Of all; before version 2 it stands with each partition.</param>
internal sealed record OffsetFetchFound(string Group, KafkaError Error, IReadOnlyList<OffsetFetchPartition> Partitions);

internal static class OffsetFetchResponse
{
    /// <param name="found">One before version 8.</param>
    public static void Write(KafkaWriter writer, short version, IReadOnlyList<OffsetFetchFound> found)
    {
        if (version >= 3)
            writer.Throttle();
        if (version >= 8)
        {
            writer.Array(found, (w, group) =>
            {
                w.String(group.Group);
                WriteGroup(w, version, group);
            });
        }
        else
        {
            WriteGroup(writer, version, found[0]);
        }
        writer.Tags();
    }

    private static void WriteGroup(KafkaWriter writer, short version, OffsetFetchFound found)
    {
        ByTopic.Write(writer, found.Partitions, partition => partition.Topic, (_, partition) =>
        {
            writer.Int32(partition.Partition);
            writer.Int64(partition.Offset);
            if (version >= 5)
                writer.Int32(-1);
            writer.NullableString(partition.Note);
            writer.Error(partition.Error == KafkaError.None ? found.Error : partition.Error);
        });
        if (version >= 2)
            writer.Error(found.Error);
    }
}

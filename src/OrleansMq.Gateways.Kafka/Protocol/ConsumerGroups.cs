namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>
/// ConsumerGroupHeartbeat 0-1: <c>group | member | epoch i32 | instance or null | rack or null | rebalance timeout i32, -1: unchanged | topics [name] or null |
/// (1) regex or null | assignor or null | owned [topic's id | partitions [i32]] or null</c>. What is null did not change.
/// </summary>
internal sealed record ConsumerGroupHeartbeatRequest
{
    public required string Group { get; init; }
    public required string Member { get; init; }
    public required int Epoch { get; init; }
    public string? Instance { get; init; }
    public string? Rack { get; init; }
    public int RebalanceMs { get; init; }
    public IReadOnlyList<string>? Topics { get; init; }
    public string? Regex { get; init; }
    public string? Assignor { get; init; }
    public IReadOnlyList<OwnedTopic>? Owned { get; init; }

    public static ConsumerGroupHeartbeatRequest Read(ref KafkaReader reader, short version)
    {
        var request = new ConsumerGroupHeartbeatRequest
        {
            Group = reader.String(),
            Member = reader.String(),
            Epoch = reader.Int32(),
            Instance = reader.NullableString(),
            Rack = reader.NullableString(),
            RebalanceMs = reader.Int32(),
            Topics = reader.NullableStringArray(),
            Regex = version >= 1 ? reader.NullableString() : null,
            Assignor = reader.NullableString(),
            Owned = ReadOwned(ref reader),
        };
        reader.Tags();
        return request;
    }

    private static OwnedTopic[]? ReadOwned(ref KafkaReader reader)
    {
        var count = reader.NullableCount(20);
        if (count < 0)
            return null;
        var owned = new OwnedTopic[count];
        for (var i = 0; i < count && !reader.Failed; i++)
        {
            owned[i] = new OwnedTopic(reader.Id(), reader.Int32Array());
            reader.Tags();
        }
        return owned;
    }
}

internal static class ConsumerGroupHeartbeatResponse
{
    /// <param name="standing">Null where it is refused.</param>
    public static void Write(KafkaWriter writer, KafkaError error, string? why, MemberStanding? standing, TimeSpan interval)
    {
        writer.Throttle();
        writer.Error(error);
        writer.NullableString(why);
        writer.NullableString(standing?.Member);
        writer.Int32(standing?.Epoch ?? 0);
        writer.Int32(standing is null ? 0 : (int)interval.TotalMilliseconds);
        // A structure that may be missing has a byte before it.
        writer.Byte(standing?.Assigned is null ? (byte)0xff : (byte)1);
        if (standing?.Assigned is { } assigned)
        {
            writer.Array(assigned, (w, topic) =>
            {
                w.Id(topic.Id);
                w.Int32Array(topic.Partitions);
            });
            writer.Tags();
        }
        writer.Tags();
    }
}

/// <summary>ConsumerGroupDescribe 0: <c>groups [name] | bool</c>.</summary>
internal sealed record ConsumerGroupDescribeRequest(IReadOnlyList<string> Groups)
{
    public static ConsumerGroupDescribeRequest Read(ref KafkaReader reader, short version)
    {
        var groups = reader.StringArray();
        reader.Bool();
        reader.Tags();
        return new ConsumerGroupDescribeRequest(groups);
    }
}

internal sealed record DescribedConsumerGroup(string Name, KafkaError Error, string? Why, AssignedGroup? Group);

internal static class ConsumerGroupDescribeResponse
{
    public static void Write(KafkaWriter writer, IReadOnlyList<DescribedConsumerGroup> groups)
    {
        writer.Throttle();
        writer.Array(groups, (w, described) =>
        {
            var group = described.Group;
            w.Error(described.Error);
            w.NullableString(described.Why);
            w.String(described.Name);
            w.String(group?.Phase.ToString() ?? "");
            // The targets are made with the epoch.
            w.Int32(group?.Epoch ?? 0);
            w.Int32(group?.Epoch ?? 0);
            w.String(group?.Assignor ?? "");
            w.Array(group?.Members ?? [], Write);
            w.Int32(int.MinValue);
        });
        writer.Tags();
    }

    private static void Write(KafkaWriter writer, AssignedMember member)
    {
        writer.String(member.Member);
        writer.NullableString(member.Instance);
        writer.NullableString(member.Rack);
        writer.Int32(member.Epoch);
        writer.String(member.Client);
        writer.String(member.Host);
        writer.Count(member.Topics.Count);
        foreach (var topic in member.Topics)
            writer.String(topic.Text);
        writer.NullableString(member.Pattern.Length == 0 ? null : member.Pattern);
        Write(writer, member.Assigned);
        Write(writer, member.Target);
    }

    private static void Write(KafkaWriter writer, IReadOnlyList<AssignedTopic> topics)
    {
        writer.Array(topics, (w, topic) =>
        {
            w.Id(topic.Id);
            w.String(topic.Topic.Text);
            w.Int32Array(topic.Partitions);
        });
        writer.Tags();
    }
}

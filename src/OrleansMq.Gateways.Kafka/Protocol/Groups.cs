namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>DescribeGroups 0-5: <c>groups [name] | (3) bool</c>.</summary>
internal sealed record DescribeGroupsRequest(IReadOnlyList<string> Groups)
{
    public static DescribeGroupsRequest Read(ref KafkaReader reader, short version)
    {
        var groups = reader.StringArray();
        if (version >= 3)
            reader.Bool();
        reader.Tags();
        return new DescribeGroupsRequest(groups);
    }
}

internal sealed record DescribedGroup(string Name, KafkaError Error, string State, CoordinatedGroup? Group);

internal static class DescribeGroupsResponse
{
    public static void Write(KafkaWriter writer, short version, IReadOnlyList<DescribedGroup> groups)
    {
        if (version >= 1)
            writer.Throttle();
        writer.Array(groups, (w, group) =>
        {
            w.Error(group.Error);
            w.String(group.Name);
            w.String(group.State);
            w.String(group.Group?.ProtocolType ?? "");
            w.String(group.Group?.Protocol ?? "");
            w.Array(group.Group?.Members ?? [], (m, member) => Write(m, version, member));
            if (version >= 3)
                w.Int32(int.MinValue);
        });
        writer.Tags();
    }

    private static void Write(KafkaWriter writer, short version, CoordinatedMember member)
    {
        writer.String(member.Member);
        if (version >= 4)
            writer.NullableString(member.Instance);
        writer.String(member.Client);
        writer.String(member.Host);
        writer.Bytes(member.Metadata.Span);
        writer.Bytes(member.Assignment.Span);
    }
}

/// <summary>ListGroups 0-5: <c>(4) states [name] | (5) types [name]</c>.</summary>
/// <param name="Phases">Empty: all.</param>
/// <param name="Kinds">Empty: all.</param>
internal sealed record ListGroupsRequest(IReadOnlyList<string> Phases, IReadOnlyList<string> Kinds)
{
    public static ListGroupsRequest Read(ref KafkaReader reader, short version)
    {
        string[] phases = version >= 4 ? reader.StringArray() : [];
        string[] kinds = version >= 5 ? reader.StringArray() : [];
        reader.Tags();
        return new ListGroupsRequest(phases, kinds);
    }
}

internal static class ListGroupsResponse
{
    public static void Write(KafkaWriter writer, short version, KafkaError error, IReadOnlyList<CoordinatedGroup> groups)
    {
        if (version >= 1)
            writer.Throttle();
        writer.Error(error);
        writer.Array(groups, (w, group) =>
        {
            w.String(group.Name.Text);
            w.String(group.ProtocolType);
            if (version >= 4)
                w.String(group.Phase.ToString());
            if (version >= 5)
                w.String(group.Kind == GroupKind.Consumer ? "consumer" : "classic");
        });
        writer.Tags();
    }
}

/// <summary>DeleteGroups 0-2: <c>groups [name]</c>.</summary>
internal sealed record DeleteGroupsRequest(IReadOnlyList<string> Groups)
{
    public static DeleteGroupsRequest Read(ref KafkaReader reader, short version)
    {
        var groups = reader.StringArray();
        reader.Tags();
        return new DeleteGroupsRequest(groups);
    }
}

/// <summary>What DeleteGroups and, from version 1 on, DeleteTopics answer: <c>throttle i32 | [name | error]</c>.</summary>
internal static class NamedResponse
{
    public static void Write(KafkaWriter writer, bool throttled, IReadOnlyList<NamedResult> results, bool withMessage = false, bool withId = false)
    {
        if (throttled)
            writer.Throttle();
        writer.Array(results, (w, result) =>
        {
            w.String(result.Name);
            if (withId)
                w.Id(result.Id);
            w.Error(result.Error);
            if (withMessage)
                w.NullableString(result.Message);
        });
        writer.Tags();
    }
}

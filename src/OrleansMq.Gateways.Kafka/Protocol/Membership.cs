namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>JoinGroup 0-6: <c>group | session i32 | (1) rebalance i32 | member | (5) instance | protocol type | protocols [name | metadata]</c>.</summary>
internal sealed record JoinGroupRequest
{
    public required string Group { get; init; }
    public required int SessionMs { get; init; }
    public required int RebalanceMs { get; init; }
    public required string Member { get; init; }
    public required string? Instance { get; init; }
    public required string ProtocolType { get; init; }

    /// <summary>Copied out of the frame: the group keeps them.</summary>
    public required IReadOnlyList<GroupProtocol> Protocols { get; init; }

    public static JoinGroupRequest Read(ref KafkaReader reader, short version)
    {
        var (group, session) = (reader.String(), reader.Int32());
        var rebalance = version >= 1 ? reader.Int32() : session;
        var member = reader.String();
        var instance = version >= 5 ? reader.NullableString() : null;
        var type = reader.String();
        var protocols = new GroupProtocol[reader.Count(6)];
        for (var i = 0; i < protocols.Length; i++)
        {
            protocols[i] = new GroupProtocol(reader.String(), reader.Bytes().ToArray());
            reader.Tags();
        }
        reader.Tags();
        return new JoinGroupRequest { Group = group, SessionMs = session, RebalanceMs = rebalance, Member = member, Instance = instance, ProtocolType = type, Protocols = protocols };
    }
}

internal static class JoinGroupResponse
{
    public static void Write(KafkaWriter writer, short version, KafkaError error, JoinedGroup joined)
    {
        if (version >= 2)
            writer.Throttle();
        writer.Error(error);
        writer.Int32(error == KafkaError.None ? joined.Generation : -1);
        writer.String(joined.Protocol);
        writer.String(joined.Leader);
        writer.String(joined.Member);
        writer.Array(joined.Members, (w, member) =>
        {
            w.String(member.Member);
            if (version >= 5)
                w.NullableString(member.Instance);
            w.Bytes(member.Metadata.Span);
        });
        writer.Tags();
    }
}

/// <summary>SyncGroup 0-4: <c>group | generation i32 | member | (3) instance | assignments [member | bytes]</c>.</summary>
internal sealed record SyncGroupRequest(string Group, MemberRef Member, IReadOnlyList<MemberAssignment> Assignments)
{
    public static SyncGroupRequest Read(ref KafkaReader reader, short version)
    {
        var (group, member) = HeartbeatRequest.ReadMember(ref reader, version);
        var assignments = new MemberAssignment[reader.Count(6)];
        for (var i = 0; i < assignments.Length; i++)
        {
            assignments[i] = new MemberAssignment(reader.String(), reader.Bytes().ToArray());
            reader.Tags();
        }
        reader.Tags();
        return new SyncGroupRequest(group, member, assignments);
    }
}

internal static class SyncGroupResponse
{
    public static void Write(KafkaWriter writer, short version, KafkaError error, ReadOnlyMemory<byte> assignment)
    {
        if (version >= 1)
            writer.Throttle();
        writer.Error(error);
        writer.Bytes(assignment.Span);
        writer.Tags();
    }
}

/// <summary>Heartbeat 0-4: <c>group | generation i32 | member | (3) instance</c>.</summary>
internal sealed record HeartbeatRequest(string Group, MemberRef Member)
{
    public static HeartbeatRequest Read(ref KafkaReader reader, short version)
    {
        var (group, member) = ReadMember(ref reader, version);
        reader.Tags();
        return new HeartbeatRequest(group, member);
    }

    /// <summary>What SyncGroup begins with as well.</summary>
    public static (string Group, MemberRef Member) ReadMember(ref KafkaReader reader, short version)
    {
        var (group, generation, member) = (reader.String(), reader.Int32(), reader.String());
        return (group, new MemberRef(member, generation, version >= 3 ? reader.NullableString() : null));
    }
}

internal static class HeartbeatResponse
{
    public static void Write(KafkaWriter writer, short version, KafkaError error)
    {
        if (version >= 1)
            writer.Throttle();
        writer.Error(error);
        writer.Tags();
    }
}

/// <summary>LeaveGroup 0-4: <c>group | member</c>, from 3 <c>group | members [member | instance]</c>.</summary>
internal sealed record LeaveGroupRequest(string Group, IReadOnlyList<MemberRef> Members)
{
    public static LeaveGroupRequest Read(ref KafkaReader reader, short version)
    {
        var group = reader.String();
        if (version < 3)
            return new LeaveGroupRequest(group, [new MemberRef(reader.String(), 0)]);
        var members = new MemberRef[reader.Count(4)];
        for (var i = 0; i < members.Length; i++)
        {
            var member = reader.String();
            members[i] = new MemberRef(member, 0, reader.NullableString());
            reader.Tags();
        }
        reader.Tags();
        return new LeaveGroupRequest(group, members);
    }
}

internal static class LeaveGroupResponse
{
    /// <param name="results">One for each member; before version 3 the only one's is the whole answer.</param>
    public static void Write(KafkaWriter writer, short version, KafkaError error, IReadOnlyList<(MemberRef Member, KafkaError Error)> results)
    {
        if (version >= 1)
            writer.Throttle();
        writer.Error(version < 3 && error == KafkaError.None && results.Count == 1 ? results[0].Error : error);
        if (version < 3)
            return;
        writer.Array(results, (w, result) =>
        {
            w.String(result.Member.Member);
            w.NullableString(result.Member.Instance);
            w.Error(result.Error);
        });
        writer.Tags();
    }
}

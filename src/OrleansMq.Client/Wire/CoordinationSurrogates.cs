namespace OrleansMq.Client.Wire;

// What Kafka's members say of themselves and what they are assigned is bytes, and crosses as such.

[GenerateSerializer, Alias("OrleansMq.GroupJoinSurrogate")]
internal readonly record struct GroupJoinSurrogate(
    string Member, string? Instance, bool NameFirst, string Client, string Host, TimeSpan Session, TimeSpan Rebalance, string ProtocolType, GroupProtocol[] Protocols);

[RegisterConverter]
internal sealed class GroupJoinConverter : IConverter<GroupJoin, GroupJoinSurrogate>
{
    public GroupJoin ConvertFromSurrogate(in GroupJoinSurrogate surrogate) => new()
    {
        Member = surrogate.Member,
        Instance = surrogate.Instance,
        NameFirst = surrogate.NameFirst,
        Client = surrogate.Client,
        Host = surrogate.Host,
        Session = surrogate.Session,
        Rebalance = surrogate.Rebalance,
        ProtocolType = surrogate.ProtocolType,
        Protocols = surrogate.Protocols,
    };

    public GroupJoinSurrogate ConvertToSurrogate(in GroupJoin value) => new(
        value.Member, value.Instance, value.NameFirst, value.Client, value.Host, value.Session, value.Rebalance, value.ProtocolType, [.. value.Protocols]);
}

[GenerateSerializer, Alias("OrleansMq.GroupProtocolSurrogate")]
internal readonly record struct GroupProtocolSurrogate(string Name, byte[] Metadata);

[RegisterConverter]
internal sealed class GroupProtocolConverter : IConverter<GroupProtocol, GroupProtocolSurrogate>
{
    public GroupProtocol ConvertFromSurrogate(in GroupProtocolSurrogate surrogate) => new(surrogate.Name, surrogate.Metadata);

    public GroupProtocolSurrogate ConvertToSurrogate(in GroupProtocol value) => new(value.Name, value.Metadata.ToArray());
}

[GenerateSerializer, Alias("OrleansMq.JoinedGroupSurrogate")]
internal readonly record struct JoinedGroupSurrogate(bool JoinAgain, string Member, int Generation, string Protocol, string Leader, GroupMetadata[] Members);

[RegisterConverter]
internal sealed class JoinedGroupConverter : IConverter<JoinedGroup, JoinedGroupSurrogate>
{
    public JoinedGroup ConvertFromSurrogate(in JoinedGroupSurrogate surrogate) => new()
    {
        JoinAgain = surrogate.JoinAgain,
        Member = surrogate.Member,
        Generation = surrogate.Generation,
        Protocol = surrogate.Protocol,
        Leader = surrogate.Leader,
        Members = surrogate.Members,
    };

    public JoinedGroupSurrogate ConvertToSurrogate(in JoinedGroup value) => new(value.JoinAgain, value.Member, value.Generation, value.Protocol, value.Leader, [.. value.Members]);
}

[GenerateSerializer, Alias("OrleansMq.GroupMetadataSurrogate")]
internal readonly record struct GroupMetadataSurrogate(string Member, string? Instance, byte[] Metadata);

[RegisterConverter]
internal sealed class GroupMetadataConverter : IConverter<GroupMetadata, GroupMetadataSurrogate>
{
    public GroupMetadata ConvertFromSurrogate(in GroupMetadataSurrogate surrogate) => new(surrogate.Member, surrogate.Instance, surrogate.Metadata);

    public GroupMetadataSurrogate ConvertToSurrogate(in GroupMetadata value) => new(value.Member, value.Instance, value.Metadata.ToArray());
}

[GenerateSerializer, Alias("OrleansMq.MemberRefSurrogate")]
internal readonly record struct MemberRefSurrogate(string Member, int Generation, string? Instance);

[RegisterConverter]
internal sealed class MemberRefConverter : IConverter<MemberRef, MemberRefSurrogate>
{
    public MemberRef ConvertFromSurrogate(in MemberRefSurrogate surrogate) => new(surrogate.Member, surrogate.Generation, surrogate.Instance);

    public MemberRefSurrogate ConvertToSurrogate(in MemberRef value) => new(value.Member, value.Generation, value.Instance);
}

[GenerateSerializer, Alias("OrleansMq.MemberAssignmentSurrogate")]
internal readonly record struct MemberAssignmentSurrogate(string Member, byte[] Assignment);

[RegisterConverter]
internal sealed class MemberAssignmentConverter : IConverter<MemberAssignment, MemberAssignmentSurrogate>
{
    public MemberAssignment ConvertFromSurrogate(in MemberAssignmentSurrogate surrogate) => new(surrogate.Member, surrogate.Assignment);

    public MemberAssignmentSurrogate ConvertToSurrogate(in MemberAssignment value) => new(value.Member, value.Assignment.ToArray());
}

[GenerateSerializer, Alias("OrleansMq.GroupOffsetSurrogate")]
internal readonly record struct GroupOffsetSurrogate(TopicName Topic, int Partition, long Offset, string Note);

[RegisterConverter]
internal sealed class GroupOffsetConverter : IConverter<GroupOffset, GroupOffsetSurrogate>
{
    public GroupOffset ConvertFromSurrogate(in GroupOffsetSurrogate surrogate) => new(surrogate.Topic, surrogate.Partition, surrogate.Offset, surrogate.Note);

    public GroupOffsetSurrogate ConvertToSurrogate(in GroupOffset value) => new(value.Topic, value.Partition, value.Offset, value.Note);
}

[GenerateSerializer, Alias("OrleansMq.CoordinatedGroupSurrogate")]
internal readonly record struct CoordinatedGroupSurrogate(GroupName Name, GroupPhase Phase, string ProtocolType, string Protocol, CoordinatedMember[] Members, GroupKind Kind);

[RegisterConverter]
internal sealed class CoordinatedGroupConverter : IConverter<CoordinatedGroup, CoordinatedGroupSurrogate>
{
    public CoordinatedGroup ConvertFromSurrogate(in CoordinatedGroupSurrogate surrogate) =>
        new(surrogate.Name, surrogate.Phase, surrogate.ProtocolType, surrogate.Protocol, surrogate.Members) { Kind = surrogate.Kind };

    public CoordinatedGroupSurrogate ConvertToSurrogate(in CoordinatedGroup value) => new(value.Name, value.Phase, value.ProtocolType, value.Protocol, [.. value.Members], value.Kind);
}

[GenerateSerializer, Alias("OrleansMq.CoordinatedMemberSurrogate")]
internal readonly record struct CoordinatedMemberSurrogate(string Member, string? Instance, string Client, string Host, byte[] Metadata, byte[] Assignment);

[RegisterConverter]
internal sealed class CoordinatedMemberConverter : IConverter<CoordinatedMember, CoordinatedMemberSurrogate>
{
    public CoordinatedMember ConvertFromSurrogate(in CoordinatedMemberSurrogate surrogate) =>
        new(surrogate.Member, surrogate.Instance, surrogate.Client, surrogate.Host, surrogate.Metadata, surrogate.Assignment);

    public CoordinatedMemberSurrogate ConvertToSurrogate(in CoordinatedMember value) =>
        new(value.Member, value.Instance, value.Client, value.Host, value.Metadata.ToArray(), value.Assignment.ToArray());
}

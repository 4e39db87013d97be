namespace OrleansMq.Client.Wire;

[GenerateSerializer, Alias("OrleansMq.MemberBeatSurrogate")]
internal readonly record struct MemberBeatSurrogate(
    string Member, int Epoch, string? Instance, string? Rack, string Client, string Host, TimeSpan Session, TimeSpan? Rebalance, TopicName[]? Topics, string? Pattern,
    TopicName[]? Matched, string? Assignor, OwnedTopic[]? Owned, bool Repeated);

[RegisterConverter]
internal sealed class MemberBeatConverter : IConverter<MemberBeat, MemberBeatSurrogate>
{
    public MemberBeat ConvertFromSurrogate(in MemberBeatSurrogate surrogate) => new()
    {
        Member = surrogate.Member,
        Epoch = surrogate.Epoch,
        Instance = surrogate.Instance,
        Rack = surrogate.Rack,
        Client = surrogate.Client,
        Host = surrogate.Host,
        Session = surrogate.Session,
        Rebalance = surrogate.Rebalance,
        Topics = surrogate.Topics,
        Pattern = surrogate.Pattern,
        Matched = surrogate.Matched,
        Assignor = surrogate.Assignor,
        Owned = surrogate.Owned,
        Repeated = surrogate.Repeated,
    };

    public MemberBeatSurrogate ConvertToSurrogate(in MemberBeat value) => new(
        value.Member, value.Epoch, value.Instance, value.Rack, value.Client, value.Host, value.Session, value.Rebalance, value.Topics?.ToArray(), value.Pattern,
        value.Matched?.ToArray(), value.Assignor, value.Owned?.ToArray(), value.Repeated);
}

[GenerateSerializer, Alias("OrleansMq.OwnedTopicSurrogate")]
internal readonly record struct OwnedTopicSurrogate(Guid Topic, int[] Partitions);

[RegisterConverter]
internal sealed class OwnedTopicConverter : IConverter<OwnedTopic, OwnedTopicSurrogate>
{
    public OwnedTopic ConvertFromSurrogate(in OwnedTopicSurrogate surrogate) => new(surrogate.Topic, surrogate.Partitions);

    public OwnedTopicSurrogate ConvertToSurrogate(in OwnedTopic value) => new(value.Topic, [.. value.Partitions]);
}

[GenerateSerializer, Alias("OrleansMq.AssignedTopicSurrogate")]
internal readonly record struct AssignedTopicSurrogate(Guid Id, TopicName Topic, int[] Partitions);

[RegisterConverter]
internal sealed class AssignedTopicConverter : IConverter<AssignedTopic, AssignedTopicSurrogate>
{
    public AssignedTopic ConvertFromSurrogate(in AssignedTopicSurrogate surrogate) => new(surrogate.Id, surrogate.Topic, surrogate.Partitions);

    public AssignedTopicSurrogate ConvertToSurrogate(in AssignedTopic value) => new(value.Id, value.Topic, [.. value.Partitions]);
}

[GenerateSerializer, Alias("OrleansMq.MemberStandingSurrogate")]
internal readonly record struct MemberStandingSurrogate(string Member, int Epoch, AssignedTopic[]? Assigned, string? Pattern);

[RegisterConverter]
internal sealed class MemberStandingConverter : IConverter<MemberStanding, MemberStandingSurrogate>
{
    public MemberStanding ConvertFromSurrogate(in MemberStandingSurrogate surrogate) => new(surrogate.Member, surrogate.Epoch, surrogate.Assigned) { Pattern = surrogate.Pattern };

    public MemberStandingSurrogate ConvertToSurrogate(in MemberStanding value) => new(value.Member, value.Epoch, value.Assigned?.ToArray(), value.Pattern);
}

[GenerateSerializer, Alias("OrleansMq.AssignedGroupSurrogate")]
internal readonly record struct AssignedGroupSurrogate(GroupName Name, GroupPhase Phase, int Epoch, string Assignor, AssignedMember[] Members);

[RegisterConverter]
internal sealed class AssignedGroupConverter : IConverter<AssignedGroup, AssignedGroupSurrogate>
{
    public AssignedGroup ConvertFromSurrogate(in AssignedGroupSurrogate surrogate) => new(surrogate.Name, surrogate.Phase, surrogate.Epoch, surrogate.Assignor, surrogate.Members);

    public AssignedGroupSurrogate ConvertToSurrogate(in AssignedGroup value) => new(value.Name, value.Phase, value.Epoch, value.Assignor, [.. value.Members]);
}

[GenerateSerializer, Alias("OrleansMq.AssignedMemberSurrogate")]
internal readonly record struct AssignedMemberSurrogate(
    string Member, string? Instance, string? Rack, int Epoch, string Client, string Host, TopicName[] Topics, string Pattern, AssignedTopic[] Assigned, AssignedTopic[] Target);

[RegisterConverter]
internal sealed class AssignedMemberConverter : IConverter<AssignedMember, AssignedMemberSurrogate>
{
    public AssignedMember ConvertFromSurrogate(in AssignedMemberSurrogate surrogate) => new()
    {
        Member = surrogate.Member,
        Instance = surrogate.Instance,
        Rack = surrogate.Rack,
        Epoch = surrogate.Epoch,
        Client = surrogate.Client,
        Host = surrogate.Host,
        Topics = surrogate.Topics,
        Pattern = surrogate.Pattern,
        Assigned = surrogate.Assigned,
        Target = surrogate.Target,
    };

    public AssignedMemberSurrogate ConvertToSurrogate(in AssignedMember value) => new(
        value.Member, value.Instance, value.Rack, value.Epoch, value.Client, value.Host, [.. value.Topics], value.Pattern, [.. value.Assigned], [.. value.Target]);
}

namespace OrleansMq.Access;

/// <summary>Kafka's groups as one tenant sees them.</summary>
/// <param name="demandRoom">A group is one on each topic on which it has positions.</param>
internal sealed class TenantCoordinator(IGroupCoordinator inner, TenantNames names, Func<TopicName, GroupName, CancellationToken, ValueTask> demandRoom) : IGroupCoordinator
{
    public ValueTask<JoinedGroup> Join(GroupName group, GroupJoin join, CancellationToken cancel = default) => names.Shown(inner.Join(names.In(group), join, cancel));

    public ValueTask<ReadOnlyMemory<byte>> Sync(GroupName group, MemberRef member, IReadOnlyList<MemberAssignment> assignments, CancellationToken cancel = default) =>
        names.Shown(inner.Sync(names.In(group), member, assignments, cancel));

    public ValueTask Heartbeat(GroupName group, MemberRef member, CancellationToken cancel = default) => names.Shown(inner.Heartbeat(names.In(group), member, cancel));

    public async ValueTask<MemberStanding> Beat(GroupName group, MemberBeat beat, CancellationToken cancel = default)
    {
        var kept = beat with { Topics = beat.Topics?.Select(names.In).ToList(), Matched = beat.Matched?.Select(names.In).ToList() };
        var standing = await names.Shown(inner.Beat(names.In(group), kept, cancel));
        return standing with { Assigned = standing.Assigned?.Select(Out).ToList() };
    }

    public ValueTask CheckEpoch(GroupName group, MemberRef member, CancellationToken cancel = default) => names.Shown(inner.CheckEpoch(names.In(group), member, cancel));

    public async ValueTask<AssignedGroup> DescribeAssigned(GroupName group, CancellationToken cancel = default)
    {
        var described = await names.Shown(inner.DescribeAssigned(names.In(group), cancel));
        return described with
        {
            Name = group,
            Members = [.. described.Members.Select(member => member with
            {
                Topics = [.. member.Topics.Select(topic => new TopicName(names.Out(topic.Text)))],
                Assigned = [.. member.Assigned.Select(Out)],
                Target = [.. member.Target.Select(Out)],
            })],
        };
    }

    public ValueTask<IReadOnlyList<string?>> Leave(GroupName group, IReadOnlyList<MemberRef> members, CancellationToken cancel = default) =>
        names.Shown(inner.Leave(names.In(group), members, cancel));

    public async ValueTask<IReadOnlyList<MqError?>> Commit(GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets, CancellationToken cancel = default)
    {
        foreach (var offset in offsets)
            await demandRoom(offset.Topic, group, cancel);
        return [.. (await names.Shown(inner.Commit(names.In(group), member, [.. offsets.Select(names.In)], cancel))).Select(names.Shown)];
    }

    public async ValueTask<IReadOnlyList<GroupOffset>> Committed(GroupName group, IReadOnlyList<TopicName>? topics = null, CancellationToken cancel = default) =>
    [
        .. (await names.Shown(inner.Committed(names.In(group), topics?.Select(names.In).ToList(), cancel)))
            .Where(offset => names.IsOurs(offset.Topic.Text)).Select(offset => offset with { Topic = names.Out(offset.Topic.Text) }),
    ];

    public async ValueTask<CoordinatedGroup> Describe(GroupName group, CancellationToken cancel = default) => await names.Shown(inner.Describe(names.In(group), cancel)) with { Name = group };

    public async ValueTask<Page<CoordinatedGroup>> List(string? after = null, int max = 100, CancellationToken cancel = default) =>
        names.Out(await names.Shown(inner.List(names.InList(after), max, cancel)), group => group.Name.Text, (group, text) => group with { Name = text });

    private AssignedTopic Out(AssignedTopic topic) => topic with { Topic = names.Out(topic.Topic.Text) };

    public ValueTask Delete(GroupName group, CancellationToken cancel = default) => names.Shown(inner.Delete(names.In(group), cancel));
}

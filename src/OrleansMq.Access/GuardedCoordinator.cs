namespace OrleansMq.Access;

/// <summary>Kafka's groups as one principal may use them. The topics of a group are asked for where its cursors are moved or shown.</summary>
internal sealed class GuardedCoordinator(GuardedBroker caller, IGroupCoordinator inner) : IGroupCoordinator
{
    public async ValueTask<JoinedGroup> Join(GroupName group, GroupJoin join, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Consume, group);
        return await inner.Join(group, join, cancel);
    }

    public async ValueTask<ReadOnlyMemory<byte>> Sync(GroupName group, MemberRef member, IReadOnlyList<MemberAssignment> assignments, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Consume, group);
        return await inner.Sync(group, member, assignments, cancel);
    }

    public async ValueTask Heartbeat(GroupName group, MemberRef member, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Consume, group);
        await inner.Heartbeat(group, member, cancel);
    }

    public async ValueTask<MemberStanding> Beat(GroupName group, MemberBeat beat, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Consume, group);
        foreach (var topic in (beat.Topics ?? []).Concat(beat.Matched ?? []))
            caller.Demand(AccessOperations.Describe, ResourceKind.Topic, topic.Text);
        return await inner.Beat(group, beat, cancel);
    }

    public async ValueTask CheckEpoch(GroupName group, MemberRef member, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Describe, group);
        await inner.CheckEpoch(group, member, cancel);
    }

    public async ValueTask<AssignedGroup> DescribeAssigned(GroupName group, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Describe, group);
        var described = await inner.DescribeAssigned(group, cancel);
        foreach (var topic in described.Members.SelectMany(member => member.Topics.Concat(member.Assigned.Concat(member.Target).Select(assigned => assigned.Topic))).Distinct())
            caller.Demand(AccessOperations.Describe, ResourceKind.Topic, topic.Text);
        return described;
    }

    public async ValueTask<IReadOnlyList<string?>> Leave(GroupName group, IReadOnlyList<MemberRef> members, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Consume, group);
        return await inner.Leave(group, members, cancel);
    }

    public async ValueTask<IReadOnlyList<MqError?>> Commit(GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Consume, group);
        var refused = offsets.Select(offset => caller.May(AccessOperations.Consume, ResourceKind.Topic, offset.Topic.Text)
            ? null
            : caller.Refusal(AccessOperations.Consume, ResourceKind.Topic, offset.Topic.Text).Error).ToArray();
        if (refused.All(error => error is null))
            return await inner.Commit(group, member, offsets, cancel);
        var done = await inner.Commit(group, member, [.. offsets.Where((_, i) => refused[i] is null)], cancel);
        var next = 0;
        return [.. refused.Select(error => error ?? done[next++])];
    }

    public async ValueTask<IReadOnlyList<GroupOffset>> Committed(GroupName group, IReadOnlyList<TopicName>? topics = null, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Describe, group);
        var asked = topics?.Where(IsVisible).ToList();
        return asked is { Count: 0 } ? [] : [.. (await inner.Committed(group, asked, cancel)).Where(offset => IsVisible(offset.Topic))];
    }

    public async ValueTask<CoordinatedGroup> Describe(GroupName group, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Describe, group);
        return await inner.Describe(group, cancel);
    }

    public ValueTask<Page<CoordinatedGroup>> List(string? after = null, int max = 100, CancellationToken cancel = default) => GuardedBroker.Visible(
        from => inner.List(from, max, cancel), after, max, group => group.Name.Text, group => caller.May(AccessOperations.Describe, ResourceKind.Group, group.Name.Text));

    public async ValueTask Delete(GroupName group, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Delete, group);
        await inner.Delete(group, cancel);
        caller.Done("deleteGroup", $"group {group}");
    }

    private bool IsVisible(TopicName topic) => caller.May(AccessOperations.Describe, ResourceKind.Topic, topic.Text);

    private void Demand(AccessOperations operation, GroupName group) => caller.Demand(operation, ResourceKind.Group, group.Text);
}

namespace OrleansMq.Access;

/// <summary>Groups and dead letters: the operation is asked of the group, and of its topic what the call makes of that.</summary>
public sealed partial class GuardedBroker
{
    /// <summary>A declared group holds back its topic's messages, so whoever declares one has to be allowed to consume.</summary>
    public async ValueTask<GroupDescription> PutGroup(TopicName topic, GroupName group, GroupChange change, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Consume, ResourceKind.Topic, topic.Text);
        Demand(AccessOperations.Create | AccessOperations.Alter, ResourceKind.Group, group.Text);
        if (!(May(AccessOperations.Create, ResourceKind.Group, group.Text) && May(AccessOperations.Alter, ResourceKind.Group, group.Text)))
            Demand(await GroupExists(topic, group, cancel) ? AccessOperations.Alter : AccessOperations.Create, ResourceKind.Group, group.Text);
        var put = await _inner.PutGroup(topic, group, change, cancel);
        Done(put.Created ? "createGroup" : "alterGroup", $"topic {topic} group {group}");
        return put;
    }

    public async ValueTask<GroupDescription> DescribeGroup(TopicName topic, GroupName group, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Describe, AccessOperations.Describe, topic, group);
        return await _inner.DescribeGroup(topic, group, cancel);
    }

    public async ValueTask DeleteGroup(TopicName topic, GroupName group, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Describe, AccessOperations.Delete, topic, group);
        await _inner.DeleteGroup(topic, group, cancel);
        Done("deleteGroup", $"topic {topic} group {group}");
    }

    public async ValueTask<Page<GroupName>> ListGroups(TopicName topic, string? after = null, int max = 100, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Describe, ResourceKind.Topic, topic.Text);
        return await Visible(from => _inner.ListGroups(topic, from, max, cancel), after, max, group => group.Text, group => May(AccessOperations.Describe, ResourceKind.Group, group.Text));
    }

    public ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default) =>
        WhyNotConsume(topic, group) is { } refusal
            ? ValueTask.FromException<IReadOnlyList<Delivery>>(refusal)
            : _inner.Receive(topic, group, request, cancel);

    public ValueTask<IReadOnlyList<SettleResult>> Settle(TopicName topic, GroupName group, Settlement settlement, CancellationToken cancel = default) =>
        WhyNotConsume(topic, group) is { } refusal
            ? ValueTask.FromException<IReadOnlyList<SettleResult>>(refusal)
            : _inner.Settle(topic, group, settlement, cancel);

    public async ValueTask<Assignment> Join(TopicName topic, GroupName group, string member, TimeSpan sessionTimeout, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Consume, AccessOperations.Consume, topic, group);
        return await _inner.Join(topic, group, member, sessionTimeout, cancel);
    }

    public async ValueTask Heartbeat(TopicName topic, GroupName group, string member, int generation, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Consume, AccessOperations.Consume, topic, group);
        await _inner.Heartbeat(topic, group, member, generation, cancel);
    }

    public async ValueTask Leave(TopicName topic, GroupName group, string member, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Consume, AccessOperations.Consume, topic, group);
        await _inner.Leave(topic, group, member, cancel);
    }

    public async ValueTask Commit(TopicName topic, GroupName group, CommitRequest request, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Consume, AccessOperations.Consume, topic, group);
        await _inner.Commit(topic, group, request, cancel);
    }

    /// <summary>Leases of others end by it: more than consuming.</summary>
    public async ValueTask Seek(TopicName topic, GroupName group, SeekRequest request, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Consume, AccessOperations.Alter, topic, group);
        await _inner.Seek(topic, group, request, cancel);
        Done("seek", $"topic {topic} group {group}");
    }

    /// <summary>With another message in their place it is also producing.</summary>
    public async ValueTask<int> Redrive(TopicName topic, GroupName group, DeadLetterSelection selection, Message? replace = null, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Describe, AccessOperations.Redrive, topic, group);
        if (replace is not null)
            Demand(AccessOperations.Produce, ResourceKind.Topic, topic.Text);
        var count = await _inner.Redrive(topic, group, selection, replace, cancel);
        Done("redrive", $"topic {topic} group {group}");
        return count;
    }

    public async ValueTask<int> Discard(TopicName topic, GroupName group, DeadLetterSelection selection, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Describe, AccessOperations.Redrive, topic, group);
        var count = await _inner.Discard(topic, group, selection, cancel);
        Done("discard", $"topic {topic} group {group}");
        return count;
    }

    private void Demand(AccessOperations onTopic, AccessOperations onGroup, TopicName topic, GroupName group)
    {
        Demand(onTopic, ResourceKind.Topic, topic.Text);
        Demand(onGroup, ResourceKind.Group, group.Text);
    }

    private MqException? WhyNotConsume(TopicName topic, GroupName group)
    {
        if (!May(AccessOperations.Consume, ResourceKind.Topic, topic.Text))
            return Refusal(AccessOperations.Consume, ResourceKind.Topic, topic.Text);
        return May(AccessOperations.Consume, ResourceKind.Group, group.Text) ? null : Refusal(AccessOperations.Consume, ResourceKind.Group, group.Text);
    }

    private async ValueTask<bool> GroupExists(TopicName topic, GroupName group, CancellationToken cancel)
    {
        try
        {
            await _inner.DescribeGroup(topic, group, cancel);
            return true;
        }
        catch (MqException e) when (e.Code is ErrorCodes.GroupUnknown or ErrorCodes.TopicUnknown)
        {
            return false;
        }
    }
}

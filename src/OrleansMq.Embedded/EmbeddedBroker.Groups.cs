using OrleansMq.Core.Catalog;
using OrleansMq.Core.Groups;
using OrleansMq.Embedded;
using OrleansMq.Engine.Groups;

namespace OrleansMq;

/// <summary>The calls about consumer groups: find the group, hand on.</summary>
public sealed partial class EmbeddedBroker
{
    public async ValueTask<GroupDescription> PutGroup(TopicName topic, GroupName group, GroupChange change, CancellationToken cancel = default)
    {
        var found = await Topic(topic);
        while (true)
        {
            var (engine, created) = await found.EnsureGroup(group, change, declared: true, IsTopic);
            // Until the answer, however long that takes: its time begins then. One that is being deleted is waited for, and another is made.
            if (engine.TryUse() is not { } use)
                continue;
            using (use)
            {
                if (!created)
                {
                    await found.Written(engine, () => engine.Change(change));
                    await found.GroupChanged(engine);
                }

                return await found.Written(engine, () => engine.Describe(created));
            }
        }
    }

    public async ValueTask<GroupDescription> DescribeGroup(TopicName topic, GroupName group, CancellationToken cancel = default)
    {
        var (found, engine) = await Group(topic, group);
        return await found.Written(engine, () => engine.Describe());
    }

    public async ValueTask DeleteGroup(TopicName topic, GroupName group, CancellationToken cancel = default)
    {
        var (found, engine) = await Group(topic, group);
        await found.DeleteGroup(engine);
    }

    public async ValueTask<Page<GroupName>> ListGroups(TopicName topic, string? after = null, int max = 100, CancellationToken cancel = default)
    {
        PageSize.Check(max);
        var behind = (await Topic(topic)).GroupNames().Where(name => after is null || string.CompareOrdinal(name.Text, after) > 0).Take(max + 1).ToList();
        return behind.Count > max ? new Page<GroupName>(behind[..max], behind[max - 1].Text) : new Page<GroupName>(behind, null);
    }

    public async ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default)
    {
        ReceiveRules.Check(request);
        var (found, engine) = request.GroupId is { } ? await Group(topic, group) : await Use(topic, group, new GroupChange());
        using var use = engine.Use(request.GroupId);
        if (request.GroupId is { })
            await found.Used(engine);
        if (engine.Queue is not { } queue)
            throw new MqException(ErrorCodes.Conflict, $"Group '{group}' of topic '{topic}' is of log style: its members read and commit.");
        return await queue.Receive(request, cancel);
    }

    public async ValueTask<IReadOnlyList<SettleResult>> Settle(TopicName topic, GroupName group, Settlement settlement, CancellationToken cancel = default)
    {
        SettlementRules.Check(settlement);
        if (settlement.Lease is { } lease)
            CheckLease(lease);
        var (found, engine) = await Group(topic, group);
        await found.Taken(engine);
        var results = await engine.Settle(settlement);
        await found.NoteUse(engine);
        return results;
    }

    public async ValueTask<Assignment> Join(TopicName topic, GroupName group, string member, TimeSpan sessionTimeout, CancellationToken cancel = default)
    {
        var (found, engine) = await Use(topic, group, new GroupChange { Style = GroupStyle.Log });
        return await found.Written(engine, () => engine.Join(member, sessionTimeout));
    }

    public async ValueTask Heartbeat(TopicName topic, GroupName group, string member, int generation, CancellationToken cancel = default)
    {
        var (found, engine) = await Group(topic, group);
        await found.Taken(engine);
        await found.Written(engine, () => engine.Heartbeat(member, generation));
        await found.NoteUse(engine);
    }

    public async ValueTask Leave(TopicName topic, GroupName group, string member, CancellationToken cancel = default)
    {
        var (found, engine) = await Group(topic, group);
        await found.Written(engine, () => engine.Leave(member));
    }

    public async ValueTask Commit(TopicName topic, GroupName group, CommitRequest request, CancellationToken cancel = default)
    {
        var (found, engine) = await Use(topic, group, new GroupChange { Style = GroupStyle.Log });
        await found.Written(engine, () => engine.Commit(request));
    }

    public async ValueTask Seek(TopicName topic, GroupName group, SeekRequest request, CancellationToken cancel = default)
    {
        if (request.To is null == (request.Positions.Count == 0))
            throw new MqException(ErrorCodes.Malformed, "A seek names either a place for all partitions ('to') or 'positions', not both.");
        await (await Group(topic, group)).Engine.Seek(request);
    }

    public async ValueTask<int> Redrive(TopicName topic, GroupName group, DeadLetterSelection selection, Message? replace = null, CancellationToken cancel = default)
    {
        if (replace is not null)
            MessageCodec.Validate(replace);
        return await (await Group(topic, group)).Engine.Redrive(selection, replace);
    }

    public async ValueTask<int> Discard(TopicName topic, GroupName group, DeadLetterSelection selection, CancellationToken cancel = default) =>
        await (await Group(topic, group)).Engine.Discard(selection);

    public async ValueTask<Reconciliation> Reconcile(TopicName topic, GroupName group, ReconcileRequest request, CancellationToken cancel = default) =>
        await (await Group(topic, group)).Engine.Reconcile(request);

    public async ValueTask<int> Redeliver(TopicName topic, GroupName group, RedeliverRequest request, CancellationToken cancel = default) =>
        await (await Group(topic, group)).Engine.Redeliver(request);

    public async ValueTask<SessionState> Session(TopicName topic, GroupName group, SessionRequest request, CancellationToken cancel = default) =>
        await (await Group(topic, group)).Engine.Session(request);

    /// <summary>A group is made by its first use.</summary>
    private async ValueTask<(EmbeddedTopic Topic, GroupEngine Engine)> Use(TopicName topic, GroupName group, GroupChange firstUse)
    {
        var found = await Topic(topic);
        var (engine, _) = await found.EnsureGroup(group, firstUse, declared: false, IsTopic);
        await found.Used(engine);
        return (found, engine);
    }

    private async ValueTask<(EmbeddedTopic Topic, GroupEngine Engine)> Group(TopicName topic, GroupName group)
    {
        var found = await Topic(topic);
        return (found, found.FindGroupEngine(group) ?? throw new MqException(ErrorCodes.GroupUnknown, $"Topic '{topic}' has no group '{group}'."));
    }

    private async ValueTask<bool> IsTopic(TopicName name) => await _catalog.FindTopic(name) is not null;

    private static void CheckLease(TimeSpan lease) => CatalogLimits.Lease.Check(lease);
}

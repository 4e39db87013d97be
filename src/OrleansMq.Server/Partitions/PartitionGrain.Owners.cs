using OrleansMq.Client.Wire;
using OrleansMq.Core.Dedup;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Topics;
using OrleansMq.Server.Topics;

namespace OrleansMq.Server.Partitions;

/// <summary>What the topic's and the groups' grains ask.</summary>
internal sealed partial class PartitionGrain
{
    public async Task<PartitionDescription> DescribePartition(GroupName? deadLettersOf)
    {
        try
        {
            return await On(async engine =>
            {
                if (deadLettersOf is { } group)
                {
                    var (start, end) = await engine.DeadLetterRange(group);
                    return new PartitionDescription(_number, _silo.Name, start, end, 0);
                }

                engine.ThrowIfStopped();
                return new PartitionDescription(_number, _silo.Name, engine.Start, engine.End, engine.Bytes) { Delayed = engine.Delayed };
            });
        }
        catch (MqException error) when (error.Code != ErrorCodes.TopicUnknown)
        {
            return new PartitionDescription(_number, _silo.Name, 0, 0, 0, error.Error);
        }
    }

    public Task SetView(TopicView view)
    {
        if (_topic is null || view.Id != _topicId || !_topic.Update(view))
            return Task.CompletedTask;
        if (_opening is { IsCompletedSuccessfully: true } opened)
        {
            foreach (var group in view.Groups)
                opened.Result.SettingsChanged(group.Name);
            if (_topic.TracksBacklog)
                opened.Result.SayBacklog();
            opened.Result.RoomMade();
        }

        return Task.CompletedTask;
    }

    public Task<PartitionHolding> Holding() => On(engine => engine.Holding());

    public async Task RoomMade()
    {
        if (_opening is { IsCompletedSuccessfully: true } opened)
            (await opened).RoomMade();
    }

    public Task<long?> Wake() => On(async engine =>
    {
        // Answered in a turn, behind which the engine has said what comes next.
        await engine.IsQuiet();
        return _deadline.Asked();
    });

    public Task Grow(int partitions) => On(engine => engine.Grow(partitions));

    public Task<bool> IsDrained(GroupName group, int successor) => On(engine => engine.IsDrained(group, successor));

    public Task<RecordOutcome?[]> FindEarlier(TokenHash?[] tokens) => On(engine => engine.FindEarlier(tokens));

    public Task<long> TakeBackAdmissions(long asOf) => On(engine => engine.TakeBackAdmissions(asOf));

    public Task EnsureGroup(GroupDefinition group) => On(engine => engine.EnsureGroup(group));

    public Task RemoveGroup(GroupName group, Guid id) => On(engine => Remove(engine, group, id));

    private async Task Remove(PartitionEngine engine, GroupName group, Guid id)
    {
        var isGone = true;
        if (id == Guid.Empty)
            await engine.RemoveGroup(group);
        else
            isGone = await engine.RemoveGroup(group, id);
        if (isGone)
            _signals.Forget(group.Text);
        engine.RoomMade();
    }

    public Task KeepGroup(GroupName group, Guid id, TimeSpan time) => On(engine => engine.Keep(group, id, time));

    public Task<GroupPartition> DescribeGroup(GroupName group) => On(engine => engine.Describe(group));

    public Task Commit(GroupName group, long offset, int generation) => On(engine => engine.Commit(group, offset, generation));

    public Task Seek(GroupName group, StartAt to) => On(engine => engine.Seek(group, to));

    public Task<LeasedBlock> Receive(GroupName group, string holder, int max, TimeSpan lease) => Lease(group, engine => engine.Receive(group, holder, max, lease));

    public Task<LeasedBlock> ReceiveDeferred(GroupName group, string holder, long[] offsets, int max, TimeSpan lease) =>
        Lease(group, engine => engine.ReceiveDeferred(group, holder, offsets, max, lease));

    public Task<LeasedBlock> ReceiveAgain(GroupName group, string holder) => Lease(group, engine => engine.ReceiveAgain(group, holder));

    public Task<List<string>> RequestHolders(GroupName group) => On(engine => engine.RequestHolders(group));

    public Task<Reconciliation> Reconcile(GroupName group, ReconcileRequest request) => On(engine => engine.Reconcile(group, request));

    public Task<int> Redeliver(GroupName group, RedeliverRequest request) => On(engine => engine.Redeliver(group, request));

    private Task<LeasedBlock> Lease(GroupName group, Func<PartitionEngine, Task<LeasedMessages>> lease) => On(async engine =>
    {
        var signal = _signals.Of(group);
        signal.Asked();
        var leased = await lease(engine);
        _metrics.Delivered(leased.Deliveries.Count);
        return new LeasedBlock(leased.Leases, leased.Deliveries.Count == 0 ? DeliveryBlock.Empty : DeliveryBlock.Of(leased.Deliveries), signal.Standing);
    });

    public Task<GroupStanding> Standing(GroupName group) => On(_ => Task.FromResult(_signals.Of(group).Standing));

    public Task<string?[]> SettleOf(GroupName group, Settlement settlement, LeaseId[] leases, long? upTo) => On(engine => engine.Settle(group, settlement, leases, upTo));

    public Task<SessionState?[]> Sessions(GroupName group, byte[][] keys) => On(engine => engine.Sessions(group, [.. keys.Select(key => new ReadOnlyMemory<byte>(key))]));

    public Task<bool> HasSessions(GroupName group) => On(engine => engine.HasSessions(group));

    public Task SetSession(GroupName group, SessionRequest request) => On(engine => engine.SetSession(group, request));

    public Task<int> Redrive(GroupName group, long[]? offsets, Message? replace) => On(engine => engine.Redrive(group, offsets, replace));

    public Task<int> Discard(GroupName group, long[]? offsets) => On(engine => engine.Discard(group, offsets));
}

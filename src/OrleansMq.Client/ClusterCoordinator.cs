using OrleansMq.Client.Grains;

namespace OrleansMq.Client;

/// <summary>Groups over several topics, each a grain of the cluster.</summary>
internal sealed class ClusterCoordinator(IGrainFactory grains, Failover failover) : IGroupCoordinator
{
    /// <remarks>Where the grain is lost meanwhile, the join begins anew in the next one; a name that the lost one gave out ends with its session.</remarks>
    public async ValueTask<JoinedGroup> Join(GroupName group, GroupJoin join, CancellationToken cancel = default)
    {
        var call = Guid.NewGuid();
        while (true)
        {
            if (await failover.Ask(() => Grain(group).Join(call, join), Repeat.Freely, cancel) is { } joined)
                return joined;
        }
    }

    public async ValueTask<ReadOnlyMemory<byte>> Sync(GroupName group, MemberRef member, IReadOnlyList<MemberAssignment> assignments, CancellationToken cancel = default)
    {
        var call = Guid.NewGuid();
        MemberAssignment[] given = [.. assignments];
        while (true)
        {
            if (await failover.Ask(() => Grain(group).Sync(call, member, given), Repeat.Freely, cancel) is { } mine)
                return mine;
        }
    }

    public async ValueTask Heartbeat(GroupName group, MemberRef member, CancellationToken cancel = default) =>
        await failover.Ask(() => Grain(group).Heartbeat(member), Repeat.Freely, cancel);

    public async ValueTask<MemberStanding> Beat(GroupName group, MemberBeat beat, CancellationToken cancel = default) =>
        await failover.Ask(async repeated =>
        {
            try
            {
                return await Grain(group).Beat(repeated ? beat with { Repeated = true } : beat);
            }
            catch (MqException gone) when (repeated && beat.Epoch == MemberBeat.Leaves && gone.Code == ErrorCodes.MemberUnknown)
            {
                // It left by the try that nobody heard of.
                return new MemberStanding(beat.Member, beat.Epoch, null);
            }
        }, Repeat.Freely, cancel);

    public async ValueTask CheckEpoch(GroupName group, MemberRef member, CancellationToken cancel = default) =>
        await failover.Ask(() => Grain(group).CheckEpoch(member), Repeat.Freely, cancel);

    public async ValueTask<AssignedGroup> DescribeAssigned(GroupName group, CancellationToken cancel = default) =>
        await failover.Ask(() => Grain(group).DescribeAssigned(), Repeat.Freely, cancel);

    public async ValueTask<IReadOnlyList<string?>> Leave(GroupName group, IReadOnlyList<MemberRef> members, CancellationToken cancel = default) =>
        await failover.Ask(async repeated =>
        {
            var codes = await Grain(group).Leave([.. members]);
            // Who is not there any more was taken out by the try that nobody heard of.
            return repeated ? Array.ConvertAll(codes, code => code == ErrorCodes.MemberUnknown ? null : code) : codes;
        }, Repeat.Freely, cancel);

    public async ValueTask<IReadOnlyList<MqError?>> Commit(GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets, CancellationToken cancel = default) =>
        await failover.Ask(() => Grain(group).Commit(member, [.. offsets]), Repeat.Freely, cancel);

    public async ValueTask<IReadOnlyList<GroupOffset>> Committed(GroupName group, IReadOnlyList<TopicName>? topics = null, CancellationToken cancel = default) =>
        await failover.Ask(() => Grain(group).Committed(topics is null ? null : [.. topics]), Repeat.Freely, cancel);

    public async ValueTask<CoordinatedGroup> Describe(GroupName group, CancellationToken cancel = default) =>
        await failover.Ask(() => Grain(group).Describe(), Repeat.Freely, cancel);

    public async ValueTask<Page<CoordinatedGroup>> List(string? after = null, int max = 100, CancellationToken cancel = default) =>
        await failover.Ask(() => grains.GetGrain<IBrokerGrain>(0).ListCoordinated(after, max), Repeat.Freely, cancel);

    public async ValueTask Delete(GroupName group, CancellationToken cancel = default) =>
        await failover.Ask(async repeated =>
        {
            try
            {
                await Grain(group).Delete();
            }
            catch (MqException gone) when (repeated && gone.Code == ErrorCodes.GroupUnknown)
            {
                // The try that nobody heard of deleted it.
            }

            return true;
        }, Repeat.Freely, cancel);

    private ICoordinationGrain Grain(GroupName group) => grains.GetGrain<ICoordinationGrain>(group.Text);
}

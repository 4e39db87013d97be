using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Topics;

namespace OrleansMq.Server.Partitions;

/// <summary>A partition as groups and the ledger know it, where it lives in a grain.</summary>
/// <param name="received">Told how the group stands on the partition after a receiving.</param>
internal sealed class PartitionProxy(IPartitionOwner grain, int number, Action<int, GroupStanding>? received = null) : IGroupPartition, IAdmissionPartition
{
    public Task EnsureGroup(GroupDefinition group) => GrainCalls.Ask(() => grain.EnsureGroup(group));

    public Task Keep(GroupName name, Guid id, TimeSpan time) => GrainCalls.Ask(() => grain.KeepGroup(name, id, time));

    public Task<GroupPartition> Describe(GroupName name) => GrainCalls.Ask(() => grain.DescribeGroup(name));

    public Task Commit(GroupName name, long offset, int generation) => GrainCalls.Ask(() => grain.Commit(name, offset, generation));

    public Task Seek(GroupName name, StartAt to) => GrainCalls.Ask(() => grain.Seek(name, to));

    public Task<bool> IsDrained(GroupName name, int successor) => GrainCalls.Ask(() => grain.IsDrained(name, successor));

    public Task<LeasedMessages> Receive(GroupName name, string holder, int max, TimeSpan lease) => Received(() => grain.Receive(name, holder, max, lease));

    public Task<LeasedMessages> ReceiveDeferred(GroupName name, string holder, IReadOnlyCollection<long> offsets, int max, TimeSpan lease) =>
        Received(() => grain.ReceiveDeferred(name, holder, [.. offsets], max, lease));

    public Task<LeasedMessages> ReceiveAgain(GroupName name, string holder) => Received(() => grain.ReceiveAgain(name, holder));

    public Task<List<string>> RequestHolders(GroupName name) => GrainCalls.Ask(() => grain.RequestHolders(name));

    private async Task<LeasedMessages> Received(Func<Task<LeasedBlock>> lease)
    {
        var leased = await GrainCalls.Ask(lease);
        received?.Invoke(number, leased.Standing);
        return new LeasedMessages(leased.Leases, leased.Deliveries.Read());
    }

    public Task<string?[]> Settle(GroupName name, Settlement settlement, IReadOnlyList<LeaseId> leases, long? upTo) =>
        GrainCalls.Ask(() => grain.SettleOf(name, settlement with { Leases = [], UpTo = [] }, [.. leases], upTo));

    public Task<SessionState?[]> Sessions(GroupName name, IReadOnlyList<ReadOnlyMemory<byte>> keys) => GrainCalls.Ask(() => grain.Sessions(name, [.. keys.Select(key => key.ToArray())]));

    public Task<bool> HasSessions(GroupName name) => GrainCalls.Ask(() => grain.HasSessions(name));

    public Task SetSession(GroupName name, SessionRequest request) => GrainCalls.Ask(() => grain.SetSession(name, request));

    public Task<int> Redrive(GroupName name, IReadOnlyCollection<long>? offsets, Message? replace) => GrainCalls.Ask(() => grain.Redrive(name, offsets?.ToArray(), replace));

    public Task<int> Discard(GroupName name, IReadOnlyCollection<long>? offsets) => GrainCalls.Ask(() => grain.Discard(name, offsets?.ToArray()));

    public Task<Reconciliation> Reconcile(GroupName name, ReconcileRequest request) => GrainCalls.Ask(() => grain.Reconcile(name, request));

    public Task<int> Redeliver(GroupName name, RedeliverRequest request) => GrainCalls.Ask(() => grain.Redeliver(name, request));

    public Task<long> TakeBackAdmissions(long asOf) => GrainCalls.Ask(() => grain.TakeBackAdmissions(asOf));
}

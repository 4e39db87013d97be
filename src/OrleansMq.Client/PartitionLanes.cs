using OrleansMq.Client.Grains;

namespace OrleansMq.Client;

/// <summary>The lanes, and the past, of a partition that is a grain. A call whose answer was lost is made again.</summary>
internal sealed class PartitionLanes(IPartitionGrain partition, Failover failover, CancellationToken cancel) : IScheduledMessages, IHalfMessages, IMessageTraces
{
    public Task<ScheduledMessage?> FindScheduled(string id) => failover.Ask(() => partition.FindScheduled(id), Repeat.Freely, cancel);

    public Task<bool> CancelScheduled(string id) => failover.Ask(() => partition.CancelScheduled(id), Repeat.UnlessItMayHaveHappened, cancel);

    public Task<ScheduledPart> ListScheduled(long from, int max) => failover.Ask(() => partition.ListScheduled(from, max), Repeat.Freely, cancel);

    /// <remarks>A second time is answered as the first was.</remarks>
    public Task<HalfResult> EndHalf(long offset, bool commit, bool force) => failover.Ask(() => partition.EndHalf(offset, commit, force), Repeat.Freely, cancel);

    public Task<HalfMessage?> FindHalf(long offset) => failover.Ask(() => partition.FindHalf(offset), Repeat.Freely, cancel);

    public Task<HalfPart> ListHalf(string? group, long from, int max) => failover.Ask(() => partition.ListHalf(group, from, max), Repeat.Freely, cancel);

    /// <remarks>Checks whose answer was lost are due again after the interval of their messages.</remarks>
    public async Task<IReadOnlyList<HalfMessage>> CheckHalf(string group, int max) =>
        (await failover.Ask(() => partition.CheckHalf(group, max), Repeat.Freely, cancel)).Messages;

    public Task<MessageTrace> Trace(long offset, long maxBytes) => failover.Ask(() => partition.Trace(offset, maxBytes), Repeat.Freely, cancel);

    public Task<long> FindToken(string token) => failover.Ask(() => partition.FindToken(token), Repeat.Freely, cancel);

    public Task<StageTimes> Stages(GroupName group, TimeSpan last) => failover.Ask(() => partition.Stages(group, last), Repeat.Freely, cancel);
}

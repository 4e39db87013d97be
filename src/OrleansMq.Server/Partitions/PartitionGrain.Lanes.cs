namespace OrleansMq.Server.Partitions;

/// <summary>What clients ask about delayed and half messages, and about where time went.</summary>
internal sealed partial class PartitionGrain
{
    public Task<ScheduledMessage?> FindScheduled(string id) => On(engine => engine.FindScheduled(id));

    public Task<bool> CancelScheduled(string id) => On(engine => engine.CancelScheduled(id));

    public Task<ScheduledPart> ListScheduled(long from, int max) => On(engine => engine.ListScheduled(from, max));

    public Task<HalfResult> EndHalf(long offset, bool commit, bool force) => On(engine => engine.EndHalf(offset, commit, force));

    public Task<HalfMessage?> FindHalf(long offset) => On(engine => engine.FindHalf(offset));

    public Task<HalfPart> ListHalf(string? group, long from, int max) => On(engine => engine.ListHalf(group, from, max));

    public Task<MessageTrace> Trace(long offset, long maxBytes) => On(engine => engine.Trace(offset, maxBytes));

    public Task<long> FindToken(string token) => On(engine => engine.FindToken(token));

    public Task<StageTimes> Stages(GroupName group, TimeSpan last) => On(engine => engine.Stages(group, last));

    public Task<HalfPart> CheckHalf(string group, int max) => On(async engine => new HalfPart(await engine.CheckHalf(group, max), -1));
}

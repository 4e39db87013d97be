using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation.Checks;

/// <summary>Every promise, checked over a whole history.</summary>
internal static class Checkers
{
    public static IEnumerable<Violation> All(History history, WorldPlan plan) =>
        LogCheck.Check(history, plan)
            .Concat(ProducerCheck.Check(history))
            .Concat(CursorCheck.Check(history))
            .Concat(LeaseCheck.Check(history, plan))
            .Concat(DeadLetterCheck.Check(history, plan))
            .Concat(DelayCheck.Check(history))
            .Concat(HalfCheck.Check(history))
            .Concat(TransactionCheck.Check(history))
            .Concat(GrowthCheck.Check(history))
            .Concat(RankedCheck.Check(history))
            .Concat(FilterCheck.Check(history))
            .Concat(StateCheck.Check(history))
            .Concat(BroadcastCheck.Check(history))
            .Concat(CompactionCheck.Check(history))
            .Concat(RestCheck.Check(history, plan));
}

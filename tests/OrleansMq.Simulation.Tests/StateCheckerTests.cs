using OrleansMq.Simulation.Worlds;
using Xunit;

namespace OrleansMq.Simulation.Tests;

/// <summary>Groups fold messages into states under load and under faults, beside redriven ones and while their topic grows: each message is in once; and a broker that does not keep to it is found.</summary>
public sealed class StateCheckerTests
{
    private const int Seeds = 6;

    /// <summary>In which a planted bug shows at the latest.</summary>
    private const int SeedsOfBugs = 24;

    private static WorldPlan PlanOf(int seed) => WorldPlan.Of(seed) with
    {
        Length = TimeSpan.FromSeconds(25), FaultEvery = TimeSpan.FromSeconds(3), LostReplies = 0.05, Others = false, Transactions = false, Growth = true, Ranked = true, Compaction = false, SnapshotBytes = 2_000, SegmentBytes = 4096,
    };

    [Fact]
    public void EachMessageIsInItsKeysStateOnce()
    {
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var verdict = Simulator.Run(PlanOf(seed), Planted.Nothing);
            Assert.True(verdict.Violations.Count == 0, $"seed {seed}: {string.Join("\n", verdict.Violations.Take(10))}");
        }
    }

    [Fact]
    public void ABrokerThatAcknowledgesWithoutTheStateNowAndThenIsFound() => Finds(broker => new LeavesStatesOut(broker), "state lost");

    [Fact]
    public void ABrokerThatSetsTheStateAfterTheAcknowledgementIsFound() => Finds(broker => new SetsStatesApart(broker), "state lost", "state forked");

    [Fact]
    public void ABrokerThatDoesNotLookWhetherTheStateHasMovedIsFound() => Finds(broker => new LooksAtNoVersion(broker), "state lost", "state forked");

    private static void Finds(Func<IBroker, IBroker> wrong, params string[] checkers)
    {
        for (var seed = 1; seed <= SeedsOfBugs; seed++)
            if (Simulator.Run(PlanOf(seed), new WrongBroker((broker, _) => wrong(broker))).Violations.Any(violation => checkers.Contains(violation.Checker)))
                return;
        Assert.Fail($"None of {string.Join(", ", checkers)} fired.");
    }

    private sealed class LeavesStatesOut(IBroker broker) : Lying(broker)
    {
        private int _calls;

        public override ValueTask<IReadOnlyList<SettleResult>> Settle(TopicName topic, GroupName group, Settlement settlement, CancellationToken cancel = default) =>
            base.Settle(topic, group, settlement.Sessions.Count > 0 && ++_calls % 20 == 0 ? settlement with { Sessions = [] } : settlement, cancel);
    }

    private sealed class LooksAtNoVersion(IBroker broker) : Lying(broker)
    {
        public override ValueTask<IReadOnlyList<SettleResult>> Settle(TopicName topic, GroupName group, Settlement settlement, CancellationToken cancel = default) =>
            base.Settle(topic, group, settlement with { Sessions = [.. settlement.Sessions.Select(session => session with { Version = null })] }, cancel);
    }

    /// <summary>Two calls in place of one: what comes between them, or ends the broker there, finds a message settled and its state not set.</summary>
    private sealed class SetsStatesApart(IBroker broker) : Lying(broker)
    {
        private readonly Dictionary<LeaseId, ReadOnlyMemory<byte>> _keys = [];

        public override async ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default)
        {
            var deliveries = await base.Receive(topic, group, request, cancel);
            foreach (var delivery in deliveries)
                if (delivery.Key is { } key)
                    _keys[delivery.Lease] = key.ToArray();
            return deliveries;
        }

        public override async ValueTask<IReadOnlyList<SettleResult>> Settle(TopicName topic, GroupName group, Settlement settlement, CancellationToken cancel = default)
        {
            var results = await base.Settle(topic, group, settlement with { Sessions = [] }, cancel);
            foreach (var session in settlement.Sessions)
                if (results.Any(result => result.Lease == session.Lease && result.Ok) && _keys.TryGetValue(session.Lease, out var key))
                    await base.Session(topic, group, new SessionRequest(key) { Set = session.State }, cancel);
            return results;
        }
    }
}

using OrleansMq.Simulation.Worlds;
using Xunit;

namespace OrleansMq.Simulation.Tests;

/// <summary>Ephemeral groups under faults keep what they promise; and a broker that does not is found.</summary>
public sealed class BroadcastCheckerTests
{
    private const int Seeds = 12;

    private static WorldPlan PlanOf(int seed) => WorldPlan.Of(seed) with
    {
        Length = TimeSpan.FromSeconds(30), FaultEvery = TimeSpan.FromSeconds(5), LostReplies = 0.05, Others = false, Transactions = false, Growth = false, Ranked = false, Compaction = false, Broadcast = true, SnapshotBytes = 2_000, SegmentBytes = 4096,
    };

    [Fact]
    public void EphemeralGroupsBreakNoPromise()
    {
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var verdict = Simulator.Run(PlanOf(seed), Planted.Nothing);
            Assert.True(verdict.Violations.Count == 0, $"seed {seed}: {string.Join("\n", verdict.Violations.Take(10))}");
        }
    }

    [Fact]
    public void ABrokerThatForgetsThatAGroupIsEphemeralIsFound() => Finds("broadcast left", broker => new ForgetsTheTime(broker));

    [Fact]
    public void ABrokerThatDeletesAGroupInUseIsFound() => Finds("broadcast deleted", broker => new DeletesNowAndThen(broker));

    [Fact]
    public void ABrokerThatMakesADeletedGroupAgainIsFound() => Finds("broadcast before", broker => new MakesItAgain(broker));

    [Fact]
    public void ABrokerThatSettlesWhatItDidNotDeliverIsFound() => Finds("broadcast lost", broker => new SwallowsNowAndThen(broker));

    private static void Finds(string checker, Func<IBroker, IBroker> wrong)
    {
        for (var seed = 1; seed <= Seeds; seed++)
            if (Simulator.Run(PlanOf(seed), new WrongBroker((broker, _) => wrong(broker))).Violations.Any(violation => violation.Checker == checker))
                return;
        Assert.Fail($"{checker} did not fire.");
    }

    private sealed class ForgetsTheTime(IBroker broker) : Lying(broker)
    {
        public override ValueTask<GroupDescription> PutGroup(TopicName topic, GroupName group, GroupChange change, CancellationToken cancel = default) =>
            base.PutGroup(topic, group, change with { DeleteAfterIdle = Change<TimeSpan?>.Keep }, cancel);
    }

    private sealed class DeletesNowAndThen(IBroker broker) : Lying(broker)
    {
        private int _receives;

        public override async ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default)
        {
            if (++_receives % 50 == 0)
                await base.DeleteGroup(topic, group, cancel);
            return await base.Receive(topic, group, request, cancel);
        }
    }

    /// <summary>By its name alone, and so by first use.</summary>
    private sealed class MakesItAgain(IBroker broker) : Lying(broker)
    {
        public override ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default) =>
            base.Receive(topic, group, request with { GroupId = null }, cancel);
    }

    private sealed class SwallowsNowAndThen(IBroker broker) : Lying(broker)
    {
        private int _deliveries;

        public override async ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default)
        {
            var deliveries = await base.Receive(topic, group, request, cancel);
            if (deliveries.Count == 0 || ++_deliveries % 20 != 0)
                return deliveries;
            await base.Settle(topic, group, Settlement.Acknowledge([.. deliveries.Select(delivery => delivery.Lease)]), cancel);
            return [];
        }
    }
}

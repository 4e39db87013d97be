using OrleansMq.Simulation.Worlds;
using Xunit;

namespace OrleansMq.Simulation.Tests;

/// <summary>Groups that deliver by priority, fairly and through a filter, under load and under faults: nothing is lost, passed over or out of its key's order; and a broker that does not keep to it is found.</summary>
public sealed class RankedCheckerTests
{
    private const int Seeds = 15;

    private static WorldPlan PlanOf(int seed) => WorldPlan.Of(seed) with
    {
        Length = TimeSpan.FromSeconds(25), FaultEvery = TimeSpan.FromSeconds(4), LostReplies = 0.05, Others = false, Transactions = false, Growth = false, Ranked = true, SnapshotBytes = 2_000, SegmentBytes = 4096,
    };

    [Fact]
    public void GroupsWithAnOrderOfTheirOwnBreakNoPromise()
    {
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var verdict = Simulator.Run(PlanOf(seed), Planted.Nothing);
            Assert.True(verdict.Violations.Count == 0, $"seed {seed}: {string.Join("\n", verdict.Violations.Take(10))}");
        }
    }

    [Fact]
    public void ABrokerThatForgetsPrioritiesIsFound() => Finds("priority", change => change with { Priority = false });

    [Fact]
    public void ABrokerThatIsNotFairIsFound() => Finds("fairness", change => change with { FairBy = Change<FairBy?>.Default });

    [Fact]
    public void ABrokerThatLetsKeysPassTheirDeadLettersIsFound() => Finds("held", change => change with { HoldKeyBehindDeadLetter = false });

    [Fact]
    public void ABrokerThatForgetsFiltersIsFound() => Finds("filter", change => change with { Filter = Change<string?>.Default });

    [Fact]
    public void ABrokerThatPassesOverWhatMatchesIsFound() => Finds("skipped", change => change.Filter.Kind == ChangeKind.Keep ? change : change with { Filter = "mq.priority > 6" });

    private static void Finds(string checker, Func<GroupChange, GroupChange> wrong)
    {
        for (var seed = 1; seed <= Seeds; seed++)
            if (Simulator.Run(PlanOf(seed), new WrongBroker((broker, _) => new ChangesGroups(broker, wrong))).Violations.Any(violation => violation.Checker == checker))
                return;
        Assert.Fail($"{checker} did not fire.");
    }

    /// <summary>Puts groups otherwise than it is told.</summary>
    private sealed class ChangesGroups(IBroker broker, Func<GroupChange, GroupChange> wrong) : Lying(broker)
    {
        public override ValueTask<GroupDescription> PutGroup(TopicName topic, GroupName group, GroupChange change, CancellationToken cancel = default) => base.PutGroup(topic, group, wrong(change), cancel);
    }
}

using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;
using Xunit;

namespace OrleansMq.Simulation.Tests;

/// <summary>Transactions while the power goes, and nothing else: between any two calls to the disk, one world each.</summary>
public sealed class TransactionCrashTests
{
    /// <summary>The first calls once clients are at work; <c>ORLEANSMQ_CRASH_CALLS=1000</c> goes further.</summary>
    private static readonly int Calls = int.Parse(Environment.GetEnvironmentVariable("ORLEANSMQ_CRASH_CALLS") ?? "50", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Always the same: up to the loss each world does what the others did.</summary>
    private const int Seed = 3;

    [Fact]
    public void APowerLossBetweenAnyTwoDiskCallsLeavesEachTransactionWhole()
    {
        var (committed, losses) = (0, 0);
        for (var call = 0; call < Calls; call++)
        {
            var (history, faults) = Run(call);
            committed += history.Transformations.Count(each => each.IsCommitted);
            losses += faults;
            Assert.True(history.Violations.Count == 0, $"power loss at call {call}:\n{string.Join("\n", history.Violations.Take(10))}");
        }

        Assert.Equal(Calls, losses);
        Assert.True(committed > 2 * Calls, $"Only {committed} transactions were committed in {Calls} worlds: nothing was tried.");
    }

    private static (History History, int Losses) Run(int call)
    {
        var plan = WorldPlan.Of(1) with
        {
            Others = false, Growth = false, Compaction = false, FaultEvery = TimeSpan.Zero, Length = TimeSpan.FromSeconds(5), LostReplies = 0, SegmentBytes = 4096, SnapshotBytes = 2_000, DiskLatency = TimeSpan.FromMilliseconds(1),
        };
        using var world = new World(Seed);
        var history = new History();
        var server = new Server(world, plan, history, Planted.Nothing);
        var machine = new LosesPowerOnce(server, call);
        history.Violations.AddRange(Simulator.Run(world, plan, machine, history).Violations.Except(history.Violations));
        return (history, machine.Losses);
    }

    /// <summary>The machine of the simulation, whose power goes at one call once clients are at work.</summary>
    private sealed class LosesPowerOnce(Server server, int call) : IMachine
    {
        private SimProcess? _before;

        public IBroker? Broker => server.Broker;
        public SimProcess? Process => server.Process;
        public Task Up => server.Up;
        public IReadOnlyDictionary<FaultKind, int> Faults => server.Faults;

        /// <summary>Whether another process serves than did when the loss was planned.</summary>
        public int Losses { get; private set; }

        public void Start() => server.Start();

        public Task Restart() => server.Restart();

        public void LosePower() => server.LosePower();

        public Task Misfortune()
        {
            _before = server.Process;
            server.Disk.PowerLossAt = server.Disk.Calls + 1 + call;
            return server.Misfortune();
        }

        public void Heal()
        {
            Losses = server.Process == _before ? 0 : 1;
            server.Heal();
        }
    }
}

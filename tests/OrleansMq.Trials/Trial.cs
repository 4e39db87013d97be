using OrleansMq.Simulation;
using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;
using OrleansMq.Trials.Machines;

namespace OrleansMq.Trials;

/// <summary>What one world of a trial came to.</summary>
/// <param name="Faults">What was done to the program, and how often.</param>
internal sealed record TrialResult(IReadOnlyList<Violation> Violations, Tally Tally, IReadOnlyDictionary<string, int> Faults, TimeSpan Time);

/// <summary>
/// The real program under the clients of the simulation, in real time: they write down what they asked and were told, outside the process, and the
/// same checkers judge it.
/// </summary>
internal static class Trial
{
    public static TrialResult Run(
        int seed, TimeSpan length, TimeSpan faultEvery, Volume volume, IReadOnlyDictionary<string, string> environment, Func<RealMachine, Task> misfortune, Action<string>? trace = null)
    {
        var plan = WorldPlan.Of(seed) with { Length = length, FaultEvery = faultEvery, LostReplies = 0.02, Publishers = 6, Appenders = 6, Consumers = 4, Transactions = false, Growth = false, Compaction = false };
        using var world = new World(seed, real: true);
        var history = new History { Trace = trace };
        using var machine = new RealMachine(world, history, volume, environment, misfortune);
        world.OnViolation = history.Violate;
        var verdict = Simulator.Run(world, plan, machine, history);
        return new TrialResult(verdict.Violations, verdict.Tally, machine.Faults.ToDictionary(fault => fault.Key.ToString(), fault => fault.Value), verdict.Time);
    }

    /// <summary>Strikes about so often until the world's clients stop.</summary>
    public static async Task Strike(RealMachine machine, TimeSpan length, TimeSpan every, Func<Task> strike)
    {
        while (true)
        {
            await machine.Up;
            await machine.World.Delay(machine.World.About(every));
            await machine.Up;
            if (machine.World.Elapsed > length)
                return;
            await strike();
        }
    }
}

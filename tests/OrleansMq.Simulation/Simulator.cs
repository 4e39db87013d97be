using OrleansMq.Simulation.Checks;
using OrleansMq.Simulation.Clients;
using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation;

/// <summary>What became of one seed.</summary>
public sealed record Verdict(int Seed, IReadOnlyList<Violation> Violations, ulong Hash, TimeSpan Time, int Calls, IReadOnlyDictionary<FaultKind, int> Faults, long Steps)
{
    public required Tally Tally { get; init; }

    public required int Growths { get; init; }

    /// <summary>Messages that compaction took.</summary>
    public required long Compacted { get; init; }
}

/// <summary>Runs one world from its seed: declares, works under faults, heals, drains, audits, and checks the history.</summary>
public static class Simulator
{
    public static Verdict Run(int seed, Action<string>? trace = null) => Run(WorldPlan.Of(seed), Planted.Nothing, trace);

    public static Verdict Run(WorldPlan plan, Planted planted, Action<string>? trace = null)
    {
        using var world = new World(plan.Seed);
        var history = new History { Trace = trace };
        var server = new Server(world, plan, history, planted);
        var verdict = Run(world, plan, server, history);
        if (trace is not null)
            Dump.Logs(server.Disk, trace);
        return verdict;
    }

    /// <summary>Runs a world on a machine of any kind.</summary>
    public static Verdict Run(World world, WorldPlan plan, IMachine machine, History history)
    {
        history.Note(plan.ToString());
        var link = new Link(world, machine, history, 0);
        var desk = new Desk(world, plan, link, history);
        try
        {
            world.Run(() => Live(world, plan, machine, link, desk, history));
        }
        catch (InvalidOperationException stuck)
        {
            history.Violate("world", stuck.Message);
        }

        var violations = history.Violations.Concat(Checkers.All(history, plan)).ToList();
        return new Verdict(plan.Seed, violations, history.Hash, world.Elapsed, link.Calls, machine.Faults, world.Steps) { Tally = Tally.Of(history), Growths = history.Growths, Compacted = CompactionCheck.Gone(history) };
    }

    private static async Task Live(World world, WorldPlan plan, IMachine machine, Link link, Desk desk, History history)
    {
        var population = new Population(desk);
        machine.Start();
        await machine.Up;
        await population.Settle();
        link.Lost = plan.LostReplies;
        var misfortune = machine.Misfortune();
        await population.Live();
        await misfortune;

        machine.Heal();
        link.Lost = 0;
        history.Note($"{world.Elapsed} healed");
        await Restarted(world, machine);
        await population.ComeToRest();
        // What is there now must be there after the power went once more, and after a clean end.
        if (plan.Seed % 2 == 0)
            machine.LosePower();
        await Restarted(world, machine);
        await population.Audit();
        foreach (var call in history.Calls)
            if (call.Process == machine.Process && call.Answered == long.MaxValue)
                history.Violate("hung", $"never answered: {call.What}");
    }

    private static async Task Restarted(World world, IMachine machine)
    {
        await world.Delay(TimeSpan.FromMilliseconds(1));
        await machine.Up;
        await machine.Restart();
        await machine.Up;
    }
}

using OrleansMq.Simulation.Checks;
using OrleansMq.Simulation.Clients;
using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation;

/// <summary>What became of one seed.</summary>
public sealed record Verdict(int Seed, IReadOnlyList<Violation> Violations, ulong Hash, TimeSpan Time, int Calls, IReadOnlyDictionary<FaultKind, int> Faults, long Steps);

/// <summary>Runs one world from its seed: declares, works under faults, heals, drains, audits, and checks the history.</summary>
public static class Simulator
{
    public static Verdict Run(int seed, Action<string>? trace = null) => Run(WorldPlan.Of(seed), Planted.Nothing, trace);

    public static Verdict Run(WorldPlan plan, Planted planted, Action<string>? trace = null)
    {
        var world = new World(plan.Seed);
        var history = new History { Trace = trace };
        history.Note(plan.ToString());
        var server = new Server(world, plan, history, planted);
        var link = new Link(world, server, history, 0);
        var desk = new Desk(world, plan, link, history);
        try
        {
            world.Run(() => Live(world, plan, server, link, desk, history));
        }
        catch (InvalidOperationException stuck)
        {
            history.Violate("world", stuck.Message);
        }

        var violations = history.Violations.Concat(Checkers.All(history, plan)).ToList();
        return new Verdict(plan.Seed, violations, history.Hash, world.Elapsed, link.Calls, server.Faults, world.Steps);
    }

    private static async Task Live(World world, WorldPlan plan, Server server, Link link, Desk desk, History history)
    {
        var population = new Population(desk);
        server.Start();
        await server.Up;
        await population.Settle();
        link.Lost = plan.LostReplies;
        var misfortune = new Misfortune(world, plan, server).Live();
        await population.Live();
        await misfortune;

        server.Heal();
        link.Lost = 0;
        history.Note($"{world.Elapsed} healed");
        await Restarted(world, server);
        await population.ComeToRest();
        // What is there now must be there after the power went once more, and after a clean end.
        if (plan.Seed % 2 == 0)
            server.Disk.LosePower();
        await Restarted(world, server);
        await population.Audit();
        foreach (var call in history.Calls)
            if (call.Process == server.Process && call.Answered == long.MaxValue)
                history.Violate("hung", $"never answered: {call.What}");
    }

    private static async Task Restarted(World world, Server server)
    {
        await world.Delay(TimeSpan.FromMilliseconds(1));
        await server.Up;
        await server.Restart();
        await server.Up;
    }
}

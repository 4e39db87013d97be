using System.Diagnostics;
using System.Globalization;
using OrleansMq.Core.Partitions;
using OrleansMq.Storage.Files.Repair;

namespace OrleansMq.Trials.Damage;

/// <summary>The trials of a damaged folder at length.</summary>
internal static class DamageCommands
{
    private const int Shown = 20;

    public static async Task<int> Run(string[] args)
    {
        var options = args[1..].Chunk(2).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => int.Parse(pair[1], CultureInfo.InvariantCulture));
        var watch = Stopwatch.StartNew();
        return args[0] switch
        {
            "torn" => await Torn(options.GetValueOrDefault("--step", 1), watch),
            "repair" => await Repaired(options, watch),
            _ => await Damaged(options, watch),
        };
    }

    private static async Task<int> Torn(int step, Stopwatch watch)
    {
        var (tried, violations) = await TornTailTrial.Run(step);
        Show(violations);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"torn tail: {tried} tails of one log (short, zeros behind, anything behind), {violations.Count} violations, {watch.Elapsed.TotalSeconds:0} s"));
        return violations.Count == 0 ? 0 : 1;
    }

    private static async Task<int> Damaged(Dictionary<string, int> options, Stopwatch watch)
    {
        var (flips, swaps, seed) = (new DamageResult(), new DamageResult(), options.GetValueOrDefault("--seed", 1));
        var trial = await DamageTrial.Prepare(seed, repairs: options.GetValueOrDefault("--repair") != 0, asksFirst: options.GetValueOrDefault("--repair") == 2);
        await trial.FlipBits(options.GetValueOrDefault("--flips", 10_000), seed, flips);
        Show(flips.Violations);
        Console.WriteLine($"bit flips: {flips}");
        await trial.SwapBlocks(options.GetValueOrDefault("--swaps", 1_000), seed, swaps);
        Show(swaps.Violations);
        Console.WriteLine($"swapped blocks: {swaps}");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{flips.Violations.Count + swaps.Violations.Count} violations, {watch.Elapsed.TotalSeconds:0} s"));
        return flips.Violations.Count + swaps.Violations.Count == 0 ? 0 : 1;
    }

    /// <summary>Each folder has other ids, and the damages of its own seed.</summary>
    private static async Task<int> Repaired(Dictionary<string, int> options, Stopwatch watch)
    {
        var (seed, code) = (options.GetValueOrDefault("--seed", 1), 0);
        for (var folder = 0; folder < options.GetValueOrDefault("--folders", 1); folder++)
            code |= await Repaired(options, seed + folder, watch);
        return code;
    }

    private static async Task<int> Repaired(Dictionary<string, int> options, int seed, Stopwatch watch)
    {
        var (rounds, code) = (options.GetValueOrDefault("--rounds", 2_000), 0);
        foreach (var plant in options.ContainsKey("--plant") ? Enum.GetValues<PlantedBug>().Where(bug => bug != PlantedBug.None) : [PlantedBug.None])
        {
            var tally = new RepairTally();
            Partition.PlantedLanesStandStill = plant == PlantedBug.LanesStandStill;
            await (await RepairTrial.Prepare(seed, plant)).Run(rounds, seed, tally);
            Show(tally.Violations);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"repairs, seed {seed}{(plant == PlantedBug.None ? "" : $" with {plant}")}: {tally}, {watch.Elapsed.TotalSeconds:0} s"));
            // A judge that passes a planted bug has failed.
            code |= tally.Violations.Count > 0 == (plant == PlantedBug.None) ? 1 : 0;
        }

        return code;
    }

    private static void Show(List<string> violations)
    {
        foreach (var violation in violations.Take(Shown))
            Console.WriteLine(violation);
        if (violations.Count > Shown)
            Console.WriteLine($"and {violations.Count - Shown} more");
    }
}

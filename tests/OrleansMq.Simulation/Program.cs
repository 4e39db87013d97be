using System.Globalization;
using OrleansMq.Simulation;

// dotnet run --project tests/OrleansMq.Simulation -c Release -- --seeds 10000 [--from 1] [--parallel CORES] [--seconds LIMIT] [--go-on 1]     many worlds
// dotnet run --project tests/OrleansMq.Simulation -c Release -- --seed 17                                                                    one world, with its trace
var options = args.Chunk(2).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => int.Parse(pair[1], CultureInfo.InvariantCulture));
if (options.TryGetValue("--seed", out var one))
{
    var verdict = Simulator.Run(one, Console.WriteLine);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {one}: hash {verdict.Hash:x16}, {verdict.Calls} operations in {verdict.Time}, {verdict.Violations.Count} violations"));
    foreach (var violation in verdict.Violations)
        Console.WriteLine(violation);
    return verdict.Violations.Count == 0 ? 0 : 1;
}

var limit = options.TryGetValue("--seconds", out var seconds) ? TimeSpan.FromSeconds(seconds) : TimeSpan.MaxValue;
var sweep = Sweep.Run(
    seed => Simulator.Run(seed), options.GetValueOrDefault("--from", 1), options.GetValueOrDefault("--seeds", 100), options.GetValueOrDefault("--parallel", Environment.ProcessorCount),
    limit, options.GetValueOrDefault("--go-on", 0) != 0, Console.WriteLine);
Console.WriteLine(sweep);
return sweep.Violations == 0 ? 0 : 1;

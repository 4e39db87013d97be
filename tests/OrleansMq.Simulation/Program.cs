using System.Globalization;
using OrleansMq.Simulation;

const string Usage = """
    dotnet run --project tests/OrleansMq.Simulation -c Release -- --seeds 10000 [--from 1] [--step 1] [--parallel CORES] [--seconds LIMIT] [--go-on 1]     many worlds
    dotnet run --project tests/OrleansMq.Simulation -c Release -- --seed 17                                                                                 one world, with its trace
    """;
string[] known = ["--seeds", "--from", "--step", "--parallel", "--seconds", "--go-on", "--seed"];
var options = new Dictionary<string, int>();
foreach (var pair in args.Chunk(2))
{
    if (pair is [var name, var value] && known.Contains(name) && int.TryParse(value, CultureInfo.InvariantCulture, out var number) && options.TryAdd(name, number))
        continue;
    Console.WriteLine(Usage);
    return pair is ["--help"] ? 0 : 2;
}

if (options.TryGetValue("--seed", out var one))
{
    var verdict = Simulator.Run(one, Console.WriteLine);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {one}: hash {verdict.Hash:x16}, {verdict.Calls} operations and {verdict.Steps} steps in {verdict.Time}, {verdict.Violations.Count} violations"));
    foreach (var violation in verdict.Violations)
        Console.WriteLine(violation);
    return verdict.Violations.Count == 0 ? 0 : 1;
}

var limit = options.TryGetValue("--seconds", out var seconds) ? TimeSpan.FromSeconds(seconds) : TimeSpan.MaxValue;
var sweep = Sweep.Run(
    seed => Simulator.Run(seed), options.GetValueOrDefault("--from", 1), options.GetValueOrDefault("--step", 1), options.GetValueOrDefault("--seeds", 100), options.GetValueOrDefault("--parallel", Environment.ProcessorCount),
    limit, options.GetValueOrDefault("--go-on", 0) != 0, Console.WriteLine);
Console.WriteLine(sweep);
return sweep.Violations == 0 ? 0 : 1;

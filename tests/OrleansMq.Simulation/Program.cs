using System.Diagnostics;
using System.Globalization;
using OrleansMq.Simulation;
using OrleansMq.Simulation.Worlds;

// dotnet run --project tests/OrleansMq.Simulation -c Release -- --seeds 1000 --from 1     many worlds
// dotnet run --project tests/OrleansMq.Simulation -c Release -- --seed 17                 one world, with its trace
var options = args.Chunk(2).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => int.Parse(pair[1], CultureInfo.InvariantCulture));
if (options.TryGetValue("--seed", out var one))
{
    var verdict = Simulator.Run(one, Console.WriteLine);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {one}: hash {verdict.Hash:x16}, {verdict.Calls} operations in {verdict.Time}, {verdict.Violations.Count} violations"));
    foreach (var violation in verdict.Violations)
        Console.WriteLine(violation);
    return verdict.Violations.Count == 0 ? 0 : 1;
}

var (from, seeds, goOn) = (options.GetValueOrDefault("--from", 1), options.GetValueOrDefault("--seeds", 100), options.GetValueOrDefault("--go-on", 0));
var (time, calls, violations, done) = (TimeSpan.Zero, 0L, 0, 0);
var faults = new SortedDictionary<FaultKind, int>();
var watch = Stopwatch.StartNew();
for (var seed = from; seed < from + seeds; seed++)
{
    var verdict = Simulator.Run(seed);
    (time, calls, done) = (time + verdict.Time, calls + verdict.Calls, done + 1);
    foreach (var (kind, count) in verdict.Faults)
        faults[kind] = faults.GetValueOrDefault(kind) + count;
    if (verdict.Violations.Count == 0)
        continue;
    violations += verdict.Violations.Count;
    Console.WriteLine($"seed {seed} broke {verdict.Violations.Count} promises:");
    foreach (var violation in verdict.Violations.Take(5))
        Console.WriteLine($"  {violation}");
    Console.WriteLine($"  again: dotnet run --project tests/OrleansMq.Simulation -c Release -- --seed {seed}");
    if (goOn == 0)
        break;
}

Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{done} seeds, {time.TotalHours:0.00} simulated hours, {calls} operations, {violations} violations, {watch.Elapsed.TotalSeconds:0} s"));
Console.WriteLine($"faults: {string.Join(", ", faults.Select(fault => $"{fault.Key} {fault.Value}"))}");
return violations == 0 ? 0 : 1;

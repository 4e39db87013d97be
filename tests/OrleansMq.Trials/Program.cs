using System.Diagnostics;
using System.Globalization;
using OrleansMq.Simulation.Histories;
using OrleansMq.Trials;
using OrleansMq.Trials.Damage;
using OrleansMq.Trials.Faults;
using OrleansMq.Trials.Strangers;

// dotnet run --project tests/OrleansMq.Trials -c Release -- kill --cycles 300      kill -9 under load
// dotnet run --project tests/OrleansMq.Trials -c Release -- power --cycles 40      power loss on a mounted image; --plant 1: flushes that do nothing, and fails where no loss is found
// dotnet run --project tests/OrleansMq.Trials -c Release -- faults --cycles 10     EIO and ENOSPC, by kind of call
// dotnet run --project tests/OrleansMq.Trials -c Release -- full --cycles 20       a small file system that is full now and then
// dotnet run --project tests/OrleansMq.Trials -c Release -- torn                    a log that ends at every byte of its last 64 KiB
// dotnet run --project tests/OrleansMq.Trials -c Release -- damage --flips 10000 --swaps 1000
// dotnet run --project tests/OrleansMq.Trials -c Release -- repair --rounds 2000    damaged folders that are repaired, also cut off; --plant 1: with each planted bug
// dotnet run --project tests/OrleansMq.Trials -c Release -- strangers --frames 100000 --rate 500 --idle 10000   damaged frames and crowds, with --access on
// --seconds S: of clients at work in each world (20). --from SEED. --trace 1: what was asked and answered.
if (args is ["torn" or "damage" or "repair", ..])
    return await DamageCommands.Run(args);
if (args is ["strangers", ..])
    return await StrangersTrial.Run(args);
if (args is not [var name, ..] || name is not ("kill" or "power" or "faults" or "full"))
{
    Console.Error.WriteLine("torn, damage, repair, strangers, kill, power, faults or full; --cycles N, --seconds S, --from SEED, --trace 1; power: --plant 1");
    return 2;
}

var options = args[1..].Chunk(2).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => int.Parse(pair[1], CultureInfo.InvariantCulture));
var cycles = options.GetValueOrDefault("--cycles", name == "kill" ? 300 : 20);
var length = TimeSpan.FromSeconds(options.GetValueOrDefault("--seconds", 20));
Action<string>? trace = options.ContainsKey("--trace") ? Console.WriteLine : null;
if ((name switch { "power" => PowerLossTrial.WhyNot, "full" => FullDiskTrial.WhyNot, "faults" => FaultTrial.WhyNot, _ => null }) is { } whyNot)
{
    Console.Error.WriteLine($"{name} can't be tried here: {whyNot}");
    return 1;
}

// Flushes that do nothing: a trial that finds no loss then proves nothing.
var planted = name == "power" && options.GetValueOrDefault("--plant") != 0;
var watch = Stopwatch.StartNew();
var violations = 0;
foreach (var (title, main, run) in Trials())
{
    var (tally, faults, worlds, seed) = (Tally.Zero, new SortedDictionary<string, int>(), 0, options.GetValueOrDefault("--from", 1));
    for (; faults.GetValueOrDefault(main) < cycles && worlds < cycles; worlds++, seed++)
    {
        var result = run(seed);
        tally = tally.Plus(result.Tally);
        foreach (var (kind, count) in result.Faults)
            faults[kind] = faults.GetValueOrDefault(kind) + count;
        violations += result.Violations.Count;
        foreach (var violation in result.Violations.Take(10))
            Console.WriteLine($"seed {seed}: {violation}");
        Console.Error.WriteLine($"{title} seed {seed}: {faults.GetValueOrDefault(main)} of {cycles}, {tally.Acknowledged} acknowledged, {tally.Lost} lost, {violations} violations, {watch.Elapsed.TotalSeconds:0} s");
    }

    Console.WriteLine($"{title}: {worlds} worlds, faults {string.Join(", ", faults.Select(fault => $"{fault.Key} {fault.Value}"))}");
    Console.WriteLine($"  {tally}");
}

Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{violations} violations, {watch.Elapsed.TotalSeconds:0} s"));
return violations > 0 == planted ? 0 : 1;

IEnumerable<(string Title, string Main, Func<int, TrialResult> Run)> Trials()
{
    switch (name)
    {
        case "kill":
            yield return ("kill -9", "Kill", seed => KillTrial.Run(seed, length, trace));
            break;
        case "power":
            yield return planted
                ? ("power loss, flushes that do nothing", "PowerLoss", seed => PowerLossTrial.RunWithLyingFlushes(seed, length, trace))
                : ("power loss", "PowerLoss", seed => PowerLossTrial.Run(seed, length, trace));
            break;
        case "full":
            yield return ("full file system", "full", seed => FullDiskTrial.Run(seed, length, trace));
            break;
        default:
            foreach (var call in Enum.GetValues<FaultyCall>())
                foreach (var (error, code) in new[] { ("EIO", FaultSwitch.EIO), ("ENOSPC", FaultSwitch.ENOSPC) })
                    yield return ($"{call} {error}", $"{call} {error}", seed => FaultTrial.Run(call, code, seed, length, trace));
            break;
    }
}

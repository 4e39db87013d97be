using System.Diagnostics;
using System.Globalization;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation;

/// <summary>Many seeds, side by side on all cores; each world keeps to one thread, so that a seed is the same alone and among others.</summary>
public sealed class Sweep
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<FaultKind, long> _faults = [];
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private TimeSpan _simulated;
    private long _calls;

    public int Seeds { get; private set; }

    public int Violations { get; private set; }

    /// <param name="run">One seed's world.</param>
    /// <param name="limit">No seed is begun later.</param>
    /// <param name="goOn">Also behind the first seed that breaks a promise.</param>
    /// <param name="write">Told of each seed that breaks one.</param>
    public static Sweep Run(Func<int, Verdict> run, int from, int seeds, int parallel, TimeSpan limit, bool goOn, Action<string> write)
    {
        var sweep = new Sweep();
        var next = from - 1;
        var threads = Enumerable.Range(0, parallel).Select(_ => new Thread(Work)).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return sweep;

        void Work()
        {
            while (sweep._watch.Elapsed < limit && (goOn || sweep.Violations == 0) && Interlocked.Increment(ref next) is var seed && seed < from + seeds)
                sweep.Add(run(seed), write);
        }
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Seeds} seeds, {_simulated.TotalHours:0.00} simulated hours, {_calls} operations, {_faults.Values.Sum()} faults, {Violations} violations, {_watch.Elapsed.TotalSeconds:0} s\n"
        + $"faults: {string.Join(", ", _faults.Select(fault => $"{fault.Key} {fault.Value}"))}");

    private void Add(Verdict verdict, Action<string> write)
    {
        lock (_gate)
        {
            Seeds++;
            (_simulated, _calls, Violations) = (_simulated + verdict.Time, _calls + verdict.Calls, Violations + verdict.Violations.Count);
            foreach (var (kind, count) in verdict.Faults)
                _faults[kind] = _faults.GetValueOrDefault(kind) + count;
            if (verdict.Violations.Count == 0)
                return;
            write($"seed {verdict.Seed} broke {verdict.Violations.Count} promises:");
            foreach (var violation in verdict.Violations.Take(5))
                write($"  {violation}");
            write($"  again: dotnet run --project tests/OrleansMq.Simulation -c Release -- --seed {verdict.Seed}");
        }
    }
}

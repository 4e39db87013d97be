using System.Diagnostics;
using System.Globalization;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation;

/// <summary>Many seeds, side by side on all cores; each world keeps to one thread, so that a seed is the same alone and among others.</summary>
public sealed class Sweep
{
    /// <summary>A world that takes longer than this is named.</summary>
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly SortedDictionary<FaultKind, long> _faults = [];
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly Dictionary<int, TimeSpan> _underWay = [];
    private TimeSpan _simulated;
    private long _calls;

    public int Seeds { get; private set; }

    public int Violations { get; private set; }

    /// <summary>Over the histories of all seeds: equal when each went as before, in whatever order they ended.</summary>
    public ulong Digest { get; private set; }

    /// <param name="run">One seed's world.</param>
    /// <param name="step">From one seed to the next: 12 keeps to one kind of world.</param>
    /// <param name="limit">No seed is begun later.</param>
    /// <param name="goOn">Also behind the first seed that breaks a promise.</param>
    /// <param name="write">Told of each seed that breaks one.</param>
    public static Sweep Run(Func<int, Verdict> run, int from, int step, int seeds, int parallel, TimeSpan limit, bool goOn, Action<string> write)
    {
        var sweep = new Sweep();
        var next = -1;
        var threads = Enumerable.Range(0, parallel).Select(_ => new Thread(Work)).ToList();
        threads.ForEach(thread => thread.Start());
        foreach (var thread in threads)
            while (!thread.Join(Long))
                sweep.SayWhatTakesLong(write);
        return sweep;

        void Work()
        {
            while (sweep._watch.Elapsed < limit && (goOn || sweep.Violations == 0) && Interlocked.Increment(ref next) is var number && number < seeds)
            {
                var seed = from + number * step;
                sweep.Begin(seed);
                sweep.Add(run(seed), write);
            }
        }
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Seeds} seeds, {_simulated.TotalHours:0.00} simulated hours, {_calls} operations, {_faults.Values.Sum()} faults, {Violations} violations, digest {Digest:x16}, {_watch.Elapsed.TotalSeconds:0} s\n"
        + $"faults: {string.Join(", ", _faults.Select(fault => $"{fault.Key} {fault.Value}"))}");

    private void Begin(int seed)
    {
        lock (_gate)
            _underWay[seed] = _watch.Elapsed;
    }

    private void SayWhatTakesLong(Action<string> write)
    {
        lock (_gate)
            foreach (var (seed, since) in _underWay.Where(each => _watch.Elapsed - each.Value > Long))
                write(string.Create(CultureInfo.InvariantCulture, $"seed {seed} has taken {(_watch.Elapsed - since).TotalSeconds:0} s so far"));
    }

    private void Add(Verdict verdict, Action<string> write)
    {
        lock (_gate)
        {
            _underWay.Remove(verdict.Seed);
            Seeds++;
            Digest += verdict.Hash * ((ulong)verdict.Seed * 2 + 1);
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

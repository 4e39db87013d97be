using System.Diagnostics;

namespace OrleansMq.LoadBench.Measuring;

/// <summary>What a load took of this process: in an embedded broker, clients and broker together.</summary>
internal sealed class Meter
{
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly TimeSpan _processor = Environment.CpuUsage.TotalTime;
    private readonly long _allocated = GC.GetTotalAllocatedBytes();

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_began);

    public TimeSpan Processor => Environment.CpuUsage.TotalTime - _processor;

    public long Allocated => GC.GetTotalAllocatedBytes() - _allocated;

    /// <summary>Adds the rate, and what a message cost.</summary>
    public double Report(Bench bench, string part, long messages, string what = "msgs/s")
    {
        var seconds = Elapsed.TotalSeconds;
        var processor = Processor.TotalSeconds;
        var allocated = Allocated;
        bench.Add(part, messages / seconds, what);
        bench.Add($"{part}, processor", processor / messages * 1e6, "s/million");
        bench.Add($"{part}, allocated", (double)allocated / messages, "B/msg");
        return seconds;
    }
}

/// <summary>Times of many messages.</summary>
internal static class Percentiles
{
    public static void Report(Bench bench, string part, IEnumerable<double> micros, double? limit = null, string limitName = "")
    {
        var sorted = micros.ToArray();
        Array.Sort(sorted);
        foreach (var (name, share) in ((string, double)[])[("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)])
            bench.Add($"{part} {name}", OfSorted(sorted, share), "µs", limit, limitName);
    }

    public static double Of(IEnumerable<double> values, double share) => OfSorted([.. values.Order()], share);

    private static double OfSorted(double[] sorted, double share) => sorted[(int)Math.Min(sorted.Length - 1, sorted.Length * share)];
}

using System.Diagnostics;
using OrleansMq.Records;

namespace OrleansMq.LoadBench.Measuring;

/// <summary>What this machine does without a broker: the disk as storage.md measured it, the check sum, and copying.</summary>
/// <param name="SmallFlushMicros">p50 of a 4 KiB append + fdatasync to a growing file.</param>
/// <param name="LargeFlushMbPerSecond">1 MiB appends, each flushed, to a growing file; 10^6 bytes.</param>
internal sealed record Limits(double SmallFlushMicros, double SmallFlushesPerSecond, double LargeFlushMbPerSecond, double Crc32CGbPerSecond, double CopyGbPerSecond)
{
    public const string LargeFlush = "1 MiB append + fdatasync";
    public const string SmallFlush = "4 KiB append + fdatasync p50";

    public static Limits Measure(string folder, bool quick)
    {
        var scale = quick ? 10 : 1;
        var small = Flushes(folder, 4 << 10, 3_000 / scale);
        var large = Flushes(folder, 1 << 20, 200 / scale);
        return new Limits(
            small.P50Micros, small.PerSecond, large.PerSecond * (1 << 20) / 1e6, GbPerSecond(64 << 10, (bytes, _) => Crc32C.Compute(bytes)), GbPerSecond(64 << 20, (bytes, copy) =>
            {
                bytes.CopyTo(copy);
                return 0;
            }));
    }

    private static (double P50Micros, double PerSecond) Flushes(string folder, int bytes, int count)
    {
        var path = Path.Combine(folder, $"limit-{Environment.ProcessId}");
        var block = new byte[bytes];
        Random.Shared.NextBytes(block);
        var times = new double[count];
        var file = Disk.OpenNew(path);
        try
        {
            for (var i = 0; i < count; i++)
            {
                var began = Stopwatch.GetTimestamp();
                Disk.Append(file, block);
                Disk.Flush(file);
                times[i] = Stopwatch.GetElapsedTime(began).TotalMicroseconds;
            }
        }
        finally
        {
            Disk.Close(file);
            File.Delete(path);
        }

        var seconds = times.Sum() / 1e6;
        return (Report.Median(times), count / seconds);
    }

    private static double GbPerSecond(int bytes, Func<byte[], byte[], uint> work)
    {
        var (from, to) = (new byte[bytes], new byte[bytes]);
        Random.Shared.NextBytes(from);
        var best = 0.0;
        for (var round = 0; round < 10; round++)
        {
            var times = Math.Max(1, (32 << 20) / bytes);
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < times; i++)
                _ = work(from, to);
            best = Math.Max(best, (double)times * bytes / Stopwatch.GetElapsedTime(began).TotalSeconds / 1e9);
        }

        return best;
    }
}

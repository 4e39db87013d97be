using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class LimitsScenario : IScenario
{
    public string Name => "limits";

    public string Summary => "what the machine does without a broker";

    public string Help =>
        """
        4 KiB and 1 MiB appends to a growing file, each followed by fdatasync, by system calls alone; CRC32C of 64 KiB and copying of 64 MiB (beyond the caches), on one core,
        best of ten. Every other scenario measures the same before each of its runs.
        """;

    public Task Run(Bench bench)
    {
        var limits = bench.Limits;
        bench.Add("4 KiB append + fdatasync, p50", limits.SmallFlushMicros, "µs");
        bench.Add("4 KiB append + fdatasync", limits.SmallFlushesPerSecond, "/s");
        bench.Add("1 MiB append + fdatasync", limits.LargeFlushMbPerSecond, "MB/s");
        bench.Add("CRC32C", limits.Crc32CGbPerSecond, "GB/s");
        bench.Add("memcpy", limits.CopyGbPerSecond, "GB/s");
        return Task.CompletedTask;
    }
}

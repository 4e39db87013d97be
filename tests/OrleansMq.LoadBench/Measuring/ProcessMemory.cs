using System.Globalization;

namespace OrleansMq.LoadBench.Measuring;

/// <summary>What the kernel says of this process' memory, in bytes. Linux.</summary>
internal readonly record struct ProcessMemory(long Resident, long Peak)
{
    public static ProcessMemory Now()
    {
        var lines = File.ReadAllLines("/proc/self/status");
        return new ProcessMemory(Read(lines, "VmRSS:"), Read(lines, "VmHWM:"));
    }

    private static long Read(string[] lines, string name) =>
        long.Parse(Array.Find(lines, line => line.StartsWith(name, StringComparison.Ordinal))![name.Length..^"kB".Length], CultureInfo.InvariantCulture) << 10;
}

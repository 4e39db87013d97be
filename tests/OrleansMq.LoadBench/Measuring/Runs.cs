using System.Runtime;
using System.Runtime.InteropServices;

namespace OrleansMq.LoadBench.Measuring;

/// <summary>Warms up, runs a scenario several times, and reports.</summary>
internal static class Runs
{
    private const long WarmBytes = 1L << 30;

    public static async Task<int> Of(IScenario scenario, BenchOptions options)
    {
        Directory.CreateDirectory(options.Data);
        var machine = Machine(options);
        Console.WriteLine(machine);
        TouchMemory();
        Console.Error.WriteLine("warm-up");
        await scenario.Run(new Bench(options, Limits.Measure(options.Data, quick: true), warmUp: true));
        var runs = new List<Bench>();
        for (var i = 1; i <= options.Runs; i++)
        {
            Collect();
            Console.Error.WriteLine($"run {i} of {options.Runs}");
            var bench = new Bench(options, Limits.Measure(options.Data, quick: false), warmUp: false);
            await scenario.Run(bench);
            runs.Add(bench);
        }

        var report = new Report(scenario.Name, options, machine, runs);
        report.Print(Console.Out);
        if (options.Json is { } file)
            report.Save(file);
        return 0;
    }

    private static string Machine(BenchOptions options)
    {
        var drive = new DriveInfo(Path.GetFullPath(options.Data));
        return $"{Environment.ProcessorCount} cores ({Disk.Processor()}), {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 30} GiB, {RuntimeInformation.OSDescription}, "
            + $"{RuntimeInformation.FrameworkDescription}; server GC {(GCSettings.IsServerGC ? "on" : "off")}, concurrent GC {(GCSettings.LatencyMode == GCLatencyMode.Interactive ? "on" : "off")}; "
            + (options.Memory ? "brokers in memory" : $"data in {options.Data} ({drive.DriveFormat})");
    }

    /// <summary>The first touch of a page of a virtual machine's memory costs 12 µs (storage.md); it shall not be in the figures.</summary>
    private static unsafe void TouchMemory()
    {
        var memory = (byte*)NativeMemory.Alloc((nuint)WarmBytes);
        for (long at = 0; at < WarmBytes; at += 4096)
            memory[at] = 1;
        NativeMemory.Free(memory);
    }

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }
}

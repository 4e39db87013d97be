using System.Globalization;

namespace OrleansMq.LoadBench.Measuring;

/// <summary>What a broker's process holds.</summary>
/// <param name="Heap">Managed bytes.</param>
/// <param name="Resident">Bytes of memory as the kernel counts them.</param>
/// <param name="OpenFiles">Of the data folder.</param>
/// <param name="OpenLogs">Of them, segments of logs.</param>
internal readonly record struct Footprint(long Heap, long Resident, int OpenFiles, int OpenLogs)
{
    private const string SegmentEnding = ".seg";

    /// <param name="collected">After a collection. Not while a load is measured.</param>
    public static Footprint OfThisProcess(string folder, bool collected)
    {
        var heap = GC.GetTotalMemory(forceFullCollection: collected);
        var open = new DirectoryInfo("/proc/self/fd").EnumerateFiles().Select(file => file.LinkTarget).Where(file => file?.StartsWith(folder, StringComparison.Ordinal) == true).ToList();
        return new Footprint(heap, ProcessMemory.Now().Resident, open.Count, open.Count(file => file!.EndsWith(SegmentEnding, StringComparison.Ordinal)));
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Heap} {Resident} {OpenFiles} {OpenLogs}");

    public static Footprint Parse(string text)
    {
        var parts = text.Split(' ');
        return new Footprint(Number(0), Number(1), (int)Number(2), (int)Number(3));

        long Number(int at) => long.Parse(parts[at], CultureInfo.InvariantCulture);
    }
}

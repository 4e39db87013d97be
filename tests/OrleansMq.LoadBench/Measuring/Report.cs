using System.Globalization;
using System.Text.Json;

namespace OrleansMq.LoadBench.Measuring;

/// <summary>Medians over the runs, with the limits beside them.</summary>
internal sealed class Report(string scenario, BenchOptions options, string machine, IReadOnlyList<Bench> runs)
{
    private static readonly JsonSerializerOptions JsonForm = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public void Print(TextWriter output)
    {
        output.WriteLine();
        output.WriteLine($"{scenario}: {runs.Count} runs, {options.Size} B messages, batches of {options.Batch}, {options.InFlight} appends in flight");
        PrintLimits(output);
        output.WriteLine();
        var rows = Rows().ToList();
        var wide = rows.Count == 0 ? 0 : rows.Max(row => row.Name.Length);
        output.WriteLine($"{"figure".PadRight(wide)}  {"median",12}  {"lowest",12}  {"highest",12}  {"unit",-10}  {"of the limit",12}  limit");
        foreach (var row in rows)
            output.WriteLine(
                $"{row.Name.PadRight(wide)}  {Text(row.Median),12}  {Text(row.Lowest),12}  {Text(row.Highest),12}  {row.Unit,-10}  {(row.Ratio is { } ratio ? Text(ratio) : ""),12}  {row.LimitName}");
    }

    private void PrintLimits(TextWriter output)
    {
        var limits = runs.Select(run => run.Limits).ToList();
        output.WriteLine(
            $"limits: 4 KiB append + fdatasync p50 {Text(Median(limits.Select(l => l.SmallFlushMicros)))} µs, {Text(Median(limits.Select(l => l.SmallFlushesPerSecond)))}/s; "
            + $"1 MiB append + fdatasync {Text(Median(limits.Select(l => l.LargeFlushMbPerSecond)))} MB/s ({Text(limits.Min(l => l.LargeFlushMbPerSecond))}-{Text(limits.Max(l => l.LargeFlushMbPerSecond))}); "
            + $"CRC32C {Text(Median(limits.Select(l => l.Crc32CGbPerSecond)))} GB/s; memcpy {Text(Median(limits.Select(l => l.CopyGbPerSecond)))} GB/s");
    }

    public void Save(string file)
    {
        var document = new
        {
            scenario,
            machine,
            at = TimeProvider.System.GetUtcNow(),
            options = new { options.Size, options.Count, options.Seconds, options.Batch, acks = options.Acks?.ToString(), options.Partitions, options.InFlight, options.PerCall, options.Rate, options.Memory },
            limits = runs.Select(run => run.Limits),
            figures = Rows(),
        };
        File.WriteAllText(file, JsonSerializer.Serialize(document, JsonForm));
    }

    private IEnumerable<Row> Rows() =>
        from figure in runs.SelectMany(run => run.Figures)
        group figure by figure.Name into same
        let values = same.Select(figure => figure.Value).ToArray()
        let ratios = same.Where(figure => figure.Limit is > 0).Select(figure => figure.Value / figure.Limit!.Value).ToArray()
        select new Row(
            same.Key, same.First().Unit, Median(values), values.Min(), values.Max(), ratios.Length > 0 ? Median(ratios) : null, same.First().LimitName, values);

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>Three significant digits, or whole numbers with thousands apart.</summary>
    public static string Text(double value) => Math.Abs(value) >= 100
        ? value.ToString("#,0", CultureInfo.InvariantCulture)
        : value.ToString(Math.Abs(value) >= 10 ? "0.0" : "0.00", CultureInfo.InvariantCulture);

    private sealed record Row(string Name, string Unit, double Median, double Lowest, double Highest, double? Ratio, string LimitName, double[] Runs);
}

#:property PublishAot=false
// Plot.cs [--commit ID] RESULTS.json... OUTDIR: pictures of what LoadBench measured (its --json), for docs/performance.md.
// throughput.svg, latency.svg and backlog.svg; each only where a result has figures for it. No packages; the pictures follow the reader's light or dark page.

using System.Globalization;
using System.Text;
using System.Text.Json;

var commit = args is ["--commit", var id, ..] ? id : "unknown";
var rest = args is ["--commit", _, ..] ? args[2..] : args;
if (rest.Length < 2)
{
    Console.Error.WriteLine("Plot.cs [--commit ID] RESULTS.json... OUTDIR");
    return 2;
}

var results = rest[..^1].Select(Result.Read).ToList();
Directory.CreateDirectory(rest[^1]);
foreach (var (name, picture) in new[] { ("throughput", Pictures.Throughput(results)), ("latency", Pictures.Latency(results)), ("backlog", Pictures.Backlog(results)) })
{
    if (picture is null)
        continue;
    var path = Path.Combine(rest[^1], name + ".svg");
    File.WriteAllText(path, picture.ToSvg(commit));
    Console.WriteLine(path);
}

return 0;

/// <summary>One figure over all runs.</summary>
internal sealed record Figure(string Name, string Unit, double Median, double Lowest, double Highest, double? Limit);

/// <summary>One scenario's JSON.</summary>
internal sealed record Result(string Scenario, string Machine, string At, int Runs, string Options, double FlushMicros, double DiskMbPerSecond, IReadOnlyList<Figure> Figures)
{
    public static Result Read(string path)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(path));
        var root = json.RootElement;
        var limits = root.GetProperty("limits").EnumerateArray().ToList();
        return new Result(
            root.GetProperty("scenario").GetString()!, root.GetProperty("machine").GetString()!, root.GetProperty("at").GetDateTimeOffset().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), limits.Count,
            OptionsOf(root),
            Median(limits, "smallFlushMicros"), Median(limits, "largeFlushMbPerSecond"), [.. root.GetProperty("figures").EnumerateArray().Select(ReadFigure)]);
    }

    public Figure? Find(string name) => Figures.FirstOrDefault(figure => figure.Name == name);

    private static string OptionsOf(JsonElement root)
    {
        var options = root.GetProperty("options");
        return $"{options.GetProperty("size")} B messages, " + (root.GetProperty("scenario").GetString() == "latency" ? $"{options.GetProperty("rate")} a second, each due by the clock" : $"batches of {options.GetProperty("batch")}");
    }

    private static Figure ReadFigure(JsonElement figure)
    {
        double Number(string name) => figure.GetProperty(name).GetDouble();
        var ratio = figure.GetProperty("ratio");
        return new Figure(
            figure.GetProperty("name").GetString()!, figure.GetProperty("unit").GetString()!, Number("median"), Number("lowest"), Number("highest"),
            ratio.ValueKind == JsonValueKind.Number && ratio.GetDouble() > 0 ? Number("median") / ratio.GetDouble() : null);
    }

    private static double Median(List<JsonElement> limits, string name)
    {
        var sorted = limits.Select(each => each.GetProperty(name).GetDouble()).Order().ToArray();
        return sorted[sorted.Length / 2];
    }
}

internal static class Pictures
{
    /// <summary>Rates beside what was aimed at (shared/targets.md) and what the disk would take in the same run.</summary>
    public static Picture? Throughput(List<Result> results)
    {
        var bars = new List<Bar>();
        foreach (var result in results.Where(result => result.Scenario is not "backlog"))
            foreach (var figure in result.Figures.Where(figure => figure.Unit == "msgs/s"))
                bars.Add(new Bar($"{result.Scenario}: {figure.Name}", figure, Target(result, figure), DiskLimit(result, figure)));
        return bars.Count == 0 ? null : BarChart("Throughput", "messages a second", bars, results.First(result => bars[0].Label.StartsWith(result.Scenario + ":", StringComparison.Ordinal)));
    }

    public static Picture? Backlog(List<Result> results)
    {
        if (results.FirstOrDefault(result => result.Scenario == "backlog") is not { } backlog)
            return null;
        var bars = backlog.Figures.Where(figure => figure.Unit == "msgs/s" && figure.Name.EndsWith(" fifth", StringComparison.Ordinal)).Select(figure => new Bar(figure.Name, figure, null, null)).ToList();
        foreach (var name in (string[])["drained, warm", "drained, cold"])
            if (backlog.Find(name) is { } drained)
                bars.Add(new Bar(name, drained, 8_000_000, null));
        return BarChart("A backlog: appended while nobody reads, then drained", "messages a second", bars, backlog);
    }

    public static Picture? Latency(List<Result> results)
    {
        if (results.FirstOrDefault(result => result.Scenario == "latency") is not { } latency)
            return null;
        string[] percentiles = ["p50", "p90", "p99", "p99.9"];
        var lines = latency.Figures.Where(figure => figure.Name.EndsWith(" p50", StringComparison.Ordinal)).Select(figure => figure.Name[..^4])
            .Select(part => (Part: part, Values: percentiles.Select(each => latency.Find($"{part} {each}")).OfType<Figure>().ToList())).Where(line => line.Values.Count == percentiles.Length).ToList();
        if (lines.Count == 0)
            return null;
        var low = Math.Pow(10, Math.Floor(Math.Log10(Math.Min(latency.FlushMicros, lines.Min(line => line.Values.Min(value => value.Lowest))))));
        var high = Math.Pow(10, Math.Ceiling(Math.Log10(Math.Max(3000, lines.Max(line => line.Values.Max(value => value.Highest))))));
        const double left = 80, right = 560, top = 60, bottom = 380;
        double Y(double micros) => bottom - (Math.Log10(micros) - Math.Log10(low)) / (Math.Log10(high) - Math.Log10(low)) * (bottom - top);
        double X(int i) => left + 40 + i * (right - left - 80) / (percentiles.Length - 1);
        var picture = new Picture(860, 480, "Latency at a steady rate", latency);
        for (var decade = low; decade <= high * 1.001; decade *= 10)
        {
            picture.Line(left, Y(decade), right, Y(decade), "grid");
            picture.Text(left - 8, Y(decade) + 4, Short(decade), "small", "end");
        }

        picture.Text(18, (top + bottom) / 2, "µs (logarithmic)", "small", "middle", turned: true);
        for (var i = 0; i < percentiles.Length; i++)
            picture.Text(X(i), bottom + 20, percentiles[i], "small", "middle");
        picture.Text((left + right) / 2, bottom + 40, "percentile of all messages", "small", "middle");
        picture.Line(left, Y(latency.FlushMicros), right, Y(latency.FlushMicros), "limit");
        picture.Text(right + 12, top + 12 + lines.Count * 44, "– –  the disk's 4 KiB append", "small limitText");
        picture.Text(right + 36, top + 28 + lines.Count * 44, $"and fdatasync, p50: {Short(latency.FlushMicros)} µs", "small limitText");
        for (var n = 0; n < lines.Count; n++)
        {
            var (part, values) = lines[n];
            for (var i = 0; i < values.Count; i++)
            {
                picture.Line(X(i), Y(values[i].Lowest), X(i), Y(values[i].Highest), $"whisker s{n % 4}");
                picture.Dot(X(i), Y(values[i].Median), $"s{n % 4}");
                if (i > 0)
                    picture.Line(X(i - 1), Y(values[i - 1].Median), X(i), Y(values[i].Median), $"line s{n % 4}");
            }

            picture.Dot(right + 16, top + 8 + n * 44, $"s{n % 4}");
            picture.Text(right + 28, top + 12 + n * 44, part, "small");
            picture.Text(right + 28, top + 28 + n * 44, string.Join(" / ", values.Select(value => Short(value.Median))) + " µs", "faint");
        }

        return picture;
    }

    private static Picture BarChart(string title, string unit, List<Bar> bars, Result from)
    {
        const double left = 250, right = 770, top = 70, step = 34;
        var most = bars.Max(bar => Math.Max(bar.Figure.Highest, Math.Max(bar.Target ?? 0, bar.Limit ?? 0)));
        var tick = Nice(most / 5);
        var high = Math.Ceiling(most / tick) * tick;
        double X(double value) => left + value / high * (right - left);
        var bottom = top + bars.Count * step;
        var picture = new Picture(860, (int)bottom + 100, title, from);
        for (var value = 0.0; value <= high * 1.001; value += tick)
        {
            picture.Line(X(value), top - 8, X(value), bottom, "grid");
            picture.Text(X(value), bottom + 18, Short(value), "small", "middle");
        }

        picture.Text((left + right) / 2, bottom + 38, unit, "small", "middle");
        for (var i = 0; i < bars.Count; i++)
        {
            var (bar, y) = (bars[i], top + i * step);
            picture.Text(left - 8, y + 15, bar.Label, "small", "end");
            picture.Rect(left, y, X(bar.Figure.Median) - left, 20, bar.Label.Contains("Accepted", StringComparison.Ordinal) ? "s1" : "s0");
            picture.Line(X(bar.Figure.Lowest), y + 10, X(bar.Figure.Highest), y + 10, "whisker ink");
            var textAt = X(bar.Figure.Highest) + 6;
            foreach (var mark in new[] { bar.Target, bar.Limit }.OfType<double>().Select(X).Order())
                if (mark > textAt - 8 && mark < textAt + 48)
                    textAt = mark + 6;
            picture.Text(textAt, y + 15, Short(bar.Figure.Median), "small");
            if (bar.Target is { } target)
                picture.Line(X(target), y - 4, X(target), y + 24, "target");
            if (bar.Limit is { } limit)
                picture.Line(X(limit), y - 4, X(limit), y + 24, "limit");
        }

        picture.Line(left, 50, left + 14, 50, "target");
        picture.Text(left + 20, 54, "what was aimed at", "small");
        if (bars.Exists(bar => bar.Limit is not null))
        {
            picture.Line(left + 150, 50, left + 164, 50, "limit");
            picture.Text(left + 170, 54, $"what the disk would take: {from.DiskMbPerSecond:0} MB/s of 1 MiB appends, each flushed", "small");
        }

        return picture;
    }

    private static double? Target(Result result, Figure figure) => (result.Scenario, figure.Name) switch
    {
        ("throughput", "batches, Durable") => DiskLimit(result, figure) is { } limit ? Math.Clamp(0.6 * limit, 1_000_000, 1_800_000) : 1_000_000,
        ("throughput", "batches, Accepted") => 3_000_000,
        ("queue", not "calls of 1" and not "consumer") => 400_000,
        ("fanout", _) => 4_000_000,
        _ => null,
    };

    /// <summary>The disk's bandwidth in messages: what was stored beside it, in the same run, tells how long one is.</summary>
    private static double? DiskLimit(Result result, Figure figure) =>
        result.Find($"{figure.Name}, stored") is { Limit: { } limit, Median: > 0 } stored ? limit / stored.Median * figure.Median : null;

    private static double Nice(double step)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(step)));
        return (step / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 } * power;
    }

    private static string Short(double value) => value switch
    {
        >= 1e6 => (value / 1e6).ToString("0.##", CultureInfo.InvariantCulture) + " M",
        >= 1e4 => (value / 1e3).ToString("0", CultureInfo.InvariantCulture) + " k",
        >= 100 => value.ToString("0", CultureInfo.InvariantCulture),
        _ => value.ToString("0.#", CultureInfo.InvariantCulture),
    };

    private sealed record Bar(string Label, Figure Figure, double? Target, double? Limit);
}

/// <summary>An SVG with a title above and where its figures come from below.</summary>
internal sealed class Picture(int width, int height, string title, Result from)
{
    private const string Style =
        """
        text{font-family:system-ui,sans-serif;fill:#1f2328}.title{font-size:17px;font-weight:600}.small{font-size:12px}.faint{font-size:11px;fill:#59636e}.limitText{fill:#59636e}
        .page{fill:#ffffff}.grid{stroke:#d1d9e0}.ink{stroke:#1f2328}.target{stroke:#d1242f;stroke-width:3}.limit{stroke:#1f2328;stroke-width:2;stroke-dasharray:4 3}
        .s0{fill:#2f6fbb;stroke:#2f6fbb}.s1{fill:#c8772d;stroke:#c8772d}.s2{fill:#3d8b4f;stroke:#3d8b4f}.s3{fill:#8250df;stroke:#8250df}.line{stroke-width:2}.whisker{stroke-width:1.5}
        @media (prefers-color-scheme:dark){text{fill:#e6edf3}.faint,.limitText{fill:#9198a1}.page{fill:#0d1117}.grid{stroke:#3d444d}.ink,.limit{stroke:#e6edf3}.target{stroke:#ff7b72}
        .s0{fill:#6ea8e8;stroke:#6ea8e8}.s1{fill:#e8a56a;stroke:#e8a56a}.s2{fill:#7cc98d;stroke:#7cc98d}.s3{fill:#b392f0;stroke:#b392f0}}
        """;

    private readonly StringBuilder _body = new();

    public void Line(double x1, double y1, double x2, double y2, string kind) =>
        Add($"""<line x1="{x1:0.#}" y1="{y1:0.#}" x2="{x2:0.#}" y2="{y2:0.#}" class="{kind}"/>""");

    public void Rect(double x, double y, double wide, double high, string kind) =>
        Add($"""<rect x="{x:0.#}" y="{y:0.#}" width="{Math.Max(0, wide):0.#}" height="{high:0.#}" class="{kind}"/>""");

    public void Dot(double x, double y, string kind) => Add($"""<circle cx="{x:0.#}" cy="{y:0.#}" r="4" class="{kind}"/>""");

    public void Text(double x, double y, string text, string kind, string anchor = "start", bool turned = false)
    {
        var turn = turned ? FormattableString.Invariant($" transform=\"rotate(-90 {x:0.#} {y:0.#})\"") : "";
        Add($"""<text x="{x:0.#}" y="{y:0.#}" class="{kind}" text-anchor="{anchor}"{turn}>{Escaped(text)}</text>""");
    }

    public string ToSvg(string commit)
    {
        Text(16, 26, title, "title");
        Text(16, height - 30, $"{from.At}, commit {commit}; {(from.Runs == 1 ? "1 run" : $"{from.Runs} runs: median, lowest to highest")}; {from.Options}", "faint");
        Text(16, height - 14, from.Machine.Length > 150 ? from.Machine[..150] + "…" : from.Machine, "faint");
        return $"""
            <svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-label="{Escaped(title)}">
            <style>{Style}</style>
            <rect width="{width}" height="{height}" class="page"/>
            {_body}</svg>

            """;
    }

    private void Add(FormattableString element) => _body.Append(element.ToString(CultureInfo.InvariantCulture)).Append('\n');

    private static string Escaped(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace("\"", "&quot;", StringComparison.Ordinal);
}

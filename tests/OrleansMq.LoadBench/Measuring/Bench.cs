namespace OrleansMq.LoadBench.Measuring;

/// <summary>A figure of one run.</summary>
/// <param name="Limit">What the machine itself can do, in the same unit and measured just before; null where nothing compares.</param>
internal readonly record struct Figure(string Name, double Value, string Unit, double? Limit, string LimitName);

/// <summary>One run: what a scenario is given, and where it leaves its figures.</summary>
internal sealed class Bench(BenchOptions options, Limits limits, bool warmUp)
{
    private readonly List<Figure> _figures = [];
    private int _folders;

    public BenchOptions Options => options;

    public Limits Limits => limits;

    public IReadOnlyList<Figure> Figures => _figures;

    /// <summary>The figures are thrown away; loads are a quarter.</summary>
    public bool WarmUp => warmUp;

    public long Count(long standard) => warmUp ? Math.Max(1_000, (options.Count ?? standard) / 4) : options.Count ?? standard;

    public TimeSpan Duration(double standardSeconds) => TimeSpan.FromSeconds(warmUp ? 1 : options.Seconds ?? standardSeconds);

    public bool Wants(string part) => part.Contains(options.Only, StringComparison.OrdinalIgnoreCase);

    public void Add(string name, double value, string unit, double? limit = null, string limitName = "")
    {
        _figures.Add(new Figure(name, value, unit, limit, limitName));
        if (!warmUp)
            Console.Error.WriteLine($"  {name}: {Report.Text(value)} {unit}");
    }

    /// <summary>A folder of its own for one broker.</summary>
    public BenchFolder Folder() => new(Path.Combine(options.Data, $"{Environment.ProcessId}-{(warmUp ? "w" : "r")}{_folders++}"));

    /// <summary>A broker on a folder of its own, or in memory.</summary>
    public async Task<BenchBroker> StartBroker()
    {
        var folder = Folder();
        var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Data = options.Memory ? null : folder.Path, Journal = options.Journal, OnReport = text => Console.Error.WriteLine($"  broker: {text}") });
        return new BenchBroker(broker, folder);
    }
}

/// <summary>A folder that goes with its user.</summary>
internal sealed class BenchFolder(string path) : IDisposable
{
    public string Path => path;

    /// <summary>Bytes that the file system gave to it, reserved ones included.</summary>
    public long AllocatedBytes => Directory.Exists(path) ? Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Sum(Disk.AllocatedBytes) : 0;

    public void Dispose()
    {
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
    }
}

internal sealed class BenchBroker(EmbeddedBroker broker, BenchFolder folder) : IAsyncDisposable
{
    public EmbeddedBroker Broker => broker;

    public BenchFolder Folder => folder;

    public async ValueTask DisposeAsync()
    {
        await broker.DisposeAsync();
        folder.Dispose();
    }
}

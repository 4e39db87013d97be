using System.Globalization;

namespace OrleansMq.LoadBench;

/// <summary>What the command line says. What it leaves open the scenario chooses, and the report states.</summary>
internal sealed record BenchOptions
{
    /// <summary>Bytes of a message's body.</summary>
    public int Size { get; init; } = 100;

    /// <summary>Messages of one run. Null: the scenario's own.</summary>
    public long? Count { get; init; }

    /// <summary>Length of one run, where a scenario runs by time.</summary>
    public double? Seconds { get; init; }

    /// <summary>Messages of one record batch.</summary>
    public int Batch { get; init; } = 100;

    /// <summary>Null: durable and accepted, one after the other.</summary>
    public Acks? Acks { get; init; }

    public int? Partitions { get; init; }

    /// <summary>Appends on their way at once.</summary>
    public int InFlight { get; init; } = 256;

    /// <summary>Messages of one receive and of one settle.</summary>
    public int PerCall { get; init; } = 1_000;

    /// <summary>Messages a second, where they come by the clock.</summary>
    public int Rate { get; init; } = 10_000;

    /// <summary>Where brokers keep their data; every broker gets a folder of its own in it, deleted afterwards.</summary>
    public string Data { get; init; } = Path.Combine(Path.GetTempPath(), "orleansmq-bench");

    /// <summary>Leaves the disk out: brokers in memory, to see what the rest costs.</summary>
    public bool Memory { get; init; }

    /// <summary>A storage account's connection string, for the scenario that needs one.</summary>
    public string? Blobs { get; init; }

    /// <summary>The data folders have a journal.</summary>
    public bool Journal { get; init; }

    public int Runs { get; init; } = 3;

    /// <summary>Runs only the parts of a scenario whose name contains this.</summary>
    public string Only { get; init; } = "";

    public string? Json { get; init; }

    public IEnumerable<Acks> AckLevels => Acks is { } one ? [one] : [OrleansMq.Acks.Durable, OrleansMq.Acks.Accepted];

    /// <exception cref="ArgumentException">An option is unknown or has no good value.</exception>
    public static BenchOptions Parse(IReadOnlyList<string> args)
    {
        var options = new BenchOptions();
        for (var i = 0; i < args.Count; i++)
        {
            var name = args[i];
            if (name == "--memory")
            {
                options = options with { Memory = true };
                continue;
            }

            if (name == "--journal")
            {
                options = options with { Journal = true };
                continue;
            }

            if (++i == args.Count)
                throw new ArgumentException($"{name} needs a value.");
            options = options.With(name, args[i]);
        }

        return options;
    }

    private BenchOptions With(string name, string value) => name switch
    {
        "--size" => this with { Size = Whole(name, value) },
        "--count" => this with { Count = Whole(name, value) },
        "--seconds" => this with { Seconds = Whole(name, value) },
        "--batch" => this with { Batch = Whole(name, value) },
        "--acks" => this with { Acks = Level(value) },
        "--partitions" => this with { Partitions = Whole(name, value) },
        "--inflight" => this with { InFlight = Whole(name, value) },
        "--percall" => this with { PerCall = Whole(name, value) },
        "--rate" => this with { Rate = Whole(name, value) },
        "--data" => this with { Data = value },
        "--blobs" => this with { Blobs = value },
        "--runs" => this with { Runs = Whole(name, value) },
        "--only" => this with { Only = value },
        "--json" => this with { Json = value },
        _ => throw new ArgumentException($"There is no option {name}; --help lists them."),
    };

    private static Acks Level(string value) => value switch
    {
        "durable" => OrleansMq.Acks.Durable,
        "accepted" => OrleansMq.Acks.Accepted,
        _ => throw new ArgumentException($"--acks is durable or accepted, not '{value}'."),
    };

    private static int Whole(string name, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw new ArgumentException($"{name} is a whole number above 0, not '{value}'.");
}

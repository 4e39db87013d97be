using System.Globalization;

namespace OrleansMq.Failover;

/// <summary>What a run does to its cluster.</summary>
public sealed record FailoverOptions
{
    public const string Usage = """
        OrleansMq.Failover: three silo processes, load from this one, silos killed and stopped; then every acknowledgement is looked for.

          --silos N            3        silo processes
          --seconds N          60       how long load and misfortune last
          --kill-every N       20       seconds between two misfortunes
          --stop-every N       3        each so-many-th misfortune is SIGSTOP and later SIGCONT, the others SIGKILL and a new process; 0: never
          --stop-for N         15       seconds a stopped silo stays stopped
          --term-every N       0        each so-many-th misfortune is SIGTERM and a new process; 0: never
          --membership WORD    tuned    tuned or defaults: how dead silos are found
          --back-within N      10       seconds in which every partition must acknowledge again (30 on defaults)
          --partitions N       6
          --producers N        4        idempotent producers, each on every partition
          --pause N            10       ms between two messages of a producer to a partition
          --storage WORD       shared   shared: a folder; blobs: append blobs
          --data DIR                    the shared folder; default: a temporary one, removed afterwards
          --blobs CONNECTION            the storage account; default: Azurite, started here and stopped afterwards

        The issue's run:     --seconds 180 --kill-every 20
        On Orleans' defaults: --seconds 180 --kill-every 60 --membership defaults --back-within 30
        The long one:        --seconds 1800 --kill-every 20
        Exit code 0: nothing lost, nothing out of order, nothing twice, and back in time. 1: a promise was broken. 2: a wrong option.
        """;

    public int Silos { get; init; } = 3;
    public TimeSpan Length { get; init; } = TimeSpan.FromSeconds(60);
    public TimeSpan KillEvery { get; init; } = TimeSpan.FromSeconds(20);
    public int StopEvery { get; init; } = 3;
    public TimeSpan StopFor { get; init; } = TimeSpan.FromSeconds(15);
    public int TermEvery { get; init; }
    public string Membership { get; init; } = "tuned";
    public TimeSpan BackWithin { get; init; } = TimeSpan.FromSeconds(10);
    public int Partitions { get; init; } = 6;
    public int Producers { get; init; } = 4;
    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(10);
    public bool OnBlobs { get; init; }
    public string? Data { get; init; }
    public string? Blobs { get; init; }

    /// <exception cref="FormatException">An option is none, or its value is not one.</exception>
    public static FailoverOptions Parse(IReadOnlyList<string> arguments)
    {
        var options = new FailoverOptions();
        for (var i = 0; i < arguments.Count; i += 2)
        {
            if (i + 1 == arguments.Count)
                throw new FormatException($"{arguments[i]} has no value.");
            options = options.With(arguments[i], arguments[i + 1]);
        }
        return options;
    }

    private FailoverOptions With(string name, string value) => name switch
    {
        "--silos" => this with { Silos = Number(name, value, 1) },
        "--seconds" => this with { Length = TimeSpan.FromSeconds(Number(name, value, 1)) },
        "--kill-every" => this with { KillEvery = TimeSpan.FromSeconds(Number(name, value, 1)) },
        "--stop-every" => this with { StopEvery = Number(name, value, 0) },
        "--stop-for" => this with { StopFor = TimeSpan.FromSeconds(Number(name, value, 1)) },
        "--term-every" => this with { TermEvery = Number(name, value, 0) },
        "--membership" => this with { Membership = value is "tuned" or "defaults" ? value : throw new FormatException($"{name} {value}: tuned or defaults.") },
        "--back-within" => this with { BackWithin = TimeSpan.FromSeconds(Number(name, value, 1)) },
        "--partitions" => this with { Partitions = Number(name, value, 1) },
        "--producers" => this with { Producers = Number(name, value, 1) },
        "--pause" => this with { Pause = TimeSpan.FromMilliseconds(Number(name, value, 0)) },
        "--storage" => this with { OnBlobs = value is "shared" or "blobs" ? value == "blobs" : throw new FormatException($"{name} {value}: shared or blobs.") },
        "--data" => this with { Data = value },
        "--blobs" => this with { Blobs = value },
        _ => throw new FormatException($"{name} is no option."),
    };

    private static int Number(string name, string value, int min) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min
            ? number
            : throw new FormatException($"{name} {value}: a whole number from {min} on.");
}

using System.Globalization;

namespace OrleansMq.Trials.Strangers;

/// <summary>What the trial was told. What it does not know, or could only pass by doing nothing, is refused.</summary>
/// <param name="Memory">MiB that the program may have more, at most, than in the quiet before.</param>
internal sealed record StrangersOptions(int Frames = 100_000, int Rate = 500, int Idle = 10_000, int Seed = 1, int Memory = 512)
{
    public const string Help =
        """
        strangers: damaged frames and crowds of connections against the program with --access on; exit code 0: nothing was violated.
        --frames N    over each gateway, before and after it is known who comes (100,000)
        --rate N      frames a second (500)
        --idle N      silent connections (10,000)
        --seed N      of the damages (1)
        --memory MIB  that the program may have more than in the quiet (512)
        """;

    /// <exception cref="FormatException">It can't be.</exception>
    public static StrangersOptions Parse(IReadOnlyList<string> args)
    {
        var options = new StrangersOptions();
        for (var i = 0; i < args.Count; i += 2)
        {
            var value = i + 1 < args.Count && int.TryParse(args[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
                ? number
                : throw new FormatException($"{args[i]} needs a whole number above 0.");
            options = args[i] switch
            {
                "--frames" => options with { Frames = value },
                "--rate" => options with { Rate = value },
                "--idle" => options with { Idle = Math.Max(value, 2) },
                "--seed" => options with { Seed = value },
                "--memory" => options with { Memory = value },
                _ => throw new FormatException($"{args[i]} is none of --frames, --rate, --idle, --seed and --memory."),
            };
        }

        return options;
    }
}

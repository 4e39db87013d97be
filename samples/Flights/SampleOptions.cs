using System.Globalization;

namespace OrleansMq.Samples.Flights;

/// <summary>The sample's switches.</summary>
/// <param name="Rounds">How often the 20,000 flights are published, each time with later dates.</param>
/// <param name="Keep">Leave the broker's data folder, to look at it afterwards with <c>mq doctor</c>.</param>
/// <param name="Data">The folder to work in; null: a new one for this run.</param>
internal sealed record SampleOptions(int Rounds, bool Keep, string? Data)
{
    public const string Usage = "usage: dotnet run --project samples/Flights -c Release [-- --rounds N --keep --data DIR]";

    /// <exception cref="FormatException">A switch can't be read.</exception>
    public static SampleOptions Parse(string[] args)
    {
        var options = new SampleOptions(1, false, null);
        for (var i = 0; i < args.Length; i++)
            options = args[i] switch
            {
                "--rounds" => options with { Rounds = RoundsOf(Value(args, ref i)) },
                "--keep" => options with { Keep = true },
                "--data" => options with { Data = Value(args, ref i), Keep = true },
                _ => throw new FormatException($"'{args[i]}' is no switch of this sample."),
            };
        return options;
    }

    private static string Value(string[] args, ref int i) => ++i < args.Length ? args[i] : throw new FormatException($"{args[i - 1]} needs a value.");

    // A ledger slot for each flight has to fit into an array.
    private static int RoundsOf(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var rounds) && rounds is >= 1 and <= 10_000
            ? rounds
            : throw new FormatException($"--rounds: '{text}' is not 1 to 10,000.");
}

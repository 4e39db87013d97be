using System.Globalization;

namespace OrleansMq.Samples.Shop;

/// <summary>The sample's switches.</summary>
/// <param name="Hosts">Where the sale is held, one after another: <c>embedded</c>, <c>http</c>, <c>cluster</c>.</param>
/// <param name="Stock">Units on sale: so many orders are accepted.</param>
/// <param name="Burst">Orders that come at once.</param>
/// <param name="Serve">The folder of a sale in this process; set where the sample started itself to be killed.</param>
internal sealed record ShopOptions(IReadOnlyList<string> Hosts, int Stock, int Burst, string? Serve)
{
    public static readonly IReadOnlyList<string> AllHosts = ["embedded", "http"];

    public static string Usage => $"usage: dotnet run --project samples/Shop -c Release [-- --host {string.Join('|', AllHosts)} --stock N --burst N]";

    /// <exception cref="FormatException">A switch can't be read.</exception>
    public static ShopOptions Parse(string[] args)
    {
        var options = new ShopOptions(AllHosts, 2_000, 20_000, null);
        for (var i = 0; i < args.Length; i++)
            options = args[i] switch
            {
                "--host" => options with { Hosts = [HostOf(Value(args, ref i))] },
                "--stock" => options with { Stock = Number(args, ref i, 1, 100_000) },
                "--burst" => options with { Burst = Number(args, ref i, 1, 1_000_000) },
                "--serve" => options with { Serve = Value(args, ref i) },
                _ => throw new FormatException($"'{args[i]}' is no switch of this sample."),
            };
        return options.Burst >= options.Stock ? options : throw new FormatException($"--burst {options.Burst} is below --stock {options.Stock}: it would be no rush.");
    }

    private static string Value(string[] args, ref int i) => ++i < args.Length ? args[i] : throw new FormatException($"{args[i - 1]} needs a value.");

    private static string HostOf(string text) => AllHosts.Contains(text) ? text : throw new FormatException($"--host: '{text}' is none of {string.Join(", ", AllHosts)}.");

    private static int Number(string[] args, ref int i, int least, int most)
    {
        var name = args[i];
        return int.TryParse(Value(args, ref i), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw new FormatException($"{name}: '{args[i]}' is not {least:N0} to {most:N0}.");
    }
}

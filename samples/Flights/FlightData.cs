using System.ComponentModel;
using System.Diagnostics;
using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;

namespace OrleansMq.Samples.Flights;

/// <summary>
/// 20,000 flights within the USA from January to March 2001, as the Bureau of Transportation Statistics published them:
/// <c>data/flights-20k.json</c> of the npm package <c>vega-datasets</c> (BSD-3-Clause), in order of time.
/// </summary>
internal static class FlightData
{
    private const string Package = "vega-datasets@3.2.1";
    private const string Entry = "package/data/flights-20k.json";
    private const string Sha256 = "52f0ddd892d4569284b845e17323abc9afb7d303ec8f63251634a20327a610bb";
    private static readonly TimeSpan Round = TimeSpan.FromDays(90); // the data's own span, January to March

    // Outside git: "artifacts" is ignored.
    public static string CacheFolder => Path.Combine(Clone.Root, "artifacts", "vega-datasets");

    /// <summary>All rounds one after another, each with later dates than the one before.</summary>
    public static IEnumerable<Flight> Rounds(IReadOnlyList<Flight> flights, int rounds)
    {
        for (var round = 0; round < rounds; round++)
            foreach (var flight in flights)
                yield return round == 0 ? flight : flight with { Number = (round * flights.Count) + flight.Number, Date = Later(flight.Date, Round * round) };
    }

    /// <exception cref="SetUpException">They can't be had; the message says what to do.</exception>
    public static async Task<IReadOnlyList<Flight>> Load(string cacheFolder, Action<string> say, CancellationToken cancel)
    {
        var file = Path.Combine(cacheFolder, "flights-20k.json");
        if (!File.Exists(file))
        {
            say($"Fetching 20,000 flights of 2001 from the npm package {Package} into {cacheFolder} (once, 17 MB)");
            await Fetch(cacheFolder, file, cancel);
        }
        var bytes = await File.ReadAllBytesAsync(file, cancel);
        if (Convert.ToHexStringLower(SHA256.HashData(bytes)) != Sha256)
            throw new SetUpException($"{file} is not the file that {Package} holds; delete it and start again.");
        var rows = JsonSerializer.Deserialize<List<Row>>(bytes, JsonSerializerOptions.Web)!;
        return [.. rows.Select((row, number) => new Flight(number, row.Date, row.Delay, row.Distance, row.Origin, row.Destination))];
    }

    private static async Task Fetch(string cacheFolder, string file, CancellationToken cancel)
    {
        Directory.CreateDirectory(cacheFolder);
        await Npm(cacheFolder, cancel);
        var archive = Directory.EnumerateFiles(cacheFolder, "vega-datasets-*.tgz").Single();
        await using (var zipped = File.OpenRead(archive))
        await using (var packed = new GZipStream(zipped, CompressionMode.Decompress))
        await using (var reader = new TarReader(packed))
        {
            while (await reader.GetNextEntryAsync(cancellationToken: cancel) is { } entry)
                if (entry.Name == Entry)
                    await entry.ExtractToFileAsync(file, overwrite: true, cancel);
        }
        File.Delete(archive);
        if (!File.Exists(file))
            throw new SetUpException($"{Package} holds no {Entry}.");
    }

    private static async Task Npm(string folder, CancellationToken cancel)
    {
        var start = new ProcessStartInfo("npm", ["pack", Package, "--pack-destination", folder]) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using var npm = Process.Start(start)!;
            var said = npm.StandardError.ReadToEndAsync(cancel);
            await npm.StandardOutput.ReadToEndAsync(cancel);
            await npm.WaitForExitAsync(cancel);
            if (npm.ExitCode != 0)
                throw new SetUpException($"'npm pack {Package}' ended with {npm.ExitCode}. Is there a way to the npm registry from here?\n{await said}");
        }
        catch (Win32Exception e)
        {
            throw new SetUpException($"npm can't be started ({e.Message}). Install Node.js (https://nodejs.org), which brings it; the flights come from the npm package {Package}.");
        }
    }

    private static string Later(string date, TimeSpan by) =>
        (DateTime.ParseExact(date, "yyyy/MM/dd HH:mm", CultureInfo.InvariantCulture) + by).ToString("yyyy/MM/dd HH:mm", CultureInfo.InvariantCulture);

    private sealed record Row(string Date, int Delay, int Distance, string Origin, string Destination);
}

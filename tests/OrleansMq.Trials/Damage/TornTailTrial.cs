using OrleansMq.Simulation.Disk;

namespace OrleansMq.Trials.Damage;

/// <summary>
/// The log ends at every byte of its last 64 KiB in turn: the file is that short, or zeros follow, or anything does. What stands before is there, what was
/// begun is cut and reported, and the log goes on.
/// </summary>
internal static class TornTailTrial
{
    public const int TailBytes = 64 << 10;

    private static readonly Dictionary<string, int> OneTopic = new() { ["orders"] = 1 };

    /// <returns>How many tails were tried, and what was wrong.</returns>
    public static async Task<(int Tried, List<string> Violations)> Run(int step)
    {
        var folder = await PreparedFolder.WithOpenTail(TailBytes + 4096);
        var log = folder.Logs.Single();
        var segment = folder.Files.Single(file => file.Path == log.LastSegment).Bytes;
        var ends = await Ends(folder, log);
        var (tried, violations, random) = (0, new List<string>(), new Random(1));
        for (var cut = segment.Length - TailBytes; cut <= segment.Length; cut += step)
        {
            for (var way = 0; way < 3; way++)
            {
                tried++;
                var torn = Torn(segment, cut, way, random);
                try
                {
                    await Check(folder.Disk((log.LastSegment, torn)), cut, way == 0 ? cut : segment.Length, ends, violations, (cut, way));
                }
                catch (Exception raw) when (raw is not OutOfMemoryException)
                {
                    violations.Add($"{(cut, way)}: {raw}");
                }
            }
        }

        return (tried, violations);
    }

    private static byte[] Torn(byte[] segment, int cut, int way, Random random)
    {
        if (way == 0)
            return segment[..cut];
        var torn = (byte[])segment.Clone();
        if (way == 1)
            torn.AsSpan(cut).Clear();
        else
            random.NextBytes(torn.AsSpan(cut));
        return torn;
    }

    private static async Task Check(SimDisk disk, int cut, int length, List<(long End, string Message)> ends, List<string> violations, (int Cut, int Way) at)
    {
        var served = await Served.From(disk, OneTopic);
        var expected = ends.Where(message => message.End <= cut).Select(message => message.Message).ToList();
        var there = served.Parts[("orders", 0, "messages")];
        // A byte that happens to be what it was tears nothing.
        if (!there.SequenceEqual(expected) && !(at.Way > 0 && there.SequenceEqual(ends.Take(there.Count).Select(message => message.Message)) && there.Count > expected.Count))
            violations.Add($"{at}: {there.Count} messages are served where {expected.Count} were whole {served.Refusals.Values.FirstOrDefault()}");
        var tornBytes = length - ends.Where(message => message.End <= cut).Select(message => message.End).DefaultIfEmpty().Max();
        if (tornBytes > 0 && there.Count == expected.Count && !served.Reports.Exists(report => report.Contains("were cut", StringComparison.Ordinal)))
            violations.Add($"{at}: {tornBytes} bytes were cut without a word: {string.Join("; ", served.Reports)}");
        await GoesOn(disk, there, violations, at);
    }

    /// <summary>Once it was opened and cut, it takes a message behind what is there, and says nothing more.</summary>
    private static async Task GoesOn(SimDisk disk, List<string> before, List<string> violations, (int, int) at)
    {
        await using (var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = PreparedFolder.Storage(disk), MaintenanceInterval = TimeSpan.FromHours(1) }))
        {
            var result = (await broker.Publish("orders", [new Message { Body = "after"u8.ToArray() }]))[0].OrThrow();
            if (result.Offset != before.Count)
                violations.Add($"{at}: the next message got offset {result.Offset} behind {before.Count}");
        }

        var again = await Served.From(disk, OneTopic);
        if (!again.Parts[("orders", 0, "messages")].SequenceEqual([.. before, $"{before.Count}   after"]) || again.Reports.Count > 0)
            violations.Add($"{at}: after one more message and a restart {again.Parts[("orders", 0, "messages")].Count} are served, {string.Join("; ", again.Reports)}");
    }

    /// <summary>Where in the newest segment's file each message's frame ends.</summary>
    private static async Task<List<(long End, string Message)>> Ends(PreparedFolder folder, PreparedLog log)
    {
        var whole = (await Served.From(folder.Disk(), OneTopic)).Parts[("orders", 0, "messages")];
        var ends = new List<(long, string)>();
        using var inspector = Storage.Files.LogInspector.Open(PreparedFolder.Root, folder.Disk());
        inspector.Inspect(inspector.Logs().Single(), (in Core.Log.FrameHeader header, ReadOnlySpan<byte> _) =>
        {
            if (header.Kind == Core.Log.FrameKind.Batch)
                ends.Add((64 + header.NextPosition - log.LastBase, whole[ends.Count]));
        });
        return ends.Count == whole.Count ? ends : throw new InvalidOperationException($"{ends.Count} frames for {whole.Count} messages.");
    }
}

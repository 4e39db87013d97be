using System.Globalization;
using System.Text.RegularExpressions;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files;
using OrleansMq.Storage.Files.Documents;
using OrleansMq.Storage.Files.Repair;

namespace OrleansMq.Trials.Damage;

/// <summary>Repairs a damaged folder and looks whether all that was not named as lost is served, and nothing that never was.</summary>
/// <param name="asksFirst">A repair without <c>--accept-loss</c> goes before.</param>
internal sealed partial class RepairJudge(Served whole, IReadOnlyDictionary<string, int> partitions, bool asksFirst)
{
    public async Task Try(SimDisk disk, List<string> violations, DamageResult result)
    {
        RepairReport first, again;
        List<RepairStep> done = [];
        try
        {
            if (asksFirst)
                done.AddRange(Repair(disk, acceptLoss: false).Done);
            if (done.Find(step => step.Lost is not null) is { } unasked)
                violations.Add($"not accepted, and done: {unasked}");
            (first, again) = (Repair(disk), Repair(disk));
            done.AddRange(first.Done);
        }
        catch (DataFolderException)
        {
            Count(result, "refused");
            return;
        }

        if (again.Done.Count > 0)
            violations.Add($"a second repair had something to do: {again.Done[0]}");
        // What does not read back of the ends is no document's and is written again by a broker.
        var found = DamageTrial.Doctor(disk).FindAll(told => !told.Contains($"/{ShardEnds.FileName}: ", StringComparison.Ordinal));
        if (found.Count > 0 && first.Left.Count == 0)
            violations.Add($"repaired, and doctor finds {string.Join("; ", found)}; repaired was {string.Join("; ", done)}");
        Compare(await Served.From(disk, partitions), done, first.Left, violations);
        Count(result, first.Left.Count > 0 ? "something left" : done.Exists(step => step.Lost is not null) ? "with a loss" : done.Count > 0 ? "without loss" : "nothing to do");
    }

    private static RepairReport Repair(SimDisk disk, bool acceptLoss = true)
    {
        using var repair = FolderRepair.Open(PreparedFolder.Root, null, DateTimeOffset.UnixEpoch, disk);
        return repair.Run(acceptLoss);
    }

    private void Compare(Served served, List<RepairStep> done, IReadOnlyList<RepairStep> left, List<string> violations)
    {
        if (served.NotStarted is { } why && left.Count == 0)
            violations.Add($"the repaired folder is refused: {why}");
        foreach (var (what, lines) in whole.Parts)
        {
            if (served.NotStarted is not null)
                break;
            var lost = Lost(done, what.Topic, what.Partition);
            var there = served.Parts[what].ToHashSet();
            if (what.What == "messages")
            {
                violations.AddRange(there.Except(lines).Select(line => $"repaired, and served {line}, which never was ({what})"));
                violations.AddRange(left.Count > 0 ? [] : lines.Where(line => !there.Contains(line) && !lost.Exists(range => OffsetOf(line) >= range.From && OffsetOf(line) <= range.To)).Take(3)
                    .Select(line => $"repaired, and {line} is not there, nor named as lost ({what}): {string.Join("; ", done)} {served.Refusals.GetValueOrDefault(what)}"));
            }
            else if (left.Count == 0 && !HasLosses(done) && !there.SetEquals(lines))
                violations.Add($"repaired without loss, and {what} is {string.Join(",", there)} instead of {string.Join(",", lines)} {served.Refusals.GetValueOrDefault(what)}: {string.Join("; ", done)}");
            else if (left.Count == 0 && served.Refusals.TryGetValue(what, out var refusal))
                violations.Add($"repaired, and {what} is refused: {refusal}: {string.Join("; ", done)}");
        }
    }

    private static bool HasLosses(List<RepairStep> done) => done.Exists(step => step.Lost is not null);

    private static List<(long From, long To)> Lost(List<RepairStep> done, string topic, int partition)
    {
        var ranges = new List<(long, long)>();
        foreach (var step in done)
        {
            if (step.Lost is not { } lost || !lost.Contains($"topic '{topic}' partition {partition},", StringComparison.Ordinal))
                continue;
            foreach (Match match in Offsets().Matches(lost))
                ranges.Add((Number(match, 1), Number(match, 2)));
        }

        return ranges;
    }

    private static long Number(Match match, int group) => long.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    private static long OffsetOf(string line) => long.Parse(line[..line.IndexOf(' ', StringComparison.Ordinal)], CultureInfo.InvariantCulture);

    private static void Count(DamageResult result, string way) => result.Repairs[way] = result.Repairs.GetValueOrDefault(way) + 1;

    [GeneratedRegex(@"offsets (\d+) to (\d+)")]
    private static partial Regex Offsets();
}

using System.Text;
using OrleansMq.Core.Catalog;
using OrleansMq.Records;
using OrleansMq.Simulation.Clients;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Checks;

/// <summary>Over all partitions of a topic that grew: each message once, each sender's messages of a key in order, in the logs, for a group by key and for members.</summary>
internal static class GrowthCheck
{
    public static IEnumerable<Violation> Check(History history)
    {
        var logs = history.Final.Where(log => log.Key.Topic == Population.Grown).ToDictionary(log => log.Key.Partition, log => log.Value);
        if (logs.Count == 0)
            return [];
        var places = new Dictionary<string, (int Partition, long Offset)>();
        var twice = new List<Violation>();
        foreach (var (partition, log) in logs)
            foreach (var (offset, record) in log.Records)
                if (!places.TryAdd(record.Uid, (partition, offset)))
                    twice.Add(new Violation("twice", $"{Population.Grown}: {record.Uid} stands at {places[record.Uid]} and at {(partition, offset)}."));
        var lines = history.Sent.Values.Where(sent => sent.Line is not null && sent.Key is not null && places.ContainsKey(sent.Uid))
            .GroupBy(sent => (sent.Line, sent.Key)).Select(line => line.OrderBy(sent => sent.Number).ToList()).ToList();
        return twice.Concat(Stored(lines, places)).Concat(Delivered(history, lines)).Concat(Assigned(history, logs));
    }

    private static IEnumerable<Violation> Stored(List<List<Sent>> lines, Dictionary<string, (int Partition, long Offset)> places)
    {
        foreach (var line in lines)
        {
            var last = new Dictionary<int, (long Offset, string Uid)>();
            foreach (var sent in line)
            {
                var (partition, offset) = places[sent.Uid];
                if (last.TryGetValue(partition, out var before) && before.Offset > offset)
                    yield return new Violation("growth order", $"{Population.Grown}/{partition}: {before.Uid} stands at {before.Offset}, and {sent.Uid}, sent later by {sent.Line} with key {sent.Key}, at {offset}.");
                last[partition] = (offset, sent.Uid);
            }
        }
    }

    /// <summary>A message is given only when those that its sender sent before with its key were settled, wherever they lie.</summary>
    private static IEnumerable<Violation> Delivered(History history, List<List<Sent>> lines)
    {
        var given = history.Given.Values.Where(each => each.At.Topic == Population.Grown && each.At.Group == Population.ByKey).ToLookup(each => each.Uid);
        var dead = history.Letters.Where(letter => letter.At.Topic == Population.Grown).Select(letter => letter.Uid).ToHashSet();
        foreach (var line in lines)
            for (var i = 1; i < line.Count; i++)
                foreach (var later in given[line[i].Uid].Where(each => each is { Lease.Lane: 0, IsFetched: false }))
                    if (line.Take(i).FirstOrDefault(before => !dead.Contains(before.Uid) && !IsSettledBefore(given[before.Uid], later.Call.Answered)) is { } open)
                    {
                        yield return new Violation("growth key order", $"{later.At}: {later.Uid} ({later.Lease}) of key {later.Key} was given before {open.Uid}, which {open.Line} sent before, was settled.");
                        break;
                    }
    }

    private static bool IsSettledBefore(IEnumerable<Given> given, long at) =>
        given.Any(each => each.Settled.Exists(settled => settled.LetsItsKeyGoOn && settled.May && settled.Call.Invoked < at));

    /// <summary>A member gets a partition only when all of its keys that stood elsewhere before was committed there.</summary>
    private static IEnumerable<Violation> Assigned(History history, Dictionary<int, FinalLog> logs)
    {
        var counts = history.Counts.Where(count => count <= logs.Count).ToList();
        var lineage = new PartitionLineage([.. counts.SkipLast(1).Select(count => new EarlierCount(count, 0))], counts[^1]);
        var needed = new Dictionary<int, List<(int Before, long Offset)>>();
        for (var partition = counts[0]; partition < lineage.Count; partition++)
        {
            var born = counts.First(count => count > partition);
            needed[partition] = [.. lineage.AncestorsSince(partition, 0)
                .Select(before => (before, logs[before].Records.Where(record => record.Value.Key is { } key && Murmur2.PartitionFor(Encoding.UTF8.GetBytes(key), born) == partition)
                    .Select(record => record.Key + 1).DefaultIfEmpty(0).Max()))];
        }

        foreach (var assigned in history.Assignments.Where(assigned => assigned.Topic == Population.Grown))
            foreach (var partition in assigned.Partitions)
                foreach (var (before, offset) in needed.GetValueOrDefault(partition, []))
                    if (offset > 0 && !history.CursorsSet.Exists(set =>
                        set.At.Place == new Place(Population.Grown, before) && set.At.Group == assigned.Group && set.Offset >= offset && set.Call.May && set.Call.Invoked < assigned.Call.Answered))
                        yield return new Violation("growth assignment", $"{assigned.Topic} {assigned.Group}: {assigned.Member} got partition {partition} in generation {assigned.Generation} before partition {before} was committed up to {offset}.");
    }
}

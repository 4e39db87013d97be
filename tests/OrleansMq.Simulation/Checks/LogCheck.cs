using OrleansMq.Simulation.Clients;
using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation.Checks;

/// <summary>What is in the logs: nothing acknowledged is lost, nothing comes from nowhere, one value at one offset, dense, and ends never go back.</summary>
internal static class LogCheck
{
    public static IEnumerable<Violation> Check(History history, WorldPlan plan)
    {
        foreach (var (place, log) in history.Final.Where(log => log.Key.Topic != Population.Latest))
        {
            for (var i = 0; i < log.Order.Count; i++)
                if (log.Order[i] != log.Start + i)
                {
                    yield return new Violation("dense", $"{place}: offset {log.Order[i]} was read where {log.Start + i} was due.");
                    break;
                }
            if (log.Start + log.Order.Count != log.End)
                yield return new Violation("dense", $"{place}: {log.Order.Count} messages were read from {log.Start} on, and the end is {log.End}.");
            if (place.Topic != Population.Ring && log.Start != 0)
                yield return new Violation("lost", $"{place} keeps everything, and begins at {log.Start}.");
        }

        foreach (var violation in Lost(history).Concat(Nowhere(history)).Concat(TwoValues(history)).Concat(EndsGoBack(history)).Concat(Cap(history, plan)))
            yield return violation;
    }

    private static IEnumerable<Violation> Lost(History history)
    {
        foreach (var sent in history.Sent.Values.Where(sent => sent.Topic != Population.Latest))
            foreach (var attempt in sent.Attempts)
            {
                if (attempt.Outcome != Outcome.Ok || !attempt.Durable || !history.Final.TryGetValue(new Place(sent.Topic, attempt.Partition), out var log) || attempt.Offset < log.Start)
                    continue;
                if (!log.Records.TryGetValue(attempt.Offset, out var stored))
                    yield return new Violation("lost", $"{sent.Uid} was acknowledged as durable at {sent.Topic}/{attempt.Partition}:{attempt.Offset}; nothing is there, and the end is {log.End}.");
                else if (stored.Uid != sent.Uid && !(attempt.Duplicate && stored.Token is not null && stored.Token == sent.Token))
                    yield return new Violation("lost", $"{sent.Uid} was acknowledged as durable at {sent.Topic}/{attempt.Partition}:{attempt.Offset}; {stored.Uid} is there.");
            }
    }

    private static IEnumerable<Violation> Nowhere(History history)
    {
        var all = history.Seen.Select(seen => (seen.Place, seen.Offset, seen.Uid, seen.Key, seen.Token, seen.How))
            .Concat(history.Final.SelectMany(log => log.Value.Records.Select(record => (log.Key, record.Key, record.Value.Uid, record.Value.Key, record.Value.Token, "final"))));
        var told = new HashSet<string>();
        foreach (var (place, offset, uid, key, token, how) in all)
        {
            if (!history.Sent.TryGetValue(uid, out var sent) || sent.Topic != place.Topic)
            {
                if (told.Add(uid))
                    yield return new Violation("nowhere", $"{place}:{offset} ({how}) holds {uid}, which nobody sent there.");
            }
            else if (key != sent.Key || token != sent.Token)
            {
                if (told.Add(uid))
                    yield return new Violation("nowhere", $"{place}:{offset} ({how}) holds {uid} with key {key} and token {token}; it was sent with {sent.Key} and {sent.Token}.");
            }
            else if (sent.Attempts.TrueForAll(attempt => attempt.Outcome == Outcome.Failed) && told.Add(uid))
            {
                yield return new Violation("nowhere", $"{place}:{offset} ({how}) holds {uid}, which was refused each time: {string.Join(", ", sent.Attempts.Select(a => a.Code))}.");
            }
        }
    }

    private static IEnumerable<Violation> TwoValues(History history)
    {
        var values = new Dictionary<(Place, long), (string Uid, string How)>();
        foreach (var (place, log) in history.Final)
            foreach (var (offset, record) in log.Records)
                values[(place, offset)] = (record.Uid, "final");
        foreach (var seen in history.Seen)
        {
            if (!values.TryAdd((seen.Place, seen.Offset), (seen.Uid, seen.How)) && values[(seen.Place, seen.Offset)] is var known && known.Uid != seen.Uid)
                yield return new Violation("two values", $"{seen.Place}:{seen.Offset} is {known.Uid} ({known.How}) and {seen.Uid} ({seen.How}).");
            if (history.Final.TryGetValue(seen.Place, out var log) && seen.Offset >= log.End)
                yield return new Violation("lost", $"{seen.Place}:{seen.Offset}: {seen.Uid} was {seen.How}, and the log ends at {log.End}.");
        }
    }

    private static IEnumerable<Violation> EndsGoBack(History history)
    {
        foreach (var place in history.Bounds.GroupBy(bounds => bounds.Place))
        {
            var answered = place.OrderBy(bounds => bounds.Call.Answered).ToList();
            var next = 0;
            var (start, end) = (0L, 0L);
            foreach (var bounds in place.OrderBy(bounds => bounds.Call.Invoked))
            {
                for (; answered[next].Call.Answered < bounds.Call.Invoked; next++)
                    (start, end) = (Math.Max(start, answered[next].Start), Math.Max(end, answered[next].End));
                if (bounds.Start < start || bounds.End < end)
                    yield return new Violation("end", $"{place.Key} reached from {start} to {end}, and later from {bounds.Start} to {bounds.End} ({bounds.Call.What}).");
            }
        }
    }

    private static IEnumerable<Violation> Cap(History history, WorldPlan plan)
    {
        var logs = Enumerable.Range(0, plan.CappedPartitions).Select(p => history.Final.GetValueOrDefault(new Place(Population.Capped, p))).ToList();
        if (logs.Contains(null))
            yield break;
        var stored = logs.Sum(log => log!.End);
        var accepted = history.Sent.Values.Where(sent => sent.Topic == Population.Capped)
            .SelectMany(sent => sent.Attempts.Where(attempt => attempt.Outcome == Outcome.Ok && attempt.Durable).Select(attempt => (attempt.Partition, attempt.Offset))).Distinct().Count();
        if (stored > plan.Admit || accepted > plan.Admit)
            yield return new Violation("cap", $"{stored} messages are stored and {accepted} were accepted where {plan.Admit} are admitted.");
        if (stored < plan.Admit)
            yield return new Violation("cap", $"{stored} messages are stored and others are refused, where {plan.Admit} are admitted.");
    }
}

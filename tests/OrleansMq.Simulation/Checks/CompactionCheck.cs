using OrleansMq.Simulation.Clients;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Checks;

/// <summary>
/// Of a compacted topic each key's last message is there, what is there stands where it was acknowledged, and offsets rise. That no offset ever holds another message
/// than was seen there, and that nothing comes from nowhere, <see cref="LogCheck"/> checks.
/// </summary>
internal static class CompactionCheck
{
    public static IEnumerable<Violation> Check(History history)
    {
        foreach (var (place, log) in history.Final.Where(log => log.Key.Topic == Population.Latest))
        {
            for (var i = 1; i < log.Order.Count; i++)
                if (log.Order[i] <= log.Order[i - 1])
                    yield return new Violation("compacted order", $"{place}: offset {log.Order[i]} was read behind {log.Order[i - 1]}.");
            if (log.Start != 0)
                yield return new Violation("compacted lost", $"{place} keeps each key's last message, and begins at {log.Start}.");
            foreach (var violation in Last(history, place, log))
                yield return violation;
        }
    }

    /// <summary>Messages that are not there any more.</summary>
    public static long Gone(History history) => history.Final.Where(log => log.Key.Topic == Population.Latest).Sum(log => log.Value.End - log.Value.Records.Count);

    private static IEnumerable<Violation> Last(History history, Place place, FinalLog log)
    {
        var stored = log.Records.GroupBy(record => record.Value.Key ?? "").ToDictionary(key => key.Key, key => key.Max(record => record.Key));
        var acknowledged = history.Sent.Values.Where(sent => sent.Topic == place.Topic)
            .SelectMany(sent => sent.Attempts.Where(attempt => attempt.Outcome == Outcome.Ok && attempt.Durable).Select(attempt => (sent.Key, sent.Uid, attempt.Offset)));
        foreach (var key in acknowledged.GroupBy(each => each.Key ?? ""))
        {
            var last = key.MaxBy(each => each.Offset);
            if (!stored.TryGetValue(key.Key, out var at) || at < last.Offset)
                yield return new Violation("compacted lost", $"{place}: {last.Uid} was acknowledged as durable at {last.Offset}, the last of key {key.Key}; {(at == 0 ? "nothing" : at)} is there of it.");
            foreach (var (_, uid, offset) in key)
                if (log.Records.TryGetValue(offset, out var record) && record.Uid != uid)
                    yield return new Violation("compacted moved", $"{place}: {uid} was acknowledged at {offset}, where {record.Uid} stands.");
        }
    }
}

using OrleansMq.Simulation.Clients;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Checks;

/// <summary>Delayed messages: none lost, none twice, none that was taken back. (That none is early is seen while reading; that none waits for ever, when all comes to rest.)</summary>
internal static class DelayCheck
{
    public static IEnumerable<Violation> Check(History history)
    {
        var stored = history.Final.Where(log => log.Key.Topic == Population.Later)
            .SelectMany(log => log.Value.Records.Select(record => (At: $"{log.Key}:{record.Key}", record.Value.Uid))).ToLookup(record => record.Uid, record => record.At);
        var cancelled = history.Cancelled.Where(each => each.Call.IsOk).Select(each => each.Sent.Uid).ToHashSet();
        var mayBe = history.Cancelled.Where(each => each.Call.May).Select(each => each.Sent.Uid).ToHashSet();
        foreach (var sent in history.Sent.Values.Where(sent => sent.Topic == Population.Later))
        {
            var places = stored[sent.Uid].ToList();
            if (places.Count > 1)
                yield return new Violation("delayed twice", $"{sent.Uid}({sent.Token}) is at {string.Join(" and ", places)}.");
            if (places.Count > 0 && cancelled.Contains(sent.Uid))
                yield return new Violation("cancelled", $"{sent.Uid}({sent.Token}) was cancelled, and is at {places[0]}.");
            if (places.Count == 0 && !mayBe.Contains(sent.Uid) && sent.Attempts.Exists(attempt => attempt is { Outcome: Outcome.Ok, Durable: true }))
                yield return new Violation("delayed lost", $"{sent.Uid}({sent.Token}) was acknowledged, and is nowhere.");
        }
    }
}

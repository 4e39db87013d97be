using OrleansMq.Simulation.Clients;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Checks;

/// <summary>Half messages and their producers' transactions: both, or none of them. (That none stays undecided is seen when all comes to rest.)</summary>
internal static class HalfCheck
{
    public static IEnumerable<Violation> Check(History history)
    {
        var stored = history.Final.Where(log => log.Key.Topic == Population.Paid)
            .SelectMany(log => log.Value.Records.Select(record => (At: $"{log.Key}:{record.Key}", record.Value.Uid))).ToLookup(record => record.Uid, record => record.At);
        foreach (var sent in history.Sent.Values.Where(sent => sent.Topic == Population.Paid))
        {
            var places = stored[sent.Uid].ToList();
            if (places.Count > 1)
                yield return new Violation("half twice", $"{sent.Uid}({sent.Token}) is at {string.Join(" and ", places)}.");
            if (places.Count > 0 && sent.Commits == false)
                yield return new Violation("half not taken back", $"{sent.Uid}({sent.Token}) was rolled back, and is at {places[0]}.");
            if (places.Count == 0 && sent.Commits == true && sent.Attempts.Exists(attempt => attempt is { Outcome: Outcome.Ok, Durable: true }))
                yield return new Violation("half lost", $"{sent.Uid}({sent.Token}) was acknowledged and its transaction committed, and it is nowhere.");
        }
    }
}

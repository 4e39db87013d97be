using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Checks;

/// <summary>Each message once, each token once, each session in order and without a gap.</summary>
internal static class ProducerCheck
{
    public static IEnumerable<Violation> Check(History history)
    {
        foreach (var (place, log) in history.Final)
        {
            var uids = new Dictionary<string, long>();
            var tokens = new Dictionary<string, long>();
            var sessions = new Dictionary<string, (int Index, long Offset)>();
            foreach (var (offset, (uid, _, token)) in log.Records)
            {
                if (!uids.TryAdd(uid, offset))
                    yield return new Violation("twice", $"{place}: {uid} stands at {uids[uid]} and at {offset}.");
                if (token is not null && !tokens.TryAdd(token, offset))
                    yield return new Violation("token", $"{place}: token {token} stands at {tokens[token]} and at {offset}.");
                if (!history.Sent.TryGetValue(uid, out var sent) || sent.Session is not { } session)
                    continue;
                var expected = sessions.TryGetValue(session, out var last) ? last.Index + 1 : log.Start == 0 ? 0 : sent.Index;
                if (sent.Index != expected)
                    yield return new Violation("order", $"{place}: {session} has its message {sent.Index} ({uid}) at {offset} where {expected} was due (the last stands at {last.Offset}).");
                sessions[session] = (sent.Index, offset);
            }
        }

        foreach (var sent in history.Sent.Values)
        {
            if (sent.Token is null)
                continue;
            // The answer to a token that was stored is its place, whoever asks.
            foreach (var attempt in sent.Attempts)
                if (attempt is { Outcome: Outcome.Ok, Durable: true } && history.Final.TryGetValue(new Place(sent.Topic, attempt.Partition), out var log)
                    && log.Records.TryGetValue(attempt.Offset, out var stored) && stored.Token != sent.Token)
                    yield return new Violation("token", $"{sent.Uid} with token {sent.Token} was answered {attempt.Partition}:{attempt.Offset}, where token {stored.Token} stands.");
        }
    }
}

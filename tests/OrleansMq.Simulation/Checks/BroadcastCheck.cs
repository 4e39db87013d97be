using OrleansMq.Simulation.Clients;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Checks;

/// <summary>
/// Ephemeral groups: each gets what was stored since it joined, nothing from before, and is deleted only where nobody used it for its time. (That one which nobody uses goes is seen when all comes to rest.)
/// </summary>
internal static class BroadcastCheck
{
    /// <summary>An answer is written down a little later than the use ended.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(100);

    public static IEnumerable<Violation> Check(History history)
    {
        var air = history.Sent.Values.Where(sent => sent.Topic == Population.Air).ToList();
        foreach (var listening in history.Listenings)
        {
            if (listening.GoneAt is { } gone && gone - listening.UsedAt < listening.Idle - Slack)
                yield return new Violation("broadcast deleted", $"{listening.Group} was used at {listening.UsedAt} and gone at {gone}; its time is {listening.Idle}.");
            foreach (var sent in air)
                if (Of(listening, sent) is { } violation)
                    yield return violation;
        }
    }

    private static Violation? Of(Listening listening, Sent sent)
    {
        var stored = sent.Attempts.Where(attempt => attempt is { Outcome: Outcome.Ok, Durable: true, Duplicate: false }).ToList();
        if (listening.Got.TryGetValue(sent.Uid, out var at))
            return stored.Exists(attempt => attempt.Call.Answered < listening.Asked && new Position(attempt.Partition, attempt.Offset) == at)
                ? new Violation("broadcast before", $"{listening.Group} got {sent.Uid} at {at}, which was stored before it joined.")
                : null;
        return stored.Exists(attempt => attempt.Call.Invoked > listening.Joined && attempt.Call.Answered < listening.DrainedAt)
            ? new Violation("broadcast lost", $"{listening.Group} never got {sent.Uid}, which was stored while it lived, and had nothing left.")
            : null;
    }
}

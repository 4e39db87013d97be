using OrleansMq.Simulation.Clients;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Checks;

/// <summary>
/// Groups with a filter: nobody is given what does not match, in no answer and not among dead letters, and in the end just those are counted that were passed over. That each one that
/// matches was somebody's, <see cref="RestCheck"/> says.
/// </summary>
internal static class FilterCheck
{
    public static IEnumerable<Violation> Check(History history)
    {
        foreach (var given in history.Given.Values)
            if (!RankedClients.Matches(given.At.Group, history, given.Uid))
                yield return new Violation("filter", $"{given.At}: {given.Uid} at {given.Origin} does not match, and was given by {given.Call.What}.");
        foreach (var letter in history.Letters)
            if (!RankedClients.Matches(letter.At.Group, history, letter.Uid))
                yield return new Violation("filter", $"{letter.At}: {letter.Uid} does not match, and is the dead letter {letter.Offset}.");
        foreach (var (at, group) in history.FinalGroups)
        {
            if (group.Error is not null || !history.Final.TryGetValue(at.Place, out var log) || log.Start > 0)
                continue;
            var passed = log.Records.Values.Count(record => !RankedClients.Matches(at.Group, history, record.Uid));
            if (passed != group.Filtered)
                yield return new Violation("filtered", $"{at}: {group.Filtered} messages count as passed over; {passed} of the log don't match.");
        }
    }
}

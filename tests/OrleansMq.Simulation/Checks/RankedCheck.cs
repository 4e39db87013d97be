using OrleansMq.Simulation.Clients;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Checks;

/// <summary>
/// Groups with an order of their own: within one answer higher priorities go first, but for the tenth part that age chooses; no answer passes over a higher one, or over a key's turn,
/// that was there and fresh. Answers to a repeated request are left out: they give the same messages, not the same order.
/// </summary>
internal static class RankedCheck
{
    public static IEnumerable<Violation> Check(History history) => Ordered(history).Concat(Held(history));

    /// <summary>From when a letter was seen until somebody moves it, no later message of its key is given.</summary>
    private static IEnumerable<Violation> Held(History history)
    {
        var given = history.Given.Values.Where(given => given.At.Group == Population.Held && given is { Lease.Lane: 0, FirstTry: true, IsFetched: false }).ToLookup(given => given.Key);
        foreach (var letter in history.Letters.Where(letter => letter.At.Group == Population.Held).GroupBy(letter => letter.Offset).Select(seen => seen.MinBy(letter => letter.Call.Answered)!))
        {
            if (history.Sent[letter.Uid].Key is not { } key)
                continue;
            var moved = history.LettersMoved.Where(moved => moved.At == letter.At && moved.Offset == letter.Offset && moved.Call.May).Select(moved => moved.Call.Invoked).DefaultIfEmpty(long.MaxValue).Min();
            foreach (var later in given[key])
                if (later.Call.Invoked > letter.Call.Answered && later.Call.Answered < moved)
                    yield return new Violation("held", $"{letter.At}: {later.Uid} of key {key} was given by {later.Call.What} while {letter.Uid} was its dead letter {letter.Offset}.");
        }
    }

    private static IEnumerable<Violation> Ordered(History history)
    {
        var given = history.Given.Values.Where(given => given.At.Topic == Population.Ranked && given is { Lease.Lane: 0, IsFetched: false }).ToList();
        foreach (var group in given.Where(given => given.At.Group is Population.ByPriority or Population.Fair).GroupBy(given => given.At.Group))
        {
            var first = group.GroupBy(given => given.Uid).Select(message => message.MinBy(given => given.Call.Answered)!).ToList();
            foreach (var answer in group.Where(given => given.FirstTry).GroupBy(given => given.Call))
            {
                var inOrder = answer.OrderBy(given => given.Rank).ToList();
                var passed = first.Where(later => WasThere(later, answer.Key, history)).ToList();
                foreach (var violation in group.Key == Population.Fair ? Fairness(inOrder, passed) : Priority(inOrder, passed, history))
                    yield return violation;
            }
        }
    }

    private static int PriorityOf(Given given, History history) => history.Sent[given.Uid].Priority ?? Message.DefaultPriority;

    /// <summary>Whether a message that was given later was readable and fresh when the answer was chosen, in the same life of the broker.</summary>
    private static bool WasThere(Given later, Call answer, History history) =>
        later.Number == 1 && later.Call.Process == answer.Process && later.Call.Invoked > answer.Answered
        && history.Sent[later.Uid].Attempts.Exists(attempt => attempt is { Outcome: Outcome.Ok, Durable: true, Duplicate: false } && attempt.Call.Process == answer.Process && attempt.Call.Answered < answer.Invoked);

    private static IEnumerable<Violation> Priority(List<Given> answer, List<Given> passed, History history)
    {
        // Of any ten choices one is by age.
        var byAge = (answer.Count + 9) / 10;
        var best = new int[answer.Count];
        for (var i = 0; i < best.Length; i++)
        {
            best[i] = 1;
            for (var j = 0; j < i; j++)
                if ((PriorityOf(answer[j], history), answer[i].Origin).CompareTo((PriorityOf(answer[i], history), answer[j].Origin)) > 0)
                    best[i] = Math.Max(best[i], best[j] + 1);
        }

        if (answer.Count - best.Max() > byAge)
            yield return new Violation("priority", $"{answer[0].At}: one answer gave {string.Join(", ", answer.Select(each => $"{each.Uid} at {each.Origin} of priority {PriorityOf(each, history)}"))}.");
        foreach (var higher in passed)
            if (answer.Count(each => PriorityOf(each, history) < PriorityOf(higher, history)) > byAge)
                yield return new Violation("priority", $"{answer[0].At}: {higher.Uid} of priority {PriorityOf(higher, history)} was passed over by {string.Join(", ", answer.Select(each => each.Uid))} and given first by {higher.Call.What}.");
    }

    private static IEnumerable<Violation> Fairness(List<Given> answer, List<Given> passed)
    {
        var keys = answer.Select(each => each.Key).ToList();
        if (keys.Distinct().Count() == keys.Count)
            yield break;
        foreach (var other in passed)
            if (!keys.Contains(other.Key))
                yield return new Violation("fairness", $"{answer[0].At}: {other.Uid} of key {other.Key} had no turn before {string.Join(", ", answer.Select(each => $"{each.Uid} of {each.Key}"))}; it was given first by {other.Call.What}.");
    }
}

using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Checks;

/// <summary>A log-style group's cursor is where somebody put it last, and a generation's partitions have one reader each.</summary>
internal static class CursorCheck
{
    public static IEnumerable<Violation> Check(History history)
    {
        foreach (var seen in history.CursorsSeen.Where(seen => seen.At.Group is "board" or "replay").GroupBy(seen => seen.At))
        {
            var sets = history.CursorsSet.Where(set => set.At == seen.Key && set.Call.May).ToList();
            foreach (var look in seen)
                if (!Explained(look, sets))
                    yield return new Violation("cursor", $"{look.At} stood at {look.Offset} ({look.Call.What}), where nobody had put it last. "
                        + $"Put: {string.Join(", ", sets.Where(set => set.Call.Invoked < look.Call.Answered).TakeLast(5).Select(set => $"{set.Offset} {set.Call.Outcome}"))}.");
        }

        foreach (var generation in history.Assignments.GroupBy(assigned => (assigned.Topic, assigned.Group, assigned.Generation)))
        {
            var owners = new Dictionary<int, string>();
            foreach (var assigned in generation)
                foreach (var partition in assigned.Partitions)
                    if (!owners.TryAdd(partition, assigned.Member) && owners[partition] != assigned.Member)
                        yield return new Violation("assignment", $"{generation.Key}: partition {partition} is {owners[partition]}'s and {assigned.Member}'s.");
        }

        var highest = 0;
        foreach (var look in history.Assignments.OrderBy(assigned => assigned.Call.Invoked))
        {
            highest = history.Assignments.Where(before => before.Call.Answered < look.Call.Invoked && before.Group == look.Group && before.Topic == look.Topic).Select(before => before.Generation).DefaultIfEmpty().Max();
            if (look.Generation < highest)
                yield return new Violation("assignment", $"{look.Topic} {look.Group}: generation {look.Generation} after {highest}.");
        }
    }

    /// <summary>Some put of this value may be the last one before the look: none that is known to be done came wholly between.</summary>
    private static bool Explained(CursorSeen look, List<CursorSet> sets)
    {
        if (look.Offset == 0 && !sets.Exists(set => set.Call.IsOk && set.Call.Answered < look.Call.Invoked))
            return true;
        return sets.Exists(set => set.Offset == look.Offset && set.Call.Invoked < look.Call.Answered
            && !sets.Exists(later => later.Call.IsOk && later.Call.Invoked > set.Call.Over && later.Call.Answered < look.Call.Invoked));
    }
}

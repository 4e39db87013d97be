using OrleansMq.Simulation.Clients;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Checks;

/// <summary>
/// States of keys: what comes with a message is the fold of what was acknowledged with a state before, none left out and none twice, and all that was seen of a key is one line of states.
/// </summary>
internal static class StateCheck
{
    public static IEnumerable<Violation> Check(History history)
    {
        var letters = history.Letters.Where(letter => letter.At.Group == Population.Folded).Select(letter => (letter.At.Topic, $"{letter.At.Partition}:{letter.Origin}")).ToHashSet();
        foreach (var key in history.Given.Values.Where(given => given.At.Group == Population.Folded && given.Key is not null).GroupBy(given => (given.At.Topic, Key: given.Key!)))
        {
            List<Given> given = [.. key];
            var last = history.FinalStates.GetValueOrDefault(key.Key);
            foreach (var violation in OneLine(key.Key, given, last).Concat(Folds(given)))
                yield return violation;
            if (last is not null)
                foreach (var violation in AtTheEnd(key.Key, given, last, letters, history))
                    yield return violation;
        }
    }

    /// <summary>Of any two states one is the beginning of the other.</summary>
    private static IEnumerable<Violation> OneLine((string Topic, string Key) key, List<Given> given, string? last)
    {
        var states = given.Select(each => each.State).Append(last ?? "").Distinct(StringComparer.Ordinal).OrderBy(state => state.Length).ToList();
        for (var i = 1; i < states.Count; i++)
            if (!states[i].StartsWith(states[i - 1], StringComparison.Ordinal))
                yield return new Violation("state forked", $"{key}: '{states[i]}' does not go on from '{states[i - 1]}'.");
        if (states[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries).GroupBy(place => place).FirstOrDefault(place => place.Count() > 1) is { } twice)
            yield return new Violation("state twice", $"{key}: {twice.Key} is {twice.Count()} times in '{states[^1]}'.");
    }

    private static IEnumerable<Violation> Folds(List<Given> given)
    {
        var acknowledged = given.SelectMany(each => each.Settled.Where(settled => settled is { Folds: true, IsOk: true }).Select(settled => (Place: PlaceOf(each), settled.Call))).ToList();
        var tried = given.SelectMany(each => each.Settled.Where(settled => settled is { Folds: true, May: true }).Select(settled => (Place: PlaceOf(each), settled.Call.Invoked)))
            .GroupBy(each => each.Place).ToDictionary(place => place.Key, place => place.Min(each => each.Invoked));
        var aside = given.Where(each => each.Settled.Exists(settled => settled is { Kind: SettlementKind.Defer, May: true })).Select(PlaceOf).ToHashSet();
        foreach (var delivery in given)
        {
            var places = delivery.State.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToHashSet();
            if (places.Contains(PlaceOf(delivery)))
                yield return new Violation("state twice", $"{delivery.At}: {delivery.Uid} ({delivery.Lease}) of key {delivery.Key} came with a state that it is in: '{delivery.State}'.");
            // A message that its key left behind comes with the state that the key left with.
            if (delivery.IsFetched || delivery.Lease.Lane != 0 || aside.Contains(PlaceOf(delivery)))
                continue;
            foreach (var (place, call) in acknowledged)
                if (call.Answered < delivery.Call.Invoked && !places.Contains(place))
                    yield return new Violation("state lost", $"{delivery.At}: {delivery.Uid} ({delivery.Lease}) of key {delivery.Key} came with '{delivery.State}', and {place} had been acknowledged by {call.What}.");
            foreach (var place in places)
                if (!tried.TryGetValue(place, out var invoked) || invoked > delivery.Call.Answered)
                    yield return new Violation("state untrue", $"{delivery.At}: {delivery.Uid} ({delivery.Lease}) of key {delivery.Key} came with '{delivery.State}', and nobody had acknowledged {place}.");
        }
    }

    /// <summary>What is settled is in the state, unless it was settled otherwise.</summary>
    private static IEnumerable<Violation> AtTheEnd((string Topic, string Key) key, List<Given> given, string last, HashSet<(string, string)> letters, History history)
    {
        var places = last.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToHashSet();
        var otherwise = given.Where(each => each.Settled.Exists(settled => settled is { Folds: false, May: true, Kind: SettlementKind.Acknowledge or SettlementKind.DeadLetter })).Select(PlaceOf).ToHashSet();
        foreach (var (place, log) in history.Final.Where(log => log.Key.Topic == key.Topic))
            foreach (var (offset, record) in log.Records.Where(record => record.Value.Key == key.Key))
                if ($"{place.Partition}:{offset}" is var at && !places.Contains(at) && !otherwise.Contains(at) && !letters.Contains((key.Topic, at)))
                    yield return new Violation("state lost", $"{key}: {record.Uid} at {at} is settled, and not in the state at the end: '{last}'.");
    }

    private static string PlaceOf(Given given) => $"{given.At.Partition}:{given.Origin}";
}

using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation.Checks;

/// <summary>A dead letter is there once, until somebody moves it, and is what it says.</summary>
internal static class DeadLetterCheck
{
    public static IEnumerable<Violation> Check(History history, WorldPlan plan)
    {
        foreach (var lane in history.Letters.GroupBy(letter => letter.At))
        {
            var at = lane.Key;
            var moved = history.LettersMoved.Where(move => move.At == at && move.Call.May).ToLookup(move => move.Offset);
            var final = history.FinalLetters.GetValueOrDefault(at);
            var letters = lane.GroupBy(letter => letter.Offset).ToDictionary(group => group.Key, group => group.ToList());
            foreach (var (offset, seen) in letters)
            {
                var letter = seen[0];
                if (seen.Exists(other => other.Uid != letter.Uid || other.Origin != letter.Origin))
                    yield return new Violation("two values", $"dead letter {offset} of {at} is {string.Join(" and ", seen.Select(l => l.Uid).Distinct())}.");
                if (history.Final.TryGetValue(at.Place, out var log) && log.Records.TryGetValue(letter.Origin, out var origin) && origin.Uid != letter.Uid)
                    yield return new Violation("nowhere", $"dead letter {offset} of {at} is {letter.Uid}, and {origin.Uid} stands at its origin {letter.Origin}.");
                if (letter.Reason == "max-deliveries" && letter.Deliveries != plan.MaxDeliveries)
                    yield return new Violation("deliveries", $"dead letter {offset} of {at} died after {letter.Deliveries} deliveries; {plan.MaxDeliveries} are allowed.");
                if (final is not null && !moved.Contains(offset) && !final.Exists(there => there.Offset == offset))
                    yield return new Violation("letter lost", $"dead letter {offset} ({letter.Uid}) of {at} was there and nobody moved it; it is gone.");
                if (final is not null && moved[offset].Any(move => move.Call.IsOk) && final.Exists(there => there.Offset == offset))
                    yield return new Violation("letter twice", $"dead letter {offset} ({letter.Uid}) of {at} was {moved[offset].First().Call.What}, and is there.");
            }

            foreach (var message in letters.Values.GroupBy(seen => seen[0].Origin))
            {
                var redriven = message.Count(seen => moved[seen[0].Offset].Any(move => move.Redriven));
                if (message.Count() > 1 + redriven)
                    yield return new Violation("letter twice", $"{at}: the message at {message.Key} died {message.Count()} times and was redriven {redriven} times (letters {string.Join(",", message.Select(seen => seen[0].Offset))}).");
            }

            foreach (var twice in (final ?? []).GroupBy(letter => letter.Origin).Where(letter => letter.Count() > 1))
                yield return new Violation("letter twice", $"{at}: the message at {twice.Key} is there as letters {string.Join(",", twice.Select(letter => letter.Offset))}.");
        }

        foreach (var given in history.Given.Values)
            foreach (var settled in given.Settled)
                if (settled is { Kind: SettlementKind.DeadLetter, IsOk: true } && !history.Letters.Exists(letter => letter.At == given.At && letter.Origin == given.Origin))
                    yield return new Violation("letter lost", $"{given.At}: {given.Uid} ({given.Lease}) was dead-lettered, and nobody ever saw it there.");
    }
}

using OrleansMq.Simulation.Clients;
using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation.Checks;

/// <summary>Once everything healed and was drained: nothing is left over, and each message was somebody's.</summary>
internal static class RestCheck
{
    public static IEnumerable<Violation> Check(History history, WorldPlan plan)
    {
        foreach (var (at, group) in history.FinalGroups)
        {
            if (group.Error is { } error)
                yield return new Violation("not served", $"{at}: {error.Code} {error.Detail}");
            else if (group.Lag > 0 || group.InFlight > 0)
                yield return new Violation("stuck", $"{at}: {group.Lag} messages are not settled and {group.InFlight} in flight after draining; the cursor is at {group.Cursor}.");
        }

        foreach (var at in history.FinalGroups.Keys)
        {
            if (!history.Final.TryGetValue(at.Place, out var log))
                continue;
            var settled = history.Given.Values.Where(given => given.At == at && given.Lease.Lane == 0 && given.Settled.Exists(s => s.May && s.Kind is SettlementKind.Acknowledge or SettlementKind.DeadLetter && s.May))
                .Select(given => given.Origin).ToHashSet();
            settled.UnionWith(history.Letters.Where(letter => letter.At == at).Select(letter => letter.Origin));
            var given = history.Given.Values.Where(given => given.At == at).Select(given => given.Origin).ToHashSet();
            // Also what was leased and whose delivery got lost: it was delivered as far as the broker knows.
            var upTo = history.SettledUpTo.Where(upTo => upTo.At == at && upTo.Call.May).Select(upTo => upTo.Offset).DefaultIfEmpty(-1).Max();
            foreach (var (offset, record) in log.Records)
                if (!settled.Contains(offset) && offset > upTo && RankedClients.Matches(at.Group, history, record.Uid))
                    yield return new Violation("skipped", $"{at}: {record.Uid} at {offset} counts as settled; nobody settled it{(given.Contains(offset) ? "" : ", nobody ever had it")}.");
        }

        foreach (var code in history.Calls.Where(call => call.Code == ErrorCodes.PartitionDamaged))
            yield return new Violation("false damage", $"{code.What}: the partition says that it is damaged, and no bit was flipped.");

        foreach (var (topic, partitions) in Population.TopicsOf(plan))
            for (var p = 0; p < partitions; p++)
                if (!history.Final.ContainsKey(new Place(topic, p)))
                    yield return new Violation("not served", $"{topic}/{p} was not read at the end.");
        for (var p = 0; plan.Transactions && p < Population.MadePartitions; p++)
            if (!history.Committed.ContainsKey(new Place(Population.Made, p)))
                yield return new Violation("not served", $"{Population.Made}/{p} was not read at the end.");
    }
}

using OrleansMq.Simulation.Clients;
using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation.Checks;

/// <summary>
/// What consumers were given: one unexpired lease at a time, counts that do not fall, nothing again that was acknowledged, keys one at a time and in order.
/// </summary>
internal static class LeaseCheck
{
    public static IEnumerable<Violation> Check(History history, WorldPlan plan)
    {
        var durable = new DurableMarks(history);
        foreach (var group in history.Given.Values.GroupBy(given => given.At))
        {
            var inOrder = group.OrderBy(given => given.Call.Answered).ThenBy(given => given.Lease.Offset).ToList();
            foreach (var message in inOrder.GroupBy(given => (given.Lease.Lane, given.Lease.Offset)))
                foreach (var violation in OneMessage([.. message], group.Key, durable, history, plan))
                    yield return violation;
            if (group.Key.Group is Population.ByKey or Population.Held or Population.Folded)
                foreach (var violation in ByKey(inOrder, group.Key, history))
                    yield return violation;
        }
    }

    private static IEnumerable<Violation> OneMessage(List<Given> deliveries, GroupPlace at, DurableMarks durable, History history, WorldPlan plan)
    {
        for (var i = 0; i < deliveries.Count; i++)
        {
            var later = deliveries[i];
            if (later.Number > plan.MaxDeliveries && at.Topic != Population.Grown && !deliveries.Exists(each => each.Settled.Exists(settled => settled is { Kind: SettlementKind.Defer, May: true })))
                yield return new Violation("deliveries", $"{at}: {later.Uid} was delivered for the {later.Number}th time; {plan.MaxDeliveries} are allowed.");
            for (var j = 0; j < i; j++)
            {
                var earlier = deliveries[j];
                // Answers may overtake one another: the one with the higher number was granted later.
                var (first, second) = (earlier.Lease.Epoch, earlier.Number).CompareTo((later.Lease.Epoch, later.Number)) <= 0 ? (earlier, later) : (later, earlier);
                if (first.Settled.Find(settled => settled.IsOk && settled.Kind is SettlementKind.Acknowledge or SettlementKind.DeadLetter && settled.IsOk) is { } done)
                    yield return new Violation("acked", $"{at}: {first.Uid} was settled as {first.Lease} ({done.Kind}) and given again as {second.Lease}.");
                if (first.Settled.Find(settled => settled is { Kind: SettlementKind.Defer, IsOk: true }) is { } aside && !second.IsFetched
                    && !history.Fetched.Exists(fetch => MayHaveGiven(fetch.Call) && fetch.Names(at, first.Origin) && fetch.Call.Over > aside.Call.Invoked && fetch.Call.Invoked < second.Call.Answered))
                    yield return new Violation("deferred", $"{at}: {first.Uid} was set aside as {first.Lease} and given as {second.Lease}; nobody had asked for it.");
                // A crash, and a process that takes the log, may forget grants of the last moment; not by key, where they are durable first.
                if (at.Group != "bykey" && durable.MayBeForgotten(first, second))
                    continue;
                if (second.Number <= first.Number)
                    yield return new Violation("count", $"{at}: {first.Uid} was given as {first.Lease}, then as {second.Lease}: the count did not rise.");
                if (IsHeld(first, second.GrantedMs, second.Call.Answered))
                    yield return new Violation("two leases", $"{at}: {first.Uid} was given as {first.Lease} until {first.UntilMs} to {first.Consumer}, and as {second.Lease} at {second.GrantedMs} to {second.Consumer}.");
            }
        }
    }

    /// <summary>One that failed at reading what it gave has given it.</summary>
    private static bool MayHaveGiven(Call fetch) => fetch.May || fetch.Code is ErrorCodes.PartitionUnavailable;

    /// <summary>Whether a lease certainly stands at a time of its partition's clock.</summary>
    private static bool IsHeld(Given given, long atMs, long at)
    {
        var until = given.UntilMs;
        foreach (var settled in given.Settled)
        {
            if (settled.Call.Invoked > at || !settled.May)
                continue;
            if (settled.Kind != SettlementKind.Extend)
                return false;
            // The engine's clock at the extension was at least that of the grant, and in the same process it went on with ours.
            var extended = given.GrantedMs + (long)settled.Extension.TotalMilliseconds;
            if (settled.Call.Process == given.Call.Process)
                extended += Math.Max(0, (long)(settled.InvokedAt - given.AnsweredAt).TotalMilliseconds - 1);
            until = settled.IsOk && settled.Call.Answered < at ? extended : Math.Min(until, extended);
        }

        return atMs < until;
    }

    /// <summary>
    /// It ended in a process whose clock nobody knows any more: that went on while a full disk let nothing be written, and the next one's begins with what is written (seed 3899).
    /// </summary>
    private static bool IsOverByTheWorldsTime(Given given, Given later) =>
        later.Call.Process != given.Call.Process && !given.Settled.Exists(settled => settled is { Kind: SettlementKind.Extend, May: true })
        && (later.AnsweredAt - given.AnsweredAt).TotalMilliseconds > given.UntilMs - given.GrantedMs;

    private static IEnumerable<Violation> ByKey(List<Given> inOrder, GroupPlace at, History history)
    {
        var main = inOrder.Where(given => given.Lease.Lane == 0 && given.Key is not null).ToList();
        var offsetsOfKey = history.Final.TryGetValue(at.Place, out var log)
            ? log.Records.Where(record => record.Value.Key is not null).GroupBy(record => record.Value.Key!).ToDictionary(key => key.Key, key => key.Select(record => record.Key).ToList())
            : [];
        // When an attempt to settle it began that lets its key go on, the first of them.
        var letGo = main.SelectMany(given => given.Settled.Where(settled => settled.LetsItsKeyGoOn && settled.May).Select(settled => (given.Origin, settled.Call.Invoked)))
            .GroupBy(each => each.Origin).ToDictionary(offset => offset.Key, offset => offset.Min(each => each.Invoked));
        var dead = history.Letters.Where(letter => letter.At == at).Select(letter => letter.Origin).ToHashSet();
        foreach (var key in main.GroupBy(given => given.Key))
        {
            var given = key.ToList();
            for (var i = 0; i < given.Count; i++)
            {
                for (var j = 0; j < given.Count; j++)
                {
                    var (first, second) = (given[j], given[i]);
                    // What was set aside has left the order of its key.
                    if (first.IsFetched || second.IsFetched)
                        continue;
                    // The lease ended by the clock of a process that died, and its successor's is behind: the message waits for its time still, but holds up no lower one, which had been set aside.
                    if (second.Origin < first.Origin && second.Call.Process != first.Call.Process)
                        continue;
                    if (first.Origin == second.Origin || first.GrantedMs > second.GrantedMs || (first.GrantedMs == second.GrantedMs && first.Origin > second.Origin))
                        continue;
                    if (!IsOverByTheWorldsTime(first, second) && IsHeld(first, second.GrantedMs, second.Call.Answered))
                        yield return new Violation("by key", $"{at}: {second.Uid} ({second.Lease}) was given at {second.GrantedMs} while {first.Uid} ({first.Lease}) of the same key {key.Key} was {first.Consumer}'s until {first.UntilMs}.");
                }

                foreach (var offset in offsetsOfKey.GetValueOrDefault(key.Key!, []))
                {
                    if (offset >= given[i].Origin || given[i].IsFetched)
                        break;
                    var settled = dead.Contains(offset) || letGo.GetValueOrDefault(offset, long.MaxValue) < given[i].Call.Answered;
                    if (!settled)
                        yield return new Violation("key order", $"{at}: {given[i].Uid} ({given[i].Lease}) of key {key.Key} was given before offset {offset} of its key was settled.");
                }
            }
        }
    }
}

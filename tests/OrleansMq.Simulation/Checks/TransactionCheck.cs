using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Checks;

/// <summary>Transactions: whole or not at all, each input once, nothing taken back that was seen as committed, and nothing of a producer after its fence.</summary>
internal static class TransactionCheck
{
    public static IEnumerable<Violation> Check(History history)
    {
        if (history.Committed.Count == 0)
            yield break;
        var visible = history.Committed.SelectMany(log => log.Value.Records.Select(record => (At: new Spot(log.Key, record.Key), Uid: record.Value))).ToLookup(record => record.Uid, record => record.At);
        foreach (var violation in Whole(history, visible).Concat(Inputs(history, visible)).Concat(Reads(history)).Concat(Sink(history)).Concat(Stable(history)).Concat(Fences(history)).Concat(Markers(history)))
            yield return violation;
    }

    private static IEnumerable<Violation> Whole(History history, ILookup<string, Spot> visible)
    {
        var known = history.Transformations.SelectMany(each => each.Outputs).Select(sent => sent.Uid).ToHashSet();
        foreach (var uid in visible)
        {
            if (!known.Contains(uid.Key))
                yield return new Violation("transaction nowhere", $"{uid.Key} is at {uid.First()}, and no transaction sent it.");
            if (uid.Count() > 1)
                yield return new Violation("transaction twice", $"{uid.Key} is at {string.Join(" and ", uid)}.");
        }

        foreach (var each in history.Transformations)
        {
            var there = each.Outputs.Where(sent => visible.Contains(sent.Uid)).ToList();
            var missing = string.Join(", ", each.Outputs.Except(there).Select(sent => sent.Uid));
            if (there.Count > 0 && !each.MayBeCommitted)
                yield return new Violation("aborted visible", $"{each} was never committed, and {there[0].Uid} is at {visible[there[0].Uid].First()}.");
            else if (there.Count > 0 && missing.Length > 0)
                yield return new Violation("transaction torn", $"{each}: {there[0].Uid} is at {visible[there[0].Uid].First()}, and {missing} is nowhere.");
            else if (each.IsCommitted && missing.Length > 0)
                yield return new Violation("transaction lost", $"{each} is committed, and {missing} is nowhere.");
            foreach (var sent in there)
                if (sent.Attempts.Find(attempt => attempt.Outcome == Outcome.Ok) is { } stored && !visible[sent.Uid].Contains(new Spot(new Place(sent.Topic, stored.Partition), stored.Offset)))
                    yield return new Violation("transaction moved", $"{each}: {sent.Uid} was stored at {stored.Partition}:{stored.Offset}, and is at {visible[sent.Uid].First()}.");
        }
    }

    private static IEnumerable<Violation> Inputs(History history, ILookup<string, Spot> visible)
    {
        foreach (var (input, upTo) in history.TransformedUpTo)
        {
            var next = 0L;
            foreach (var each in history.Transformations.Where(each => each.Input == input && each.Outputs.Exists(sent => visible.Contains(sent.Uid))).OrderBy(each => each.From).ThenBy(each => each.To))
            {
                if (each.From < next)
                    yield return new Violation("input twice", $"{each}: up to {next} was transformed by another.");
                if (each.From > next)
                    yield return new Violation("input skipped", $"{each}: from {next} on nobody transformed.");
                next = Math.Max(next, each.To);
            }

            if (next != upTo)
                yield return new Violation("input skipped", $"{input}: the cursor is at {upTo}, and what is committed was made of everything up to {next}.");
        }
    }

    /// <summary>Whatever the moment: a range that could be read as committed holds what it holds at the end.</summary>
    private static IEnumerable<Violation> Reads(History history)
    {
        foreach (var read in history.CommittedReads)
        {
            if (!history.Committed.TryGetValue(read.Place, out var log))
                continue;
            var due = log.Records.Where(record => record.Key >= read.From && record.Key < read.To).Select(record => (record.Key, record.Value));
            if (!due.SequenceEqual(read.Records))
                yield return new Violation("committed read", $"{read.Call.What} gave {string.Join(" ", read.Records)} up to {read.To}; there is {string.Join(" ", due)}.");
            if (read.To > read.Stable)
                yield return new Violation("committed read", $"{read.Call.What} gave what is not stable: up to {read.To}, and {read.Stable} is.");
        }
    }

    private static IEnumerable<Violation> Sink(History history)
    {
        foreach (var sunk in history.Sunk)
            if (history.Committed.TryGetValue(sunk.Place, out var log) && log.Records.GetValueOrDefault(sunk.Offset) != sunk.Uid)
                yield return new Violation("uncommitted delivered", $"{sunk.Place}:{sunk.Offset}: {sunk.Uid} was delivered, and {log.Records.GetValueOrDefault(sunk.Offset) ?? "nothing"} is committed there.");
        var delivered = history.Sunk.Select(sunk => new Spot(sunk.Place, sunk.Offset)).ToHashSet();
        foreach (var (place, log) in history.Committed)
            foreach (var (offset, uid) in log.Records)
                if (!delivered.Contains(new Spot(place, offset)))
                    yield return new Violation("committed undelivered", $"{place}:{offset}: {uid} is committed, the group counts it as settled, and nobody ever had it.");
    }

    private static IEnumerable<Violation> Stable(History history)
    {
        foreach (var (place, log) in history.Committed)
            if (log.Stable != log.End)
                yield return new Violation("not stable", $"{place}: everything is ended, the end is {log.End}, and the last stable offset {log.Stable}.");
        foreach (var place in history.CommittedReads.GroupBy(read => read.Place))
        {
            var answered = place.OrderBy(read => read.Call.Answered).ToList();
            var (next, stable) = (0, 0L);
            foreach (var read in place.OrderBy(read => read.Call.Invoked))
            {
                for (; answered[next].Call.Answered < read.Call.Invoked; next++)
                    stable = Math.Max(stable, answered[next].Stable);
                if (read.Stable < stable)
                    yield return new Violation("stable back", $"{place.Key}: {stable} was stable, and later {read.Stable} ({read.Call.What}).");
            }
        }
    }

    /// <summary>Once an id was opened, its older producers are told so.</summary>
    private static IEnumerable<Violation> Fences(History history)
    {
        foreach (var each in history.Transformations)
        {
            var fence = history.Opened.Where(opened => opened.Id == each.Id && opened.Producer.Id == each.Producer.Id && opened.Producer.Epoch > each.Producer.Epoch).MinBy(opened => opened.Call.Answered);
            if (fence is null)
                continue;
            var late = each.Outputs.SelectMany(sent => sent.Attempts).FirstOrDefault(attempt => attempt is { Outcome: Outcome.Ok, Duplicate: false } && attempt.Call.Invoked > fence.Call.Answered);
            if (late is not null)
                yield return new Violation("fence", $"{each}: {late.Call.What} was taken after epoch {fence.Producer.Epoch} was opened.");
            if (each.Commits.Find(call => call.IsOk && call.Invoked > fence.Call.Answered) is { } commit)
                yield return new Violation("fence", $"{each}: {commit.What} was taken after epoch {fence.Producer.Epoch} was opened.");
        }
    }

    /// <summary>In the log as it is: dense, and no batch of an epoch behind the marker that ended it.</summary>
    private static IEnumerable<Violation> Markers(History history)
    {
        foreach (var (place, log) in history.Committed)
        {
            var next = 0L;
            var ended = new Dictionary<long, short>();
            foreach (var batch in log.Batches)
            {
                if (batch.First != next)
                    yield return new Violation("dense", $"{place}: a batch begins at {batch.First} where {next} was due.");
                next = batch.Last + 1;
                if (!batch.IsControl && ended.TryGetValue(batch.ProducerId, out var epoch) && batch.ProducerEpoch <= epoch)
                    yield return new Violation("fence", $"{place}:{batch.First}: a batch of {batch.ProducerId}.{batch.ProducerEpoch} behind the marker of epoch {epoch}.");
                if (batch.IsControl)
                    ended[batch.ProducerId] = Math.Max(batch.ProducerEpoch, ended.GetValueOrDefault(batch.ProducerId));
            }

            if (next != log.End)
                yield return new Violation("dense", $"{place}: batches reach to {next}, and the end is {log.End}.");
        }
    }

    private readonly record struct Spot(Place Place, long Offset)
    {
        public override string ToString() => $"{Place}:{Offset}";
    }
}

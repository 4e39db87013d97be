using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation.Checks;

/// <summary>Which grants are known to be durable: an answer that waited for the disk covers what was decided before it was asked.</summary>
internal sealed class DurableMarks
{
    private readonly Dictionary<(SimProcess, Place), List<Call>> _marks = [];
    private readonly ILookup<Place, LogOpening> _openings;
    private readonly HashSet<(SimProcess Process, Place Place)> _stopped;

    public DurableMarks(History history)
    {
        _openings = history.Openings.ToLookup(opening => opening.Place);
        _stopped = history.Stopped;
        foreach (var given in history.Given.Values)
            foreach (var settled in given.Settled)
                if (settled.IsOk)
                    Mark(settled.Call, given.At.Place);
        foreach (var sent in history.Sent.Values)
            foreach (var attempt in sent.Attempts)
                if (attempt is { Outcome: Outcome.Ok, Durable: true })
                    Mark(attempt.Call, new Place(sent.Topic, attempt.Partition));
    }

    /// <summary>Whether what was not flushed went between the two, before anything said that the first grant was durable.</summary>
    public bool MayBeForgotten(Given first, Given second) =>
        first.Call.Process is { } process && first.Lease.Epoch != second.Lease.Epoch
        && Lost(first, process) is var lost && lost < second.Call.Answered
        && !_marks.GetValueOrDefault((process, first.At.Place), []).Exists(mark => mark.Invoked >= first.Call.Answered && mark.Answered < lost);

    /// <summary>
    /// When what was not flushed of the engine that gave it went: the process ended unclean, or the partition had stopped in it (seed 585), or another one took the log from it while it lived. Such a one may end in good order
    /// and flushes nothing more there; one that takes the log back knows what is in it, and nothing of what it gave before.
    /// </summary>
    private long Lost(Given given, SimProcess process)
    {
        var opened = _openings[given.At.Place].Where(opening => opening.Process == process && opening.At < given.Call.Answered).Select(opening => opening.At).DefaultIfEmpty().Max();
        var taken = _openings[given.At.Place].Where(opening => opening.Process != process && opening.At > opened && opening.At < process.DiedAt).Select(opening => opening.At);
        return taken.DefaultIfEmpty(long.MaxValue).Min() is var at && at < process.DiedAt ? at : process.EndedClean && !_stopped.Contains((process, given.At.Place)) ? long.MaxValue : process.DiedAt;
    }

    private void Mark(Call call, Place place)
    {
        if (call.Process is not { } process || call.Answered >= process.DiedAt)
            return;
        if (!_marks.TryGetValue((process, place), out var marks))
            _marks[(process, place)] = marks = [];
        marks.Add(call);
    }
}

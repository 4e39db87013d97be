using System.Text;
using OrleansMq.Engine.Storage;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation.Histories;

/// <summary>Everything that was asked and answered in one world, in order.</summary>
public sealed class History
{
    private ulong _hash = 14695981039346656037;
    private long _events;

    /// <summary>Called for each line; off unless somebody traces.</summary>
    public Action<string>? Trace { get; set; }

    public Dictionary<string, Sent> Sent { get; } = [];
    public List<Seen> Seen { get; } = [];
    public Dictionary<(GroupPlace At, LeaseId Lease), Given> Given { get; } = [];
    public List<SettledUpTo> SettledUpTo { get; } = [];
    public List<Fetched> Fetched { get; } = [];
    public List<CursorSet> CursorsSet { get; } = [];
    public List<CursorSeen> CursorsSeen { get; } = [];
    public List<Letter> Letters { get; } = [];
    public List<LetterMoved> LettersMoved { get; } = [];
    public List<Bounds> Bounds { get; } = [];
    /// <summary>Which log is which partition's, of all processes.</summary>
    public Dictionary<LogId, Place> Places { get; } = [];
    public List<LogOpening> Openings { get; } = [];

    /// <summary>Partitions that stopped in a process, as it reported: a close in good order flushes nothing more there.</summary>
    public HashSet<(SimProcess Process, Place Place)> Stopped { get; } = [];
    public List<Assigned> Assignments { get; } = [];
    public List<(Sent Sent, Call Call)> Cancelled { get; } = [];
    public List<Call> Calls { get; } = [];

    /// <summary>Ephemeral groups, each by who made it.</summary>
    public List<Listening> Listenings { get; } = [];

    /// <summary>Numbers of partitions that the growing topic was to have, rising; the last one perhaps not yet.</summary>
    public List<int> Counts { get; } = [];

    /// <summary>How often the broker said that it had grown.</summary>
    public int Growths { get; set; }
    public List<Transformation> Transformations { get; } = [];
    public List<Opened> Opened { get; } = [];
    public List<CommittedRead> CommittedReads { get; } = [];
    public List<Sunk> Sunk { get; } = [];

    /// <summary>Broken already while it ran.</summary>
    public List<Violation> Violations { get; } = [];

    /// <summary>What each partition holds at the end, read from its start.</summary>
    public Dictionary<Place, FinalLog> Final { get; } = [];

    /// <summary>The dead letters that are there at the end.</summary>
    public Dictionary<GroupPlace, List<Letter>> FinalLetters { get; } = [];

    /// <summary>What groups say of themselves at the end, drained.</summary>
    public Dictionary<GroupPlace, GroupPartition> FinalGroups { get; } = [];

    /// <summary>The states of keys at the end, of groups that fold.</summary>
    public Dictionary<(string Topic, string Key), string> FinalStates { get; } = [];

    /// <summary>Partitions with transactions, read from their start.</summary>
    public Dictionary<Place, CommittedLog> Committed { get; } = [];

    /// <summary>Where the cursor of those who transform stands at the end.</summary>
    public Dictionary<Place, long> TransformedUpTo { get; } = [];

    /// <summary>Over all that was noted: equal for equal runs.</summary>
    public ulong Hash => _hash;

    /// <summary>The place of an event in the order of all.</summary>
    public long Next() => ++_events;

    public void Note(string line)
    {
        foreach (var b in Encoding.UTF8.GetBytes(line))
            _hash = (_hash ^ b) * 1099511628211;
        Trace?.Invoke(line);
    }

    public void Violate(string checker, string detail)
    {
        Violations.Add(new Violation(checker, detail));
        Note($"VIOLATION [{checker}] {detail}");
    }
}

/// <summary>A partition at the end.</summary>
public sealed class FinalLog
{
    public required long Start { get; init; }
    public required long End { get; init; }
    public SortedDictionary<long, (string Uid, string? Key, string? Token)> Records { get; } = [];

    /// <summary>Offsets in the order in which they were read, to find gaps and repetitions.</summary>
    public List<long> Order { get; } = [];
}

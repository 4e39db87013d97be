namespace OrleansMq.Core.Groups;

/// <summary>A waiting call that can be answered now.</summary>
/// <param name="Joins">Of a join; else of a sync.</param>
/// <param name="Error">Null, or the code with which it is refused.</param>
public readonly record struct GroupAnswer(string Member, bool Joins, string? Error);

/// <summary>What becomes of a call: refused, answered at once, or answered later by a <see cref="GroupAnswer"/>.</summary>
public readonly record struct GroupDecision(string Member, string? Error = null, bool Waits = false, bool OnlyNamed = false, string? ShownLeader = null);

/// <summary>
/// A group whose members assign partitions themselves: Kafka's classic protocol. Every member says what it reads; when somebody comes, goes or changes, all
/// join again; then one of them, the leader, gives each its assignment, and all begin in the new generation.
/// <code>
///            join                all joined, or time is over       the leader's assignments
///   Empty ────────► Preparing ──────────────────────────► Completing ─────────────────► Stable
///     ▲                 │ ▲                                   │                           │
///     └── nobody left ──┘ └──────── somebody came, went, changed, or is silent ───────────┘
/// </code>
/// </summary>
/// <remarks>
/// The assignments and what members say of themselves are bytes here. A generation is stored before anybody hears of it (<see cref="Version"/>), so that none is ever used twice.
/// </remarks>
public sealed partial class RebalancingGroup
{
    public const int MaxMembers = 10_000;

    /// <summary>What all of a member's protocols may have together.</summary>
    public const int MaxMetadataBytes = 1 << 20;

    /// <summary>How long a group that was empty waits for more members. Kafka's 3 s make every start slow; this is for those that come in the same moment.</summary>
    public const long InitialDelayMs = 100;

    /// <summary>In the order in which they came.</summary>
    private readonly List<Member> members = [];

    /// <summary>Names given out to those who are to join with them, and until when.</summary>
    private readonly Dictionary<string, long> named = new(StringComparer.Ordinal);

    private readonly List<GroupAnswer> answers = [];

    /// <summary>Preparing: not formed earlier, so that members who come together are in one generation.</summary>
    private long formsAtMs;

    /// <summary>Preparing: formed then without those who are missing. Completing: who has not asked for its assignment is out then.</summary>
    private long phaseEndsMs;

    public GroupPhase Phase { get; private set; }

    /// <summary>Rises with every forming; never falls.</summary>
    public int Generation { get; private set; }

    /// <summary>What those said who are in, or were in last.</summary>
    public string ProtocolType { get; private set; } = "";

    /// <summary>Chosen when the generation was formed.</summary>
    public string Protocol { get; private set; } = "";

    public string Leader { get; private set; } = "";

    /// <summary>Moves whenever something changed that has to be stored before it is told.</summary>
    public long Version { get; private set; }

    public int Count => members.Count;

    /// <summary>When <see cref="Tick"/> has something to do; null: never.</summary>
    public long? NextDeadline
    {
        get
        {
            long? next = named.Count > 0 ? named.Values.Min() : null;
            foreach (var member in members)
                if (member.Waits == Wait.None)
                    next = Earlier(next, member.EndsMs);
            if (Phase is GroupPhase.PreparingRebalance or GroupPhase.CompletingRebalance)
                next = Earlier(next, phaseEndsMs);
            if (Phase == GroupPhase.PreparingRebalance && members.TrueForAll(m => m.Waits == Wait.Join) && named.Count == 0)
                next = Earlier(next, formsAtMs);
            return next;
        }
    }

    /// <summary>Takes the calls that can be answered since the last time.</summary>
    public IReadOnlyList<GroupAnswer> TakeAnswers()
    {
        if (answers.Count == 0)
            return [];
        var taken = answers.ToArray();
        answers.Clear();
        return taken;
    }

    /// <summary>Ends sessions, forms or gives up what is late.</summary>
    public void Tick(long nowMs)
    {
        foreach (var name in named.Where(n => n.Value <= nowMs).Select(n => n.Key).ToList())
            named.Remove(name);
        Expel(nowMs, member => member.Waits == Wait.None && member.EndsMs <= nowMs);
        if (Phase == GroupPhase.CompletingRebalance && nowMs >= phaseEndsMs)
            Expel(nowMs, member => member.Waits != Wait.Sync);
        if (Phase == GroupPhase.PreparingRebalance && nowMs >= phaseEndsMs)
            Form(nowMs);
        TryForm(nowMs);
    }

    /// <param name="assignments">The leader's; who is not named has nothing.</param>
    public GroupDecision Sync(MemberRef who, IReadOnlyList<MemberAssignment> assignments, long nowMs)
    {
        if (CheckMember(who, out var member) is { } refusal)
            return new GroupDecision(who.Member, refusal);
        member!.SeenMs = nowMs;
        switch (Phase)
        {
            case GroupPhase.PreparingRebalance:
                return new GroupDecision(who.Member, ErrorCodes.RebalanceInProgress);
            case GroupPhase.Stable:
                return new GroupDecision(who.Member);
        }

        member.Waits = Wait.Sync;
        if (member.Name != Leader)
            return new GroupDecision(who.Member, Waits: true);
        foreach (var other in members)
            other.Assignment = assignments.FirstOrDefault(a => a.Member == other.Name)?.Assignment.ToArray() ?? [];
        Phase = GroupPhase.Stable;
        Version++;
        AnswerAll(Wait.Sync, null, nowMs);
        return new GroupDecision(who.Member, Waits: true);
    }

    /// <returns>Null, or the code that says what to do.</returns>
    public string? Heartbeat(MemberRef who, long nowMs)
    {
        if (CheckMember(who, out var member) is { } refusal)
            return refusal;
        member!.SeenMs = nowMs;
        return Phase == GroupPhase.PreparingRebalance ? ErrorCodes.RebalanceInProgress : null;
    }

    /// <summary>Whether one may commit: a member of this generation, or, while there are no members, anybody.</summary>
    /// <param name="inTransaction">As Kafka: in one also a member that waits for its assignment may. It would abort what it has done for no need.</param>
    public string? CheckCommit(MemberRef? who, long nowMs, bool inTransaction = false)
    {
        if (who is null)
            return members.Count == 0 ? null : ErrorCodes.MemberUnknown;
        if (CheckMember(who, out var member) is { } refusal)
            return refusal;
        member!.SeenMs = nowMs;
        return Phase == GroupPhase.CompletingRebalance && !inTransaction ? ErrorCodes.RebalanceInProgress : null;
    }

    /// <returns>Null, or why not.</returns>
    public string? Leave(MemberRef who, long nowMs)
    {
        if (who.Instance is null && named.Remove(who.Member))
        {
            TryForm(nowMs);
            return null;
        }

        var member = who.Instance is { } instance ? members.Find(m => m.Instance == instance) : Find(who.Member);
        if (member is null)
            return ErrorCodes.MemberUnknown;
        if (who.Instance is not null && who.Member.Length > 0 && member.Name != who.Member)
            return ErrorCodes.MemberFenced;
        Expel(nowMs, m => m == member);
        TryForm(nowMs);
        return null;
    }

    public ReadOnlyMemory<byte> AssignmentOf(string member) => Find(member)?.Assignment ?? [];

    /// <summary>The present generation as this member sees it.</summary>
    public JoinedGroup Joined(string member, string? shownLeader = null) => new()
    {
        Member = member,
        Generation = Generation,
        Protocol = Protocol,
        Leader = shownLeader ?? Leader,
        Members = member == (shownLeader ?? Leader) ? [.. members.Select(m => new GroupMetadata(m.Name, m.Instance, m.MetadataFor(Protocol)))] : [],
    };

    public IReadOnlyList<CoordinatedMember> Describe() =>
        [.. members.Select(m => new CoordinatedMember(m.Name, m.Instance, m.Client, m.Host, m.MetadataFor(Protocol), m.Assignment))];

    private static long Earlier(long? one, long other) => one is { } first && first < other ? first : other;

    private Member? Find(string name) => members.Find(m => m.Name == name);

    private string? CheckMember(MemberRef who, out Member? member)
    {
        member = null;
        if (who.Instance is { } instance && members.Find(m => m.Instance == instance) is { } holder && holder.Name != who.Member)
            return ErrorCodes.MemberFenced;
        member = Find(who.Member);
        return member is null ? ErrorCodes.MemberUnknown : who.Generation != Generation ? ErrorCodes.GenerationStale : null;
    }

    /// <summary>Takes members out; their waiting calls are refused, and the others have to form anew.</summary>
    private void Expel(long nowMs, Predicate<Member> whom)
    {
        var gone = members.FindAll(whom);
        if (gone.Count == 0)
            return;
        foreach (var member in gone)
        {
            members.Remove(member);
            if (member.Waits != Wait.None)
                answers.Add(new GroupAnswer(member.Name, member.Waits == Wait.Join, ErrorCodes.MemberUnknown));
        }

        if (Phase is GroupPhase.Stable or GroupPhase.CompletingRebalance)
            Prepare(nowMs);
    }

    private void Prepare(long nowMs)
    {
        AnswerAll(Wait.Sync, ErrorCodes.RebalanceInProgress, nowMs);
        formsAtMs = Phase == GroupPhase.Empty ? nowMs + InitialDelayMs : nowMs;
        Phase = GroupPhase.PreparingRebalance;
        phaseEndsMs = nowMs + Math.Max(InitialDelayMs, LongestRebalance);
    }

    private long LongestRebalance => members.Count == 0 ? 0 : members.Max(m => m.RebalanceMs);

    private void TryForm(long nowMs)
    {
        if (Phase != GroupPhase.PreparingRebalance || !members.TrueForAll(m => m.Waits == Wait.Join))
            return;
        if (members.Count == 0 || (named.Count == 0 && nowMs >= formsAtMs))
            Form(nowMs);
    }

    /// <summary>A new generation of those who joined again. A static member that is late stays until its session ends: it may just be restarting.</summary>
    private void Form(long nowMs)
    {
        members.RemoveAll(m => m.Waits != Wait.Join && m.Instance is null);
        if (members.Count > 0 && members.TrueForAll(m => m.Waits != Wait.Join))
        {
            phaseEndsMs = nowMs + Math.Max(InitialDelayMs, LongestRebalance);
            return;
        }

        Generation++;
        Version++;
        if (members.Count == 0)
        {
            (Phase, Protocol, Leader) = (GroupPhase.Empty, "", "");
            return;
        }

        Protocol = Elect();
        if (Find(Leader) is not { Waits: Wait.Join })
            Leader = members.Find(m => m.Waits == Wait.Join)!.Name;
        Phase = GroupPhase.CompletingRebalance;
        phaseEndsMs = nowMs + Math.Max(InitialDelayMs, LongestRebalance);
        foreach (var member in members)
            member.Assignment = [];
        AnswerAll(Wait.Join, null, nowMs);
    }

    private void AnswerAll(Wait kind, string? error, long nowMs)
    {
        foreach (var member in members)
        {
            if (member.Waits != kind)
                continue;
            (member.Waits, member.SeenMs) = (Wait.None, nowMs);
            answers.Add(new GroupAnswer(member.Name, kind == Wait.Join, error));
        }
    }

    private enum Wait
    {
        None = 0,
        Join = 1,
        Sync = 2,
    }

    private sealed class Member
    {
        public required string Name { get; set; }
        public required string? Instance { get; init; }
        public string Client { get; set; } = "";
        public string Host { get; set; } = "";
        public long SessionMs { get; set; }
        public long RebalanceMs { get; set; }
        public IReadOnlyList<GroupProtocol> Protocols { get; set; } = [];
        public byte[] Assignment { get; set; } = [];

        /// <summary>Its session runs only while none of its calls waits here.</summary>
        public Wait Waits { get; set; }

        public long SeenMs { get; set; }

        public long EndsMs => SeenMs + SessionMs;

        public ReadOnlyMemory<byte> MetadataFor(string protocol) => Protocols.FirstOrDefault(p => p.Name == protocol)?.Metadata ?? default;

        public bool Says(IReadOnlyList<GroupProtocol> protocols)
        {
            if (protocols.Count != Protocols.Count)
                return false;
            for (var i = 0; i < protocols.Count; i++)
                if (protocols[i].Name != Protocols[i].Name || !protocols[i].Metadata.Span.SequenceEqual(Protocols[i].Metadata.Span))
                    return false;
            return true;
        }
    }
}

namespace OrleansMq.Core.Groups;

/// <summary>What becomes of a beat.</summary>
/// <param name="Why">For a refusal whose code says too little.</param>
public readonly record struct BeatDecision(MemberStanding? Standing, string? Error = null, string? Why = null);

/// <summary>
/// A group to whose members the broker assigns: Kafka's consumer protocol (KIP-848). The group has an epoch, which rises with every change of members, of what they want and of
/// the topics; with it goes a target for each member. A member gets there by itself, beat by beat, and nobody waits for all:
/// <code>
///   at the group's epoch ──the target moved, and it holds what is not its any more──► gives up, at its old epoch
///          ▲  │                                                                             │
///          │  └── the target moved, and it has nothing to give up ──┐                       │ a beat says that it reads them no more
///          │                                                        ▼                       ▼
///          └─────────── others gave up what is its ───── at the group's epoch, waits for what others hold
/// </code>
/// A partition is held by one member at most, from when it was told until it said that it let go, or was taken out.
/// </summary>
/// <remarks>What was told is stored before (<see cref="Version"/>).</remarks>
public sealed partial class AssigningGroup
{
    public const int MaxMembers = 1_000;

    /// <summary>Names that one member may bring, and names that its pattern may match.</summary>
    public const int MaxTopics = 10_000;

    /// <summary>Names of all members' subscriptions, where one that several have counts once.</summary>
    public const int MaxNames = 100_000;

    /// <summary>Partitions of all topics that the members want.</summary>
    public const int MaxPartitions = 100_000;

    public const int MaxPatternLength = 1_024;

    public static IReadOnlyList<string> Assignors => Shares.Known;

    /// <summary>In the order in which they came.</summary>
    private readonly List<Member> members = [];

    private readonly Dictionary<string, Member> byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Member> byInstance = new(StringComparer.Ordinal);

    /// <summary>What members want: each has two of these in use.</summary>
    private readonly TopicLists lists = new();

    /// <summary>None that is not in <see cref="lists"/>.</summary>
    private readonly SeenTopics topics = new();

    /// <summary>Who was told each partition and did not let go of it yet.</summary>
    private readonly Dictionary<TopicPart, Member> holders = [];

    /// <summary>No member ends before. It is found anew when it is reached, so that a beat has not to look at all.</summary>
    private long quietUntilMs = long.MaxValue;

    /// <summary>Of the group. A member's is never above it.</summary>
    public int Epoch { get; private set; }

    /// <summary>How the targets of this epoch were made.</summary>
    public string Assignor { get; private set; } = Shares.Uniform;

    /// <summary>Moves whenever something changed that has to be stored before it is told.</summary>
    public long Version { get; private set; }

    public int Count => members.Count;

    public GroupPhase Phase => members.Count == 0 ? GroupPhase.Empty : members.TrueForAll(m => m.IsThere(Epoch)) ? GroupPhase.Stable : GroupPhase.Reconciling;

    /// <summary>When to call <see cref="Tick"/> next, which may find nothing to do; null: never.</summary>
    public long? NextDeadline => members.Count == 0 ? null : quietUntilMs;

    /// <summary>Names of all topics that members want.</summary>
    public IReadOnlyCollection<string> Wanted => lists.Names;

    /// <summary>As <see cref="Wanted"/>, in the order in which to look for them: what was never looked for, then what was longest ago. So one that does not answer has no turn before the others had theirs.</summary>
    public IEnumerable<string> ToLookFor => lists.Names.OrderBy(topics.LookedFor);

    public bool Wants(string topic) => lists.Contains(topic);

    /// <summary>Takes out who is silent, and who gives up too slowly.</summary>
    public void Tick(long nowMs)
    {
        if (nowMs < quietUntilMs)
            return;
        Remove(member => member.EndsMs <= nowMs);
        quietUntilMs = members.Count == 0 ? long.MaxValue : members.Min(m => m.EndsMs);
    }

    /// <param name="looked">What became of looking for some names.</param>
    public void Learn(IReadOnlyDictionary<string, TopicLook> looked)
    {
        if (See(looked))
            Assign();
    }

    /// <param name="looked">As for <see cref="Learn"/>; of the topics that the beat names first, at least.</param>
    public BeatDecision Beat(MemberBeat beat, IReadOnlyDictionary<string, TopicLook> looked, long nowMs)
    {
        if (Refusal(beat) is { } refusal)
            return refusal;
        if (beat.Epoch < 0)
            return Leave(beat, nowMs);
        var wish = WishOf(beat, Own(beat));
        if (Crowded(Own(beat), wish, looked) is { } crowd)
            return new BeatDecision(null, ErrorCodes.Overloaded, crowd);
        return Advance(beat.Epoch == 0 ? Enter(beat) : Find(beat.Member)!, beat, wish, looked, nowMs);
    }

    /// <summary>Whether one may commit: a member at its present epoch, or, while there are no members, anybody.</summary>
    public string? CheckCommit(MemberRef? who) =>
        who is null ? members.Count == 0 ? null : ErrorCodes.MemberUnknown
        : Find(who.Member) is not { } member ? ErrorCodes.MemberUnknown
        : member.Epoch != who.Generation ? ErrorCodes.EpochStale : null;

    /// <summary>Takes a member out that somebody else names.</summary>
    /// <returns>Null, or why not.</returns>
    public string? Expel(MemberRef who)
    {
        var member = who.Instance is { } instance ? Holder(instance) : Find(who.Member);
        if (member is null)
            return ErrorCodes.MemberUnknown;
        if (who.Instance is not null && who.Member.Length > 0 && member.Name != who.Member)
            return ErrorCodes.MemberFenced;
        Remove(m => m == member);
        return null;
    }

    public IReadOnlyList<AssignedMember> Describe() =>
    [
        .. members.Select(m => new AssignedMember
        {
            Member = m.Name,
            Instance = m.Instance,
            Rack = m.Rack,
            Epoch = m.Epoch,
            Client = m.Client,
            Host = m.Host,
            Topics = [.. m.Names.Select(name => new TopicName(name))],
            Pattern = m.Pattern,
            Assigned = Told(m.Held),
            Target = Told(m.Target),
        }),
    ];

    private Member? Find(string name) => byName.GetValueOrDefault(name);

    /// <summary>The member that beats, or whose place it takes.</summary>
    private Member? Own(MemberBeat beat) => Find(beat.Member) ?? (beat.Instance is { } instance ? Holder(instance) : null);

    private Member? Holder(string instance) => byInstance.GetValueOrDefault(instance);

    private BeatDecision Advance(Member member, MemberBeat beat, Wish wish, IReadOnlyDictionary<string, TopicLook> looked, long nowMs)
    {
        var (held, comes, missed) = (member.Held, beat.Epoch == 0, beat.Repeated || beat.Epoch != member.Epoch);
        var changed = Take(member, beat, wish);
        if (See(looked) || changed)
            Assign();
        Reconcile(member, comes ? [] : beat.Owned is { } owned ? PartsOf(owned) : null, nowMs);
        Hear(member, nowMs);
        var whole = comes || missed || beat is { Owned: not null, Topics: not null, Rebalance: not null } || !member.Held.SetEquals(held);
        return new BeatDecision(new MemberStanding(member.Name, member.Epoch, whole ? Told(member.Held) : null) { Pattern = member.Pattern });
    }

    private void Hear(Member member, long nowMs)
    {
        member.SeenMs = nowMs;
        quietUntilMs = Math.Min(quietUntilMs, member.EndsMs);
    }

    /// <summary>One step towards the target.</summary>
    /// <param name="owned">What the member says that it reads; null: it does not say.</param>
    private void Reconcile(Member member, HashSet<TopicPart>? owned, long nowMs)
    {
        if (member.Giving.Count > 0)
        {
            if (owned is null || owned.Overlaps(member.Giving))
                return;
            // What it did while it held them is of an epoch that is over.
            Move(member, member.Held, [], member.Epoch + 1, nowMs);
        }

        if (member.IsThere(Epoch))
            return;
        HashSet<TopicPart> keep = [.. member.Held.Where(member.Target.Contains)], give = [.. member.Held.Where(part => !member.Target.Contains(part))];
        if (give.Count > 0 && (owned is null || owned.Overlaps(give)))
            Move(member, keep, give, member.Epoch, nowMs);
        else
            Move(member, [.. member.Target.Where(part => keep.Contains(part) || IsFree(part, member))], [], Epoch, nowMs);
    }

    private void Move(Member member, HashSet<TopicPart> held, HashSet<TopicPart> giving, int epoch, long nowMs)
    {
        if (member.Epoch == epoch && member.Held.SetEquals(held) && member.Giving.SetEquals(giving))
            return;
        if (member.Epoch != epoch)
            (member.Previous, member.Epoch) = (member.Epoch, epoch);
        Hold(member, held, giving);
        member.GivesSinceMs = nowMs;
        Version++;
    }

    private void Hold(Member member, HashSet<TopicPart> held, HashSet<TopicPart> giving)
    {
        foreach (var part in member.Held.Concat(member.Giving).Where(part => holders.GetValueOrDefault(part) == member))
            holders.Remove(part);
        (member.Held, member.Giving) = (held, giving);
        foreach (var part in held.Concat(giving))
            holders[part] = member;
    }

    private bool IsFree(TopicPart part, Member to) => !holders.TryGetValue(part, out var holder) || holder == to;

    private void Remove(Predicate<Member> whom)
    {
        var gone = members.FindAll(whom);
        if (gone.Count == 0)
            return;
        members.RemoveAll(whom);
        foreach (var member in gone)
            Forget(member);
        Assign();
    }

    /// <returns>Whether any topic that is wanted is another than before.</returns>
    private bool See(IReadOnlyDictionary<string, TopicLook> looked)
    {
        var changed = false;
        foreach (var (name, look) in looked)
            changed |= lists.Contains(name) && topics.Put(name, look);
        return changed;
    }

    /// <summary>A new epoch, with new targets.</summary>
    private void Assign()
    {
        Epoch++;
        Version++;
        Assignor = Elect();
        var shares = Shares.Of(Assignor, [.. members.Select(m => new Sharer(m.Instance ?? m.Name, [m.Names, m.Matched], m.Target))], topics.All);
        for (var i = 0; i < shares.Length; i++)
            members[i].Target = shares[i];
    }

    /// <summary>What most want, of two the one that sorts first.</summary>
    private string Elect() => members.Where(m => m.Assignor.Length > 0).GroupBy(m => m.Assignor, StringComparer.Ordinal)
        .OrderByDescending(votes => votes.Count()).ThenBy(votes => votes.Key, StringComparer.Ordinal).FirstOrDefault()?.Key ?? Shares.Uniform;

    private static HashSet<TopicPart> PartsOf(IEnumerable<OwnedTopic> owned) => [.. owned.SelectMany(topic => topic.Partitions.Select(partition => new TopicPart(topic.Topic, partition)))];

    /// <summary>By topic. One that is no more is not told, nor can it be read.</summary>
    private List<AssignedTopic> Told(HashSet<TopicPart> parts) =>
    [
        .. parts.GroupBy(part => part.Topic, part => part.Partition).Select(topic => (Seen: topics.Find(topic.Key), Partitions: topic)).Where(topic => topic.Seen is not null)
            .Select(topic => new AssignedTopic(topic.Seen!.Id, topic.Seen.Name, [.. topic.Partitions.Order()]))
            .OrderBy(topic => topic.Topic.Text, StringComparer.Ordinal),
    ];
}

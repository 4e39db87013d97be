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

    /// <summary>Of what a member calls itself, its rack and its static name.</summary>
    public const int MaxIdLength = 255;

    public static IReadOnlyList<string> Assignors => Shares.Known;

    /// <summary>In the order in which they came.</summary>
    private readonly List<Member> members = [];

    /// <summary>Those that members want and that are there, by name.</summary>
    private readonly Dictionary<string, SeenTopic> topics = new(StringComparer.Ordinal);

    /// <summary>Of the group. A member's is never above it.</summary>
    public int Epoch { get; private set; }

    /// <summary>How the targets of this epoch were made.</summary>
    public string Assignor { get; private set; } = Shares.Uniform;

    /// <summary>Moves whenever something changed that has to be stored before it is told.</summary>
    public long Version { get; private set; }

    public int Count => members.Count;

    public GroupPhase Phase => members.Count == 0 ? GroupPhase.Empty : members.TrueForAll(m => m.IsThere(Epoch)) ? GroupPhase.Stable : GroupPhase.Reconciling;

    /// <summary>When <see cref="Tick"/> has something to do; null: never.</summary>
    public long? NextDeadline => members.Count == 0 ? null : members.Min(m => m.EndsMs);

    /// <summary>Names of all topics that members want.</summary>
    public IReadOnlySet<string> Wanted => members.SelectMany(m => m.Wants).ToHashSet(StringComparer.Ordinal);

    /// <summary>Takes out who is silent, and who gives up too slowly.</summary>
    public void Tick(long nowMs) => Remove(member => member.EndsMs <= nowMs);

    /// <param name="looked">What was found under some names; null: no topic.</param>
    public void Learn(IReadOnlyDictionary<string, SeenTopic?> looked)
    {
        if (See(looked))
            Assign();
    }

    /// <param name="looked">As for <see cref="Learn"/>; of the topics that the beat names first, at least.</param>
    public BeatDecision Beat(MemberBeat beat, IReadOnlyDictionary<string, SeenTopic?> looked, long nowMs)
    {
        if (Refusal(beat, looked) is { } refusal)
            return refusal;
        if (beat.Epoch < 0)
            return Leave(beat, nowMs);
        return Advance(beat.Epoch == 0 ? Enter(beat) : Find(beat.Member)!, beat, looked, nowMs);
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

    private Member? Find(string name) => members.Find(m => m.Name == name);

    private Member? Holder(string instance) => members.Find(m => m.Instance == instance);

    private BeatDecision Advance(Member member, MemberBeat beat, IReadOnlyDictionary<string, SeenTopic?> looked, long nowMs)
    {
        var (held, comes, missed) = (member.Held, beat.Epoch == 0, beat.Repeated || beat.Epoch != member.Epoch);
        var changed = Take(member, beat);
        if (See(looked) || changed)
            Assign();
        Reconcile(member, comes ? [] : beat.Owned is { } owned ? PartsOf(owned) : null, nowMs);
        member.SeenMs = nowMs;
        var whole = comes || missed || beat is { Owned: not null, Topics: not null, Rebalance: not null } || !member.Held.SetEquals(held);
        return new BeatDecision(new MemberStanding(member.Name, member.Epoch, whole ? Told(member.Held) : null));
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
            Move(member, [.. member.Target.Where(part => keep.Contains(part) || !IsHeldByAnother(part, member))], [], Epoch, nowMs);
    }

    private void Move(Member member, HashSet<TopicPart> held, HashSet<TopicPart> giving, int epoch, long nowMs)
    {
        if (member.Epoch == epoch && member.Held.SetEquals(held) && member.Giving.SetEquals(giving))
            return;
        if (member.Epoch != epoch)
            (member.Previous, member.Epoch) = (member.Epoch, epoch);
        (member.Held, member.Giving, member.GivesSinceMs) = (held, giving, nowMs);
        Version++;
    }

    private bool IsHeldByAnother(TopicPart part, Member than) => members.Exists(m => m != than && (m.Held.Contains(part) || m.Giving.Contains(part)));

    private void Remove(Predicate<Member> whom)
    {
        if (members.RemoveAll(whom) == 0)
            return;
        See(new Dictionary<string, SeenTopic?>());
        Assign();
    }

    /// <returns>Whether any topic that is wanted is another than before.</returns>
    private bool See(IReadOnlyDictionary<string, SeenTopic?> looked)
    {
        var (wanted, changed) = (Wanted, false);
        foreach (var gone in topics.Keys.Where(name => !wanted.Contains(name)).ToList())
            topics.Remove(gone);
        foreach (var (name, topic) in looked)
        {
            if (!wanted.Contains(name) || topics.GetValueOrDefault(name) == topic)
                continue;
            changed = true;
            if (topic is null)
                topics.Remove(name);
            else
                topics[name] = topic;
        }

        return changed;
    }

    /// <summary>A new epoch, with new targets.</summary>
    private void Assign()
    {
        Epoch++;
        Version++;
        Assignor = Elect();
        var shares = Shares.Of(Assignor, [.. members.Select(m => new Sharer(m.Instance ?? m.Name, m.Wants, m.Target))], topics.Values);
        for (var i = 0; i < shares.Length; i++)
            members[i].Target = shares[i];
    }

    /// <summary>What most want, of two the one that sorts first.</summary>
    private string Elect() => members.Where(m => m.Assignor.Length > 0).GroupBy(m => m.Assignor, StringComparer.Ordinal)
        .OrderByDescending(votes => votes.Count()).ThenBy(votes => votes.Key, StringComparer.Ordinal).FirstOrDefault()?.Key ?? Shares.Uniform;

    private static HashSet<TopicPart> PartsOf(IEnumerable<OwnedTopic> owned) => [.. owned.SelectMany(topic => topic.Partitions.Select(partition => new TopicPart(topic.Topic, partition)))];

    /// <summary>By topic. One that is no more is not told, nor can it be read.</summary>
    private List<AssignedTopic> Told(HashSet<TopicPart> parts)
    {
        var names = topics.Values.ToDictionary(topic => topic.Id, topic => topic.Name);
        return
        [
            .. parts.Where(part => names.ContainsKey(part.Topic)).GroupBy(part => part.Topic)
                .Select(topic => new AssignedTopic(topic.Key, names[topic.Key], [.. topic.Select(part => part.Partition).Order()]))
                .OrderBy(topic => topic.Topic.Text, StringComparer.Ordinal),
        ];
    }
}

namespace OrleansMq.Core.Groups;

/// <summary>
/// The members of a log-style group and which partitions each reads. The generation rises with every change of who is a member;
/// a member that joins again under its name changes nothing.
/// </summary>
public sealed class Membership
{
    public const int MaxMembers = 10_000;

    /// <summary>Kafka's limits are 6 s and 30 min by default; a shorter session is allowed here for tests and fast failover.</summary>
    public static readonly TimeSpan MinSession = TimeSpan.FromSeconds(1);

    public static readonly TimeSpan MaxSession = TimeSpan.FromMinutes(30);

    /// <summary>In the order of names: that of the assignment, the same on every machine.</summary>
    private readonly SortedList<string, Member> members = new(StringComparer.Ordinal);

    private long nextOrder;

    /// <summary>0 until somebody joins.</summary>
    public int Generation { get; private set; }

    public int Count => members.Count;

    /// <summary>When the next member would be expired; null without members.</summary>
    public long? NextDeadline => members.Count == 0 ? null : members.Values.Min(m => m.EndsMs);

    /// <returns>Whether the generation has changed.</returns>
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: the session is out of range; <see cref="ErrorCodes.Conflict"/>: too many members.</exception>
    public bool Join(string member, TimeSpan session, long nowMs)
    {
        if (session < MinSession || session > MaxSession)
            throw new MqException(ErrorCodes.Malformed, $"sessionTimeout is {MinSession.TotalSeconds:0} s to {MaxSession.TotalMinutes:0} min; {session} was given.");
        if (member.Length is 0 or > NameRule.MaxLength)
            throw new MqException(ErrorCodes.Malformed, $"A member's name has 1 to {NameRule.MaxLength} characters; {member.Length} were given.");
        var sessionMs = (long)session.TotalMilliseconds;
        if (members.TryGetValue(member, out var known))
        {
            (known.SessionMs, known.SeenMs) = (sessionMs, nowMs);
            return false;
        }
        if (members.Count == MaxMembers)
            throw new MqException(ErrorCodes.Conflict, $"The group has {MaxMembers} members, the most there may be.");
        members.Add(member, new Member { SessionMs = sessionMs, SeenMs = nowMs, Order = nextOrder++ });
        Generation++;
        return true;
    }

    /// <returns>Null, or <see cref="ErrorCodes.MemberUnknown"/> or <see cref="ErrorCodes.GenerationStale"/>: join again.</returns>
    public string? Check(string member, int generation) =>
        !members.ContainsKey(member) ? ErrorCodes.MemberUnknown : generation != Generation ? ErrorCodes.GenerationStale : null;

    /// <summary>The member lives, also where its generation is stale.</summary>
    /// <inheritdoc cref="Check"/>
    public string? Heartbeat(string member, int generation, long nowMs)
    {
        if (members.TryGetValue(member, out var known))
            known.SeenMs = nowMs;
        return Check(member, generation);
    }

    /// <returns>Whether it was a member: the generation has changed.</returns>
    public bool Leave(string member)
    {
        if (!members.Remove(member))
            return false;
        Generation++;
        return true;
    }

    /// <summary>Takes out members whose session has ended.</summary>
    /// <returns>How many; the generation changes once for all of them.</returns>
    public int Expire(long nowMs)
    {
        var before = members.Count;
        for (var i = members.Count - 1; i >= 0; i--)
            if (members.Values[i].EndsMs <= nowMs)
                members.RemoveAt(i);
        Generation += members.Count < before ? 1 : 0;
        return before - members.Count;
    }

    /// <summary>The partitions to be shared are others: everybody joins again.</summary>
    public void Regenerate() => Generation++;

    /// <param name="maxActive">1: who joined first has everything, the others stand by. Null: all share.</param>
    /// <exception cref="MqException"><see cref="ErrorCodes.MemberUnknown"/>.</exception>
    public Assignment AssignmentOf(string member, int partitions, int? maxActive)
    {
        var place = members.IndexOfKey(member);
        return place < 0
            ? throw new MqException(ErrorCodes.MemberUnknown, $"'{member}' is not a member of the group; it has to join again.")
            : new Assignment(Generation, ShareOf(place, Longest(), partitions, maxActive));
    }

    /// <summary>All members in the order of their names.</summary>
    public IReadOnlyList<GroupMember> Describe(int partitions, int? maxActive)
    {
        var longest = Longest();
        return [.. members.Keys.Select((name, place) => (name, share: ShareOf(place, longest, partitions, maxActive))).Select(m => new GroupMember(m.name, m.share, m.share.Length > 0))];
    }

    /// <summary>What is stored of a member.</summary>
    internal readonly record struct Saved(string Member, long SessionMs, long Order);

    internal IEnumerable<Saved> Save() => members.Select(m => new Saved(m.Key, m.Value.SessionMs, m.Value.Order));

    /// <summary>Everyone has a fresh session: how long ago they were seen was known only to who kept the group before.</summary>
    internal static Membership Load(int generation, IEnumerable<Saved> saved, long nowMs)
    {
        var membership = new Membership { Generation = generation };
        foreach (var member in saved)
        {
            membership.members[member.Member] = new Member { SessionMs = member.SessionMs, SeenMs = nowMs, Order = member.Order };
            membership.nextOrder = Math.Max(membership.nextOrder, member.Order + 1);
        }
        return membership;
    }

    private int[] ShareOf(int place, int longest, int partitions, int? maxActive) => maxActive switch
    {
        null => RangeAssignor.ShareOf(place, members.Count, partitions),
        _ => place == longest ? [.. Enumerable.Range(0, partitions)] : [],
    };

    private int Longest()
    {
        var longest = 0;
        for (var i = 1; i < members.Count; i++)
            if (members.Values[i].Order < members.Values[longest].Order)
                longest = i;
        return longest;
    }

    private sealed class Member
    {
        public required long SessionMs { get; set; }
        public required long SeenMs { get; set; }

        /// <summary>Lower joined earlier.</summary>
        public required long Order { get; init; }

        public long EndsMs => SeenMs + SessionMs;
    }
}

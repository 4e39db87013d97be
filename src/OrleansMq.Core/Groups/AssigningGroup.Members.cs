namespace OrleansMq.Core.Groups;

/// <summary>Who comes, who goes, and what they say of themselves.</summary>
public sealed partial class AssigningGroup
{
    /// <summary>What a member wants anew, in ordinal order; null: as before.</summary>
    private readonly record struct Wish(string[]? Names, string[]? Matched);

    private static Wish WishOf(MemberBeat beat, Member? own)
    {
        var (names, matched) = (TextOf(beat.Topics), beat.Pattern is { Length: 0 } ? [] : TextOf(beat.Matched));
        return new Wish(names is null || own?.Names.SequenceEqual(names) == true ? null : names, matched is null || own?.Matched.SequenceEqual(matched) == true ? null : matched);
    }

    /// <summary>Why the beat is refused whatever its topics are; null: it is not.</summary>
    public BeatDecision? Refusal(MemberBeat beat) =>
        Malformed(beat) is { } why ? new BeatDecision(null, ErrorCodes.Malformed, why)
        : beat.Assignor is { } assignor && !Shares.Known.Contains(assignor) ? new BeatDecision(null, ErrorCodes.AssignorUnknown)
        : (beat.Epoch == 0 ? RefusalToEnter(beat) : RefusalOfKnown(beat)) is { } code ? new BeatDecision(null, code)
        : null;

    private static string? Malformed(MemberBeat beat)
    {
        if (beat.Member.Length == 0)
            return "A member has a name.";
        if (beat.Instance is { Length: 0 } || beat.Rack is { Length: 0 })
            return "A static name and a rack are not empty.";
        if (MemberNames.TooLong(beat) is { } tooLong)
            return tooLong;
        if (beat.Epoch < MemberBeat.ComesBack)
            return $"The epoch {beat.Epoch} means nothing.";
        if (beat.Epoch == MemberBeat.ComesBack && beat.Instance is null)
            return "Only a static member comes back.";
        if (beat.Session < Membership.MinSession || beat.Session > Membership.MaxSession)
            return $"A session lasts {Membership.MinSession.TotalSeconds:0} s to {Membership.MaxSession.TotalMinutes:0} min.";
        // Who leaves may say 0, and some do: it has nothing to give up later.
        if (beat.Epoch >= 0 && beat.Rebalance is { } rebalance && rebalance <= TimeSpan.Zero)
            return "The time to give up partitions is above 0.";
        if (beat.Topics?.Count > MaxTopics || beat.Matched?.Count > MaxTopics)
            return $"A member wants {MaxTopics} topics at most.";
        if (beat.Owned?.Sum(topic => (long)topic.Partitions.Count) > MaxPartitions)
            return $"A member reads {MaxPartitions} partitions at most.";
        if (beat.Pattern is { Length: > MaxPatternLength })
            return $"A pattern has {MaxPatternLength} characters at most.";
        if (beat.Epoch != 0)
            return null;
        if (beat.Rebalance is null || (beat.Topics is null && beat.Pattern is null))
            return "Who comes says what it wants, and how long it may take to give it up.";
        return beat.Owned is { Count: > 0 } ? "Who comes reads nothing yet." : null;
    }

    private string? RefusalToEnter(MemberBeat beat)
    {
        var known = Find(beat.Member);
        var holder = beat.Instance is { } instance ? Holder(instance) : null;
        if (holder is not null && holder != known)
            return holder.IsAway && known is null ? null : ErrorCodes.InstanceHeld;
        // A name is one member's for good: static or not.
        if (known is not null && known.Instance != beat.Instance)
            return ErrorCodes.MemberFenced;
        return known is null && members.Count >= MaxMembers ? ErrorCodes.Overloaded : null;
    }

    private string? RefusalOfKnown(MemberBeat beat)
    {
        var member = beat.Instance is { } instance ? Holder(instance) : Find(beat.Member);
        if (member is null)
            return ErrorCodes.MemberUnknown;
        if (member.Name != beat.Member)
            return ErrorCodes.MemberFenced;
        return beat.Epoch < 0 || beat.Epoch == member.Epoch || HeardNothing(member, beat) ? null : ErrorCodes.EpochFenced;
    }

    /// <summary>The answer that told it the present epoch got lost, and it can't be one that missed more: what it reads is its own.</summary>
    private static bool HeardNothing(Member member, MemberBeat beat) =>
        beat.Epoch == member.Previous && (beat.Repeated || (beat.Owned is { } owned && PartsOf(owned).IsSubsetOf(member.Held)));

    private string? Crowded(Member? own, Wish wish, IReadOnlyDictionary<string, TopicLook> looked)
    {
        if (wish is { Names: null, Matched: null })
            return null;
        string[][] released = own is null ? [] : [own.Names, own.Matched];
        if (lists.Instead(released, [wish.Names ?? own?.Names ?? [], wish.Matched ?? own?.Matched ?? []]) is not var (length, names))
            return null;
        if (length > MaxNames)
            return $"The group's members want {MaxNames} topics at most.";
        return names.Sum(name => (long)((looked.GetValueOrDefault(name).Topic ?? topics.Find(name))?.Partitions ?? 0)) > MaxPartitions
            ? $"The group's topics have {MaxPartitions} partitions at most."
            : null;
    }

    /// <summary>One that is new, begins anew, or takes the place of a static one that is away.</summary>
    private Member Enter(MemberBeat beat)
    {
        if (Find(beat.Member) is not { } member)
        {
            if (beat.Instance is { } instance && Holder(instance) is { } away)
                Rename(member = away, beat.Member);
            else
                Add(member = new Member { Name = beat.Member, Instance = beat.Instance, Names = lists.Use([]), Matched = lists.Use([]), IsNew = true });
        }

        // It reads nothing, whatever it was told before.
        (member.Epoch, member.Previous) = (0, 0);
        Hold(member, member.Held, []);
        Version++;
        return member;
    }

    private void Add(Member member)
    {
        members.Add(member);
        byName.Add(member.Name, member);
        if (member.Instance is { } instance)
            byInstance.Add(instance, member);
    }

    private void Rename(Member member, string name)
    {
        byName.Remove(member.Name);
        member.Name = name;
        byName.Add(name, member);
    }

    private void Forget(Member member)
    {
        byName.Remove(member.Name);
        if (member.Instance is { } instance)
            byInstance.Remove(instance);
        Hold(member, [], []);
        Release(member.Names);
        Release(member.Matched);
    }

    private void Release(string[] list)
    {
        foreach (var name in lists.Release(list))
            topics.Remove(name);
    }

    private BeatDecision Leave(MemberBeat beat, long nowMs)
    {
        var member = Find(beat.Member)!;
        if (beat.Epoch == MemberBeat.Leaves)
        {
            Remove(m => m == member);
        }
        else
        {
            (member.Epoch, member.Previous) = (MemberBeat.ComesBack, MemberBeat.ComesBack);
            Hold(member, member.Held, []);
            Hear(member, nowMs);
            Version++;
        }

        return new BeatDecision(new MemberStanding(beat.Member, beat.Epoch, null));
    }

    /// <summary>What is not said stays as it was; also where one comes again at 0, as with Kafka.</summary>
    /// <returns>Whether the targets have to be made anew.</returns>
    private bool Take(Member member, MemberBeat beat, Wish wish)
    {
        var told = (member.Rack, member.Client, member.Host, member.SessionMs, member.RebalanceMs, member.Pattern, member.Assignor);
        (member.Rack, member.Client, member.Host) = (beat.Rack ?? member.Rack, beat.Client, beat.Host);
        member.SessionMs = (long)beat.Session.TotalMilliseconds;
        member.RebalanceMs = (long)Math.Min(beat.Rebalance?.TotalMilliseconds ?? member.RebalanceMs, int.MaxValue);
        member.Assignor = beat.Assignor ?? member.Assignor;
        member.Pattern = beat.Pattern ?? member.Pattern;
        if (told != (member.Rack, member.Client, member.Host, member.SessionMs, member.RebalanceMs, member.Pattern, member.Assignor))
            Version++;
        var votes = member.IsNew || (told.Assignor != member.Assignor && Elect() != Assignor);
        member.IsNew = false;
        if (wish is { Names: null, Matched: null })
            return votes;
        var (names, matched) = (member.Names, member.Matched);
        // First all that is wanted now: a topic that stays is not to be forgotten.
        (member.Names, member.Matched) = (lists.Use(wish.Names ?? names), lists.Use(wish.Matched ?? matched));
        Release(names);
        Release(matched);
        return true;
    }

    private static string[]? TextOf(IReadOnlyList<TopicName>? topics) => topics is null ? null : [.. topics.Select(topic => topic.Text).Distinct().Order(StringComparer.Ordinal)];

    private sealed class Member
    {
        public required string Name { get; set; }
        public required string? Instance { get; init; }

        /// <summary>No target was made for it yet.</summary>
        public bool IsNew { get; set; }

        public string? Rack { get; set; }
        public string Client { get; set; } = "";
        public string Host { get; set; } = "";
        public long SessionMs { get; set; }
        public long RebalanceMs { get; set; }

        /// <summary>Empty: it has no wish.</summary>
        public string Assignor { get; set; } = "";

        public string Pattern { get; set; } = "";

        /// <summary>Topics that it named, and those that its pattern matches; in use in the group's <see cref="lists"/>.</summary>
        public required string[] Names { get; set; }
        public required string[] Matched { get; set; }

        /// <summary>The group's once it has given up what it had to; <see cref="MemberBeat.ComesBack"/> while it is away.</summary>
        public int Epoch { get; set; }

        /// <summary>The epoch that it was at before.</summary>
        public int Previous { get; set; }

        /// <summary>What it may read. Replaced, never changed.</summary>
        public HashSet<TopicPart> Held { get; set; } = [];

        /// <summary>What it has to give up, and nobody else may read yet.</summary>
        public HashSet<TopicPart> Giving { get; set; } = [];

        public HashSet<TopicPart> Target { get; set; } = [];
        public long GivesSinceMs { get; set; }
        public long SeenMs { get; set; }

        public bool IsAway => Epoch == MemberBeat.ComesBack;

        /// <summary>Of its session, or of the time that it has to give up.</summary>
        public long EndsMs => Giving.Count > 0 ? Math.Min(SeenMs + SessionMs, GivesSinceMs + RebalanceMs) : SeenMs + SessionMs;

        public bool IsThere(int epoch) => Epoch == epoch && Giving.Count == 0 && Held.SetEquals(Target);
    }
}

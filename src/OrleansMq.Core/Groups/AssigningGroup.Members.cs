namespace OrleansMq.Core.Groups;

/// <summary>Who comes, who goes, and what they say of themselves.</summary>
public sealed partial class AssigningGroup
{
    private BeatDecision? Refusal(MemberBeat beat, IReadOnlyDictionary<string, SeenTopic?> looked) =>
        Malformed(beat) is { } why ? new BeatDecision(null, ErrorCodes.Malformed, why)
        : beat.Assignor is { } assignor && !Shares.Known.Contains(assignor) ? new BeatDecision(null, ErrorCodes.AssignorUnknown)
        : (beat.Epoch == 0 ? RefusalToEnter(beat) : RefusalOfKnown(beat)) is { } code ? new BeatDecision(null, code)
        : beat.Epoch >= 0 && Crowded(beat, looked) is { } crowd ? new BeatDecision(null, ErrorCodes.Overloaded, crowd)
        : null;

    private static string? Malformed(MemberBeat beat)
    {
        if (beat.Member.Length is 0 or > MaxIdLength)
            return $"A member's name has 1 to {MaxIdLength} characters.";
        if (beat.Instance is { Length: 0 or > MaxIdLength } || beat.Rack is { Length: 0 or > MaxIdLength })
            return $"A static name and a rack have 1 to {MaxIdLength} characters.";
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

    private string? Crowded(MemberBeat beat, IReadOnlyDictionary<string, SeenTopic?> looked)
    {
        if (beat.Topics is null && beat.Matched is null)
            return null;
        var own = Find(beat.Member);
        // Members that want the same have one list.
        var lists = members.Where(m => m != own).SelectMany(m => new[] { m.Names, m.Matched }).Distinct().ToList();
        foreach (var names in new[] { TextOf(beat.Topics) ?? own?.Names ?? [], TextOf(beat.Matched) ?? own?.Matched ?? [] })
            if (!lists.Exists(list => list.SequenceEqual(names)))
                lists.Add(names);
        if (lists.Sum(names => names.Length) > MaxNames)
            return $"The group's members want {MaxNames} topics at most.";
        return lists.SelectMany(names => names).Distinct().Sum(name => (long)((looked.GetValueOrDefault(name) ?? topics.GetValueOrDefault(name))?.Partitions ?? 0)) > MaxPartitions
            ? $"The group's topics have {MaxPartitions} partitions at most."
            : null;
    }

    /// <summary>One that is new, begins anew, or takes the place of a static one that is away.</summary>
    private Member Enter(MemberBeat beat)
    {
        if (Find(beat.Member) is not { } member)
        {
            if (beat.Instance is { } instance && Holder(instance) is { } away)
                (member = away).Name = beat.Member;
            else
                members.Add(member = new Member { Name = beat.Member, Instance = beat.Instance, IsNew = true });
        }

        // It reads nothing, whatever it was told before.
        (member.Epoch, member.Previous, member.Giving) = (0, 0, []);
        Version++;
        return member;
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
            (member.Epoch, member.Previous, member.Giving, member.SeenMs) = (MemberBeat.ComesBack, MemberBeat.ComesBack, [], nowMs);
            Version++;
        }

        return new BeatDecision(new MemberStanding(beat.Member, beat.Epoch, null));
    }

    /// <returns>Whether the targets have to be made anew.</returns>
    private bool Take(Member member, MemberBeat beat)
    {
        var (names, matched, assignor, isNew) = (member.Names, member.Matched, Elect(), member.IsNew);
        var told = (member.Rack, member.Client, member.Host, member.SessionMs, member.RebalanceMs, member.Pattern, member.Assignor);
        if (beat.Epoch == 0)
            (member.Rack, member.Pattern, member.Assignor, member.Names, member.Matched) = (beat.Rack, "", "", [], []);
        (member.Rack, member.Client, member.Host) = (beat.Rack ?? member.Rack, beat.Client, beat.Host);
        member.SessionMs = (long)beat.Session.TotalMilliseconds;
        member.RebalanceMs = (long)Math.Min(beat.Rebalance?.TotalMilliseconds ?? member.RebalanceMs, int.MaxValue);
        member.Assignor = beat.Assignor ?? member.Assignor;
        member.Pattern = beat.Pattern ?? member.Pattern;
        member.Names = Shared(TextOf(beat.Topics)) ?? member.Names;
        member.Matched = beat.Pattern is { Length: 0 } ? [] : Shared(TextOf(beat.Matched)) ?? member.Matched;
        member.IsNew = false;
        var wants = !member.Names.SequenceEqual(names) || !member.Matched.SequenceEqual(matched);
        if (wants)
            member.Wants = [.. member.Names, .. member.Matched];
        if (told != (member.Rack, member.Client, member.Host, member.SessionMs, member.RebalanceMs, member.Pattern, member.Assignor))
            Version++;
        return wants || isNew || Elect() != assignor;
    }

    private static string[]? TextOf(IReadOnlyList<TopicName>? topics) => topics is null ? null : [.. topics.Select(topic => topic.Text).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Members of a group mostly want the same: then they have one list.</summary>
    private string[]? Shared(string[]? names) => names is null ? null
        : members.Find(m => m.Names.SequenceEqual(names))?.Names ?? members.Find(m => m.Matched.SequenceEqual(names))?.Matched ?? names;

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

        /// <summary>Topics that it named, and those that its pattern matches; in ordinal order.</summary>
        public string[] Names { get; set; } = [];
        public string[] Matched { get; set; } = [];

        /// <summary>Both.</summary>
        public HashSet<string> Wants { get; set; } = [];

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

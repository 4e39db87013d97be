namespace OrleansMq.Core.Groups;

/// <summary>Who comes in, comes again, or takes a static member's place.</summary>
public sealed partial class RebalancingGroup
{
    /// <param name="freshName">For a member without a name, drawn by the caller.</param>
    public GroupDecision Join(GroupJoin join, string freshName, long nowMs)
    {
        if (Refusal(join) is { } refusal)
            return new GroupDecision(join.Member, refusal);
        if (join.Member.Length == 0)
        {
            if (join.Instance is { } instance && members.Find(m => m.Instance == instance) is { } old)
                return Replace(old, join, freshName, nowMs);
            if (!join.NameFirst || join.Instance is not null)
                return Add(join, freshName, nowMs);
            named[freshName] = nowMs + (long)join.Session.TotalMilliseconds;
            return new GroupDecision(freshName, OnlyNamed: true);
        }

        if (join.Instance is { } mine && members.Find(m => m.Instance == mine) is { } holder && holder.Name != join.Member)
            return new GroupDecision(join.Member, ErrorCodes.MemberFenced);
        if (named.Remove(join.Member))
            return Add(join, join.Member, nowMs);
        return Find(join.Member) is { } known ? Again(known, join, nowMs) : new GroupDecision(join.Member, ErrorCodes.MemberUnknown);
    }

    private string? Refusal(GroupJoin join)
    {
        if (join.Session < Membership.MinSession || join.Session > Membership.MaxSession)
            return ErrorCodes.Malformed;
        if (join.Protocols.Count == 0 || join.ProtocolType.Length == 0 || join.Protocols.Sum(p => (long)p.Metadata.Length + p.Name.Length) > MaxMetadataBytes)
            return ErrorCodes.ProtocolMismatch;
        var others = members.FindAll(m => m.Name != join.Member && (join.Instance is null || m.Instance != join.Instance));
        // Names that were given and not used yet have their places; one's own is no other's.
        if (others.Count + named.Count - (named.ContainsKey(join.Member) ? 1 : 0) >= MaxMembers)
            return ErrorCodes.Overloaded;
        if (others.Count == 0)
            return null;
        var shared = join.Protocols.Any(p => others.TrueForAll(m => m.Protocols.Any(other => other.Name == p.Name)));
        return join.ProtocolType == ProtocolType && shared ? null : ErrorCodes.ProtocolMismatch;
    }

    private GroupDecision Add(GroupJoin join, string name, long nowMs)
    {
        var member = new Member { Name = name, Instance = join.Instance };
        members.Add(member);
        return Enter(member, join, nowMs);
    }

    private GroupDecision Again(Member member, GroupJoin join, long nowMs)
    {
        var same = member.Says(join.Protocols);
        // An answer got lost; or nothing changed, and it is no leader's wish to assign anew.
        if (same && (Phase == GroupPhase.CompletingRebalance || (Phase == GroupPhase.Stable && member.Name != Leader)))
        {
            Set(member, join, nowMs);
            return new GroupDecision(member.Name);
        }

        return Enter(member, join, nowMs);
    }

    /// <summary>A static member is back under a new name. Where nothing else changed it goes on with what it had, and nobody else notices.</summary>
    private GroupDecision Replace(Member old, GroupJoin join, string name, long nowMs)
    {
        var oldName = old.Name;
        if (old.Waits != Wait.None)
            answers.Add(new GroupAnswer(oldName, old.Waits == Wait.Join, ErrorCodes.MemberFenced));
        var same = old.Says(join.Protocols);
        (old.Name, old.Waits) = (name, Wait.None);
        if (Leader == oldName)
            Leader = name;
        Version++;
        if (!same || Phase != GroupPhase.Stable)
            return Enter(old, join, nowMs);
        Set(old, join, nowMs);
        // Shown the old name as the leader's, a leader that restarted takes its assignment and makes none.
        return new GroupDecision(name, ShownLeader: Leader == name ? oldName : Leader);
    }

    private GroupDecision Enter(Member member, GroupJoin join, long nowMs)
    {
        Set(member, join, nowMs);
        ProtocolType = join.ProtocolType;
        if (Phase != GroupPhase.PreparingRebalance)
            Prepare(nowMs);
        else
            phaseEndsMs = Math.Max(phaseEndsMs, formsAtMs);
        member.Waits = Wait.Join;
        TryForm(nowMs);
        return new GroupDecision(member.Name, Waits: true);
    }

    private static void Set(Member member, GroupJoin join, long nowMs)
    {
        (member.Client, member.Host, member.SeenMs) = (join.Client, join.Host, nowMs);
        (member.SessionMs, member.RebalanceMs) = ((long)join.Session.TotalMilliseconds, (long)Math.Clamp(join.Rebalance.TotalMilliseconds, 0, int.MaxValue));
        member.Protocols = join.Protocols;
    }

    /// <summary>Of the protocols that all know, the one that most like best; of two the one that sorts first.</summary>
    private string Elect() => members
        .Select(m => m.Protocols.First(p => members.TrueForAll(other => other.Protocols.Any(o => o.Name == p.Name))).Name)
        .GroupBy(name => name, StringComparer.Ordinal)
        .OrderByDescending(votes => votes.Count()).ThenBy(votes => votes.Key, StringComparer.Ordinal)
        .First().Key;
}

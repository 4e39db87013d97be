namespace OrleansMq;

/// <summary>
/// Consumer groups over several topics, as Kafka has them. In a classic one the members assign partitions themselves: each brings what it calls its protocol, and one
/// of them, the leader, decides who reads what; the broker knows members, generations and bytes. In one of the consumer protocol the broker assigns, and members only say that they are
/// there (<see cref="Beat"/>). A group is one or the other for as long as it has members. What is committed lies in the log-style group of the same name on each topic, where every other
/// client sees it.
/// </summary>
/// <remarks>Refusals are <see cref="MqException"/>s as everywhere. A call that is cancelled while it waits leaves its member in the group until its session ends.</remarks>
public interface IGroupCoordinator
{
    /// <summary>Joins, or joins again; returns when the new generation is formed.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.MemberUnknown"/>, <see cref="ErrorCodes.MemberFenced"/>, <see cref="ErrorCodes.ProtocolMismatch"/>,
    /// <see cref="ErrorCodes.Malformed"/>: the session; <see cref="ErrorCodes.Overloaded"/>: too many members.</exception>
    ValueTask<JoinedGroup> Join(GroupName group, GroupJoin join, CancellationToken cancel = default);

    /// <summary>Brings the assignments (the leader), and returns one's own when the leader's are there.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.MemberUnknown"/>, <see cref="ErrorCodes.GenerationStale"/>, <see cref="ErrorCodes.RebalanceInProgress"/>: join again.</exception>
    ValueTask<ReadOnlyMemory<byte>> Sync(GroupName group, MemberRef member, IReadOnlyList<MemberAssignment> assignments, CancellationToken cancel = default);

    /// <inheritdoc cref="Sync"/>
    ValueTask Heartbeat(GroupName group, MemberRef member, CancellationToken cancel = default);

    /// <returns>For each member null, or why it could not leave.</returns>
    ValueTask<IReadOnlyList<string?>> Leave(GroupName group, IReadOnlyList<MemberRef> members, CancellationToken cancel = default);

    /// <summary>Comes into a group to which the broker assigns, stays in it, or goes: by the epoch.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.MemberUnknown"/>, <see cref="ErrorCodes.EpochFenced"/>: give up all partitions and come again at 0;
    /// <see cref="ErrorCodes.InstanceHeld"/>, <see cref="ErrorCodes.MemberFenced"/>: the static name is another's; <see cref="ErrorCodes.AssignorUnknown"/>;
    /// <see cref="ErrorCodes.GroupUnknown"/>: the group has classic members; <see cref="ErrorCodes.Malformed"/>; <see cref="ErrorCodes.Overloaded"/>: too many members.</exception>
    ValueTask<MemberStanding> Beat(GroupName group, MemberBeat beat, CancellationToken cancel = default);

    /// <summary>Whether a member of a group to which the broker assigns is in its present epoch. Of a classic group it says nothing.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.MemberUnknown"/>, <see cref="ErrorCodes.EpochStale"/>.</exception>
    ValueTask CheckEpoch(GroupName group, MemberRef member, CancellationToken cancel = default);

    /// <exception cref="MqException"><see cref="ErrorCodes.GroupUnknown"/>: also where it is a classic one.</exception>
    ValueTask<AssignedGroup> DescribeAssigned(GroupName group, CancellationToken cancel = default);

    /// <summary>Moves cursors; refused when the member's generation is over. Without a member: whoever reads alone, while the group has no members.</summary>
    /// <returns>For each offset null, or why it was not moved.</returns>
    ValueTask<IReadOnlyList<MqError?>> Commit(GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets, CancellationToken cancel = default);

    /// <summary>What was committed, on these topics or on all.</summary>
    ValueTask<IReadOnlyList<GroupOffset>> Committed(GroupName group, IReadOnlyList<TopicName>? topics = null, CancellationToken cancel = default);

    /// <exception cref="MqException"><see cref="ErrorCodes.GroupUnknown"/>.</exception>
    ValueTask<CoordinatedGroup> Describe(GroupName group, CancellationToken cancel = default);

    /// <summary>Groups in ordinal order, without members' details.</summary>
    ValueTask<Page<CoordinatedGroup>> List(string? after = null, int max = 100, CancellationToken cancel = default);

    /// <summary>Forgets the group, with its cursors on all topics.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.GroupUnknown"/>; <see cref="ErrorCodes.Conflict"/>: it has members.</exception>
    ValueTask Delete(GroupName group, CancellationToken cancel = default);
}

/// <summary>Who joins, and with what.</summary>
public sealed record GroupJoin
{
    /// <summary>Empty: one that is new.</summary>
    public string Member { get; init; } = "";

    /// <summary>The name of a static member: one that comes again under it takes its place without a rebalance.</summary>
    public string? Instance { get; init; }

    /// <summary>A new member is first given its name and comes again with it, so that a lost answer leaves no member behind.</summary>
    public bool NameFirst { get; init; }

    public string Client { get; init; } = "";
    public string Host { get; init; } = "";

    /// <summary>6 s to 30 min with Kafka; here 1 s to 30 min.</summary>
    public required TimeSpan Session { get; init; }

    /// <summary>How long the others wait for this one when the group is formed anew.</summary>
    public required TimeSpan Rebalance { get; init; }

    public required string ProtocolType { get; init; }

    /// <summary>In the order of preference; kept until the member leaves.</summary>
    public required IReadOnlyList<GroupProtocol> Protocols { get; init; }
}

/// <summary>One way to assign that a member knows, and what it says about itself for it.</summary>
public sealed record GroupProtocol(string Name, ReadOnlyMemory<byte> Metadata);

/// <summary>A generation, as one member sees it.</summary>
public sealed record JoinedGroup
{
    /// <summary>The member is not in yet: it has its name now and is to join with it.</summary>
    public bool JoinAgain { get; init; }

    public required string Member { get; init; }
    public int Generation { get; init; }
    public string Protocol { get; init; } = "";
    public string Leader { get; init; } = "";

    /// <summary>For the leader: everyone, with their metadata for <see cref="Protocol"/>. Else empty.</summary>
    public IReadOnlyList<GroupMetadata> Members { get; init; } = [];
}

public sealed record GroupMetadata(string Member, string? Instance, ReadOnlyMemory<byte> Metadata);

/// <param name="Generation">In a group to which the broker assigns, the member's epoch.</param>
public sealed record MemberRef(string Member, int Generation, string? Instance = null);

public sealed record MemberAssignment(string Member, ReadOnlyMemory<byte> Assignment);

/// <summary>The next offset to be read.</summary>
/// <param name="Note">What the committer wrote beside it; kept with the group, at most 4,096 characters.</param>
public sealed record GroupOffset(TopicName Topic, int Partition, long Offset, string Note = "");

/// <summary>Where a group is in forming its generation; the names are Kafka's.</summary>
public enum GroupPhase
{
    Empty = 0,
    PreparingRebalance = 1,
    CompletingRebalance = 2,
    Stable = 3,

    /// <summary>Only where the broker assigns: some have still to give up what is not theirs, or to hear what is.</summary>
    Reconciling = 4,
}

public sealed record CoordinatedGroup(GroupName Name, GroupPhase Phase, string ProtocolType, string Protocol, IReadOnlyList<CoordinatedMember> Members)
{
    /// <summary>The one that it is, or was last.</summary>
    public GroupKind Kind { get; init; }
}

public sealed record CoordinatedMember(string Member, string? Instance, string Client, string Host, ReadOnlyMemory<byte> Metadata, ReadOnlyMemory<byte> Assignment);

namespace OrleansMq.Client.Grains;

/// <summary>
/// A group over several topics. Its key is the group's name. For <see cref="ClusterBroker"/>; applications use
/// <see cref="IGroupCoordinator"/>.
/// </summary>
/// <remarks>A join and a sync wait for other members, perhaps for minutes. A grain call does not: it ends with null, and is made again under the same number.</remarks>
[Alias("OrleansMq.ICoordinationGrain")]
public interface ICoordinationGrain : IGrainWithStringKey
{
    /// <param name="call">One number for all tries of one join.</param>
    /// <returns>Null: no generation is formed yet.</returns>
    [Alias("Join"), ResponseTimeout("00:00:10")]
    Task<JoinedGroup?> Join(Guid call, [Immutable] GroupJoin join);

    /// <inheritdoc cref="Join"/>
    [Alias("Sync"), ResponseTimeout("00:00:10")]
    Task<byte[]?> Sync(Guid call, MemberRef member, [Immutable] MemberAssignment[] assignments);

    [Alias("Heartbeat"), ResponseTimeout("00:00:10")]
    Task Heartbeat(MemberRef member);

    [Alias("Beat"), ResponseTimeout("00:00:15")]
    Task<MemberStanding> Beat([Immutable] MemberBeat beat);

    [Alias("CheckEpoch"), ResponseTimeout("00:00:10")]
    Task CheckEpoch(MemberRef member);

    [Alias("DescribeAssigned"), ResponseTimeout("00:00:10")]
    Task<AssignedGroup> DescribeAssigned();

    [Alias("Leave"), ResponseTimeout("00:00:10")]
    Task<string?[]> Leave([Immutable] MemberRef[] members);

    [Alias("Commit"), ResponseTimeout("00:00:15")]
    Task<MqError?[]> Commit(MemberRef? member, [Immutable] GroupOffset[] offsets);

    [Alias("Committed"), ResponseTimeout("00:00:15")]
    Task<GroupOffset[]> Committed([Immutable] TopicName[]? topics);

    [Alias("Describe"), ResponseTimeout("00:00:10")]
    Task<CoordinatedGroup> Describe();

    [Alias("Delete"), ResponseTimeout("00:00:15")]
    Task Delete();
}

using OrleansMq.Server.Placement;

namespace OrleansMq.Server.Groups;

/// <summary>What transactions' grains ask of the grain of a group whose members assign partitions themselves.</summary>
[Alias("OrleansMq.ICoordinationOwner")]
internal interface ICoordinationOwner : IMovableGrain
{
    /// <exception cref="MqException">The member could not commit now.</exception>
    [Alias("Check"), ResponseTimeout("00:00:10")]
    Task Check(MemberRef member);

    /// <summary>Moves cursors by a transaction that is committed.</summary>
    /// <param name="key">With <paramref name="producerId"/> and <paramref name="term"/> an <see cref="Engine.Groups.DecidedTerm"/>. Null from a silo of an earlier release.</param>
    /// <returns>For each offset null, or why its cursor was not moved.</returns>
    [Alias("CommitDecided"), ResponseTimeout("00:00:10")]
    Task<MqError?[]> CommitDecided([Immutable] GroupOffset[] offsets, string? key, long producerId, long term);
}

using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Groups;
using OrleansMq.Server.Partitions;
using OrleansMq.Server.Placement;

namespace OrleansMq.Server.Groups;

/// <summary>What the topic's and the partitions' grains ask of a group's grain.</summary>
[Alias("OrleansMq.IGroupOwner")]
internal interface IGroupOwner : IMovableGrain
{
    /// <returns>Null: there is no such group.</returns>
    [Alias("Find"), ResponseTimeout("00:00:10")]
    Task<GroupDefinition?> Find();

    /// <summary>The topic is gone, and the group with it.</summary>
    [Alias("Abandon"), ResponseTimeout("00:00:10")]
    Task Abandon();

    /// <summary>The topic has more partitions now.</summary>
    [Alias("Grow"), ResponseTimeout("00:00:15")]
    Task Grow(PartitionLineage lineage);

    /// <summary>The time is over until which the first partition keeps an ephemeral group: it is deleted where nobody uses it, else the partition is told until when to keep it.</summary>
    /// <returns>Whether there is no such group (any more).</returns>
    [Alias("EndUnused"), ResponseTimeout("00:00:25")]
    Task<bool> EndUnused(Guid id);

    /// <summary>A partition may have something to deliver; how many leases it has out, and who holds them.</summary>
    [Alias("Signal"), ResponseTimeout("00:00:05")]
    Task Signal(int partition, GroupStanding standing);
}

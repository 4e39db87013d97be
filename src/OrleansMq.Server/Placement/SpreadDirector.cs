using Orleans.Runtime.Placement;

namespace OrleansMq.Server.Placement;

/// <summary>Places our grains as <see cref="Spread"/> says.</summary>
internal sealed class SpreadDirector : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var silos = context.GetCompatibleSilos(target);
        if (IPlacementDirector.GetPlacementHint(target.RequestContextData, silos) is { } hint)
            return Task.FromResult(hint);
        var key = target.GrainIdentity.Key.ToString()!;
        return Task.FromResult(strategy switch
        {
            PartitionPlacement => Spread.OfPartition(key, silos),
            GroupPlacement => Spread.OfGroup(key, silos),
            NodePlacement => Array.Find(silos, silo => silo.ToParsableString() == key) ?? throw new OrleansException($"There is no silo {key}."),
            _ => Spread.OfTopic(key, silos),
        });
    }
}

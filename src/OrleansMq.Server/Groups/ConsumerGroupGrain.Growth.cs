using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Groups;

namespace OrleansMq.Server.Groups;

/// <summary>How a group's grain learns that the topic grew: it is told, and asks now and then in case it was not.</summary>
/// <remarks>A partition that opens makes the cursors of all groups that there are; the grain makes those of a group that is made in the same moment.</remarks>
internal sealed partial class ConsumerGroupGrain
{
    private static readonly TimeSpan GrowthInterval = TimeSpan.FromSeconds(15);

    /// <summary>The last that it was told, perhaps while it was being loaded.</summary>
    private PartitionLineage? _told;

    public async Task Grow(PartitionLineage lineage)
    {
        if (_told is null || lineage.Count > _told.Count)
            _told = lineage;
        if (_lineage is not { } known || lineage.Count <= known.Count)
            return;
        if (_engine is { } engine)
        {
            await EnsureIn(engine.Definition, known.Count, lineage.Count);
            await Written(() => engine.Grow(lineage));
        }

        // Where it is being made, that goes on until it is in all of these.
        if (lineage.Count > _lineage.Count)
            _lineage = lineage;
    }

    private async Task AskForGrowth(CancellationToken cancel)
    {
        try
        {
            if (_engine is not null && await GrainCalls.Ask(() => Topic.FindLineage(_topicId)) is { } lineage)
                await Grow(lineage);
        }
        catch (MqException)
        {
            // The topic's grain or a partition is moving: the next time.
        }
    }

    /// <summary>Makes the group's cursors, also in partitions that come meanwhile.</summary>
    /// <param name="from">It has them below.</param>
    /// <returns>So many have one.</returns>
    private async Task<int> EnsureEverywhere(GroupDefinition group, int from = 0)
    {
        while (from < _lineage!.Count)
        {
            var to = _lineage.Count;
            await EnsureIn(group, from, to);
            from = to;
        }

        return from;
    }

    /// <summary>Of what was changed. A partition that is damaged learns it should it open.</summary>
    private async Task TellOf(GroupDefinition group, int partition)
    {
        try
        {
            await Proxy(partition).EnsureGroup(group);
        }
        catch (MqException damaged) when (damaged.Code == ErrorCodes.PartitionDamaged)
        {
            // It holds nothing back, for it removes nothing.
        }
    }

    /// <summary>In a partition that came behind the group it begins at the first message, wherever it began in the others: nothing there is older than the group.</summary>
    private Task EnsureIn(GroupDefinition group, int from, int to)
    {
        var definition = from == 0 ? group : group with { Settings = group.Settings with { From = StartAt.Earliest } };
        return Task.WhenAll(Enumerable.Range(from, to - from).Select(p => Proxy(p).EnsureGroup(definition)));
    }
}

using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Partitions;

namespace OrleansMq.Embedded;

/// <summary>A topic that nobody uses: its partitions rest, retention looks at them now and then, and at last the topic is forgotten until it is used.</summary>
internal sealed partial class EmbeddedTopic
{
    /// <summary>How often it was asked for; -1 once it is retired.</summary>
    private long _uses;
    private long _usesSeen;

    public int OpenCount => _slots.Open().Count;

    /// <summary>Counts a use.</summary>
    /// <returns>False when it is retired: it is to be loaded anew.</returns>
    public bool TryUse()
    {
        for (var uses = Volatile.Read(ref _uses); uses >= 0;)
        {
            var found = Interlocked.CompareExchange(ref _uses, uses + 1, uses);
            if (found == uses)
                return true;
            uses = found;
        }

        return false;
    }

    /// <summary>Closes partitions that are idle since the last call, and retires the topic if all are, nobody waits for it, and nobody used it since.</summary>
    /// <returns>Whether it is retired: it is to be forgotten.</returns>
    public async Task<bool> Rest()
    {
        // Whatever changes it opens its partitions: a second one of the same topic would fence them.
        if (_changes.CurrentCount == 0)
            return false;
        var uses = Volatile.Read(ref _uses);
        var used = uses != _usesSeen;
        _usesSeen = uses;
        return await _slots.CloseIdle() && !used && _groups.Values.All(group => group.IsQuiet) && Interlocked.CompareExchange(ref _uses, -1, uses) == uses;
    }

    /// <summary>Lets retention look at partitions that are closed; those that are open look for themselves.</summary>
    public async Task RetainClosed()
    {
        // Those of a growth that is not done yet are empty, and nobody may have them.
        foreach (var number in _slots.NotOpen().Where(number => number < Settings.Partitions))
            await (await Partition(number)).Retain();
    }

    public async Task<IReadOnlyList<PartitionFigures>> Figures()
    {
        var figures = new List<PartitionFigures>();
        foreach (var partition in OpenPartitions())
            if (partition.StoppedBecause is null)
                figures.Add(await partition.Figures());
        figures.AddRange(_slots.Closed());
        return figures;
    }

    /// <summary>Drops groups that were made by first use and that nobody used for a week, here or over several topics, and what partitions that are open could not drop of others.</summary>
    public async Task DropLapsedGroups()
    {
        foreach (var group in _groups.Values)
            if (group.HasLapsed && !await GroupCoordination.Keeps(_catalog, group.Name, TopicName, NowMs))
                await DeleteGroup(group);
        await Each.Of(OpenPartitions().Where(partition => partition.StoppedBecause is null), DropDeleted, _options.OnReport);
    }
}

using OrleansMq.Client.Grains;
using OrleansMq.Engine.Groups;
using OrleansMq.Server.Groups;
using OrleansMq.Server.Partitions;

namespace OrleansMq.Server.Topics;

/// <summary>The topic's groups, and what its partitions are told.</summary>
internal sealed partial class TopicGrain
{
    /// <summary>A topic with so few partitions tells all of them; one with more, those that said that they are at work.</summary>
    private const int TellsAll = 64;

    private readonly HashSet<int> _attached = [];

    /// <summary>Names of groups are taken and given back one at a time: what is given back is not taken by another meanwhile.</summary>
    private readonly SemaphoreSlim _naming = new(1);
    private Task<SortedDictionary<string, GroupDefinition>>? _groups;
    private long _revision;

    private bool KnowsWhoIsActive => _topic is null || _topic.Settings.Partitions > TellsAll;

    public async Task<TopicAnswer?> Attach(Guid id, int partition, long known)
    {
        if (_topic is null || _topic.Id != id)
            return null;
        _attached.Add(partition);
        return known == _revision ? new TopicAnswer(null) : new TopicAnswer(await View());
    }

    public async Task<Page<GroupName>> ListGroups(string? after, int max)
    {
        PageSize.Check(max);
        MustExist();
        var behind = (await Groups()).Values.Select(group => group.Name).Where(name => after is null || string.CompareOrdinal(name.Text, after) > 0).Take(max + 1).ToList();
        return behind.Count > max ? new Page<GroupName>(behind[..max], behind[max - 1].Text) : new Page<GroupName>(behind, null);
    }

    public async Task<TopicView?> FindDeadLetters(GroupName group) =>
        _topic is not null && (await Groups()).TryGetValue(group.Text, out var found) && found.Settings.Style == GroupStyle.Queue ? await View() : null;

    public async Task AddGroup(GroupDefinition group)
    {
        await _naming.WaitAsync();
        try
        {
            await _catalog.NameGroup(MustExist().Id, group.Name);
            (await Groups())[group.Name.Text] = group;
        }
        finally
        {
            _naming.Release();
        }

        await Tell();
    }

    public async Task ChangeGroup(GroupDefinition group)
    {
        MustExist();
        (await Groups())[group.Name.Text] = group;
        await Tell();
    }

    public async Task RemoveGroup(GroupName group, Guid id)
    {
        var removed = false;
        await _naming.WaitAsync();
        try
        {
            if (_topic is not { } topic)
                return;
            var groups = await Groups();
            if (groups.TryGetValue(group.Text, out var known) && known.Id != id)
                return;
            // First what the partitions go by: its document is gone, so nobody asks for this again, and a name that stays behind is no group.
            groups.Remove(group.Text);
            removed = true;
            await _catalog.UnnameGroup(topic.Id, group);
        }
        finally
        {
            _naming.Release();
            if (removed)
                await TellRemoved(group, id);
        }
    }

    public async Task DropIfGone(GroupName group)
    {
        if (_topic is { } topic && (await Groups()).TryGetValue(group.Text, out var known) && await GrainCalls.Ask(() => GroupOf(topic.Id, group).Find()) is null)
            await RemoveGroup(group, known.Id);
    }

    private async Task TellRemoved(GroupName group, Guid id)
    {
        // One that does not hear of it drops the cursor when it sees that the topic has no such group.
        await Task.WhenAll(ActivePartitions().Select(p => Try(p, partition => partition.RemoveGroup(group, id))));
        await Tell();
    }

    /// <summary>All groups, each as its own grain says; asked for once.</summary>
    private async ValueTask<SortedDictionary<string, GroupDefinition>> Groups()
    {
        var loading = _groups ??= LoadGroups(MustExist().Id);
        try
        {
            return await loading;
        }
        catch
        {
            if (_groups == loading)
                _groups = null;
            throw;
        }
    }

    private async Task<SortedDictionary<string, GroupDefinition>> LoadGroups(Guid id)
    {
        var groups = new SortedDictionary<string, GroupDefinition>(StringComparer.Ordinal);
        foreach (var names in (await _catalog.GroupNames(id)).Chunk(100))
            foreach (var found in await Task.WhenAll(names.Select(name => GrainCalls.Ask(() => GroupOf(id, name).Find()))))
                if (found is not null)
                    groups[found.Name.Text] = found;
        return groups;
    }

    private IGroupOwner GroupOf(Guid id, GroupName name) => GrainFactory.GetGrain<IGroupOwner>(GrainKeys.Group(id, _name, name));

    private async ValueTask<TopicView> View()
    {
        var groups = await Groups();
        var topic = MustExist();
        return new TopicView(_revision, topic.Id, topic.Settings, [.. groups.Values], topic.Lineage);
    }

    /// <summary>Tells the partitions what has changed. One that does not hear asks within seconds by itself.</summary>
    private async Task Tell()
    {
        _revision = BrokerSilo.NextRevision(_revision);
        var view = await View();
        await Task.WhenAll(ActivePartitions().Select(p => Try(p, partition => partition.SetView(view))));
    }

    private List<int> ActivePartitions() =>
        KnowsWhoIsActive ? [.. _attached] : [.. Enumerable.Range(0, _topic?.Settings.Partitions ?? 0)];

    private async Task Try(int partition, Func<IPartitionOwner, Task> tell)
    {
        try
        {
            await GrainCalls.Ask(() => tell(Partition(partition)));
        }
        catch (MqException error)
        {
            _silo.Report($"Topic {_name}: partition {partition} was not told of a change, and asks for it by itself: {error.Message}");
        }
    }
}

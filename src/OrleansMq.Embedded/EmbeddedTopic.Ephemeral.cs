using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Embedded;

/// <summary>Ephemeral groups: the first partition says when the time of one is over, and it is deleted where nobody uses it.</summary>
internal sealed partial class EmbeddedTopic
{
    /// <summary>The first partition has the time of the topic's ephemeral groups, and asks only while it is open.</summary>
    private async Task KeepGroups()
    {
        if (_groups.Values.All(group => group.Settings.DeleteAfterIdle is null))
            return;
        try
        {
            await Partition(0);
        }
        catch (MqException error)
        {
            _options.OnReport($"Topic {Name}: its ephemeral groups stay until their partition is opened: {error.Message}");
        }
    }

    public async void GroupUnused(PartitionEngine partition, GroupName group, Guid id)
    {
        try
        {
            if (FindGroupEngine(group) is { } engine && engine.Id == id)
                await EndUnused(engine);
            // One that is stored and not known here is another process's.
            else if (await _catalog.FindGroup(Id, group, NowMs) is not { } stored || stored.Group.Id != id)
                await partition.RemoveGroup(group, id);
        }
        catch (Exception error)
        {
            _options.OnReport($"Topic {Name}: whether the ephemeral group '{group}' is used could not be decided, it is tried again: {(error is MqException or StorageException or ObjectDisposedException ? error.Message : error)}");
        }
    }

    private async Task EndUnused(GroupEngine engine)
    {
        try
        {
            await DeleteGroup(engine, engine.EndUnused);
        }
        catch (DocumentConflictException)
        {
            // Only where it is gone: what another process has of it now is that one's to end.
            if (await _catalog.FindGroup(Id, engine.Name, NowMs) is { } found && found.Group.Id == engine.Id)
                throw;
            await TakeUp(engine);
        }
    }
}

using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Embedded;

/// <summary>Groups of a topic that another process has, or had, on the same storage: what is stored is true, and what was known here may be old.</summary>
internal sealed partial class EmbeddedTopic
{
    /// <summary>Notes a use of a group, in its document where that is due.</summary>
    /// <inheritdoc cref="Written" path="/exception"/>
    public async ValueTask Used(GroupEngine group)
    {
        try
        {
            await group.Used();
        }
        catch (DocumentConflictException conflict)
        {
            throw await Changed(group, conflict);
        }
    }

    /// <summary>Makes sure that who had an ephemeral group before does not delete it; what other groups have to note of a use can wait until it is over.</summary>
    /// <inheritdoc cref="Written" path="/exception"/>
    public ValueTask Taken(GroupEngine group) => group.MustBeTaken ? Used(group) : default;

    /// <inheritdoc cref="GroupEngine.NoteUse"/>
    public Task NoteUse(GroupEngine group) => group.NoteUse(act => Written(group, act), _options.OnReport);

    /// <summary>Runs what may write a group's document.</summary>
    /// <exception cref="MqException">Another process wrote it: the group is taken up anew, or forgotten.</exception>
    public async Task<T> Written<T>(GroupEngine group, Func<Task<T>> act)
    {
        try
        {
            return await act();
        }
        catch (DocumentConflictException conflict)
        {
            throw await Changed(group, conflict);
        }
    }

    /// <inheritdoc cref="Written"/>
    public Task Written(GroupEngine group, Func<Task> act) => Written(group, async () =>
    {
        await act();
        return true;
    });

    private async Task<MqException> Changed(GroupEngine group, DocumentConflictException conflict)
    {
        await TakeUp(group);
        return new MqException(ErrorCodes.PartitionUnavailable, $"Group '{group.Name}' of topic '{Name}' was changed by another process: {conflict.Message}", TimeSpan.FromMilliseconds(100), conflict);
    }

    /// <summary>Reads a group anew whose document is not as it was left here.</summary>
    private async Task TakeUp(GroupEngine old)
    {
        await _changes.WaitAsync();
        try
        {
            if (await Stored(old) is { } stored)
                await TellOpen(old.Name, partition => partition.EnsureGroup(stored.Definition));
            else
                await TellOpen(old.Name, partition => partition.RemoveGroup(old.Name, old.Id));
            await ApplyLimits();
        }
        finally
        {
            _changes.Release();
        }
    }

    /// <summary>One that another process took writes nothing more, and keeps the others from nothing.</summary>
    private async Task TellOpen(GroupName group, Func<PartitionEngine, Task> tell)
    {
        foreach (var partition in OpenPartitions())
        {
            try
            {
                await tell(partition);
            }
            catch (MqException refusal)
            {
                _options.OnReport($"Topic {Name}: partition {partition.Number} was not told that group '{group}' was changed by another process, and learns it when it is opened again: {refusal.Message}");
            }
        }
    }

    /// <summary>The group that is stored under the name, which takes the place of the old one; null: there is none, and the old one is forgotten.</summary>
    private async Task<GroupEngine?> Stored(GroupEngine old)
    {
        if (await _catalog.FindGroup(Id, old.Name, NowMs) is not { } found)
        {
            _groups.TryRemove(KeyValuePair.Create(old.Name.Text, old));
            return null;
        }

        var stored = Engine(found.Group, found.Version);
        return _groups.TryUpdate(old.Name.Text, stored, old) ? stored : FindGroupEngine(old.Name);
    }

    /// <summary>Stores a group that is not known here; where another process made it, or an earlier call whose answer was lost, that one is it.</summary>
    private async Task<GroupEngine> MakeOrFind(GroupDocument document)
    {
        try
        {
            return Engine(document, await _catalog.PutGroup(Id, document, 0), made: true);
        }
        catch (DocumentConflictException conflict)
        {
            return await _catalog.FindGroup(Id, document.Name, NowMs) is { } found
                ? Engine(found.Group, found.Version)
                : throw new MqException(
                    ErrorCodes.PartitionUnavailable, $"Group '{document.Name}' of topic '{Name}' is being changed by another process: {conflict.Message}", TimeSpan.FromMilliseconds(100), conflict);
        }
    }

    /// <summary>
    /// Tells a partition that was just opened of the groups. Where it has another group of the name, or none, the document decides which is the true one: it is read after the log was
    /// taken, and another process that makes the group anew writes the document before it adds it to a log. So no cursor is removed that is somebody's.
    /// </summary>
    private async Task TellGroups(PartitionEngine partition)
    {
        foreach (var known in _groups.Values)
        {
            if ((await partition.IdOf(known.Name) == known.Id ? known : await Current(known)) is not { } group)
                continue;
            await partition.EnsureGroup(group.Definition);
            group.PartitionOpened();
        }
    }

    /// <summary>Groups that were deleted while the partition was not open, or had no room: their cursors would hold back the log for ever.</summary>
    private async Task DropDeleted(PartitionEngine partition)
    {
        foreach (var (name, id) in await partition.Groups())
            if (FindGroupEngine(name)?.Id != id && await IsDeleted(name, id))
                await Drop(partition, name, id);
        partition.ThrowIfStopped();
    }

    /// <summary>What is left of it takes space, and keeps nobody from the partition.</summary>
    private async Task Drop(PartitionEngine partition, GroupName name, Guid id)
    {
        try
        {
            await partition.RemoveGroup(name, id);
        }
        catch (MqException refusal)
        {
            _options.OnReport($"Topic {Name}: group '{name}' is deleted, but partition {partition.Number} keeps its cursor for up to an hour, or until it is opened again: {refusal.Message}");
        }
    }

    /// <summary>One that another process made has its document, and of one whose document can't be read nobody knows.</summary>
    private async Task<bool> IsDeleted(GroupName name, Guid id)
    {
        try
        {
            return (await _catalog.FindGroup(Id, name, NowMs))?.Group.Id != id;
        }
        catch (Exception e) when (e is StorageException or MqException)
        {
            return false;
        }
    }

    /// <summary>The group, if it is the one that is stored; else that one; null: there is none.</summary>
    private async Task<GroupEngine?> Current(GroupEngine group) =>
        await _catalog.FindGroup(Id, group.Name, NowMs) is { } found && found.Group.Id == group.Id ? group : await Stored(group);
}

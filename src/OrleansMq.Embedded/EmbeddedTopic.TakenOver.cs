using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Embedded;

/// <summary>Groups of a topic that another process has, or had, on the same storage: what is stored is true, and what was known here may be old.</summary>
internal sealed partial class EmbeddedTopic
{
    /// <summary>Notes a use of a group, in its document where that is due.</summary>
    /// <exception cref="MqException">Another process wrote the document: the group is taken up anew, or forgotten.</exception>
    public async ValueTask Used(GroupEngine group)
    {
        try
        {
            await group.Used();
        }
        catch (DocumentConflictException conflict)
        {
            await TakeUp(group);
            throw new MqException(ErrorCodes.PartitionUnavailable, $"Group '{group.Name}' of topic '{Name}' was changed by another process: {conflict.Message}", TimeSpan.FromMilliseconds(100), conflict);
        }
    }

    /// <summary>Reads a group anew whose document is not as it was left here.</summary>
    private async Task TakeUp(GroupEngine old)
    {
        await _changes.WaitAsync();
        try
        {
            if (await Stored(old) is { } stored)
                foreach (var partition in OpenPartitions())
                    await partition.EnsureGroup(stored.Definition);
            else
                foreach (var partition in OpenPartitions())
                    await partition.RemoveGroup(old.Name, old.Id);
            await ApplyLimits();
        }
        finally
        {
            _changes.Release();
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

    /// <summary>
    /// Tells a partition that was just opened of the groups. Where it has another group of the name, or none, the document decides which is the true one: it is read after the log was
    /// taken, and another process that makes the group anew writes the document before it adds it to a log. So no cursor is removed that is somebody's.
    /// </summary>
    private async Task TellGroups(PartitionEngine partition)
    {
        foreach (var group in _groups.Values)
            if (await partition.IdOf(group.Name) == group.Id)
                await partition.EnsureGroup(group.Definition);
            else if (await Current(group) is { } current)
                await partition.EnsureGroup(current.Definition);
    }

    /// <summary>The group, if it is the one that is stored; else that one; null: there is none.</summary>
    private async Task<GroupEngine?> Current(GroupEngine group) =>
        await _catalog.FindGroup(Id, group.Name, NowMs) switch
        {
            null => null,
            { } found when found.Group.Id == group.Id => group,
            _ => await Stored(group),
        };
}

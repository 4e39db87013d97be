using OrleansMq.Client.Grains;
using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using OrleansMq.Server.Partitions;

namespace OrleansMq.Server.Topics;

/// <summary>
/// The end of a topic. That it was begun is written before its document goes, so that what a lost silo leaves of it is found (<see cref="DeletionWatch"/>). What is left is cleared
/// away by the topic's id, which nothing else ever has: the next topic of that name is made and changed meanwhile.
/// </summary>
internal sealed partial class TopicGrain
{
    /// <summary>The document that an activation writes to see that it was not replaced.</summary>
    private const string FinishingKey = "finishing";

    /// <summary>Ids of topics that are being cleared away, one call each.</summary>
    private readonly HashSet<Guid> _clearing = [];

    public Task Delete() => DeleteOnly(Guid.Empty);

    /// <param name="id">Empty: whichever has the name.</param>
    public async Task DeleteOnly(Guid id)
    {
        TopicDocument topic;
        HashSet<int> attached;
        bool unnamed;
        await _changes.WaitAsync();
        try
        {
            topic = await EndNow(id);
            // There is no topic any more: what can't be cleared away now is only space, and must not make a deleted topic look alive.
            (attached, unnamed) = ([.. _attached], await Clear(async () => await _catalog.UnnameTopic(_name)));
            _attached.Clear();
        }
        catch (DocumentConflictException)
        {
            throw new MqException(ErrorCodes.Conflict, $"Topic '{_name}' was changed by another call at the same time.");
        }
        finally
        {
            _changes.Release();
        }

        if (await ClearAway(topic.Id, topic.Logs, p => topic.Logs <= TellsAll || attached.Contains(p)) && unnamed)
            await Clear(async () => await Finish(topic.Id, topic.Logs));
    }

    /// <summary>Under <see cref="_changes"/>.</summary>
    private async Task<TopicDocument> EndNow(Guid id)
    {
        if (_topic is { } other && id != Guid.Empty && id != other.Id)
            throw Unknown();
        if (_topic is not { } topic)
            throw await FindLetters() is null ? Unknown() : new MqException(ErrorCodes.Conflict, $"'{_name}' are a group's dead letters: delete their group.");
        await _catalog.BeginDeletion(topic);
        await _catalog.DeleteTopic(_name, _version);
        (_topic, _version, _groups) = (null, 0, null);
        return topic;
    }

    public async Task FinishDeletion(Guid id, int logs)
    {
        try
        {
            // Of its partitions any may be at work somewhere.
            if (await IsAlive(id) || await ClearAway(id, logs, _ => true))
                await Finish(id, logs);
        }
        catch (DocumentConflictException conflict)
        {
            throw new MqException(ErrorCodes.PartitionUnavailable, $"Topic '{_name}' is moving to another silo: {conflict.Message}", TimeSpan.FromMilliseconds(100), conflict);
        }
    }

    /// <summary>Whether the topic is there though its deletion was begun. If not it never will be again; nor is its name, where nobody has it now.</summary>
    private async Task<bool> IsAlive(Guid id)
    {
        await _changes.WaitAsync();
        try
        {
            await MustBeTheNewest();
            if (_topic is null)
                await _catalog.UnnameTopic(_name);
            return _topic?.Id == id;
        }
        finally
        {
            _changes.Release();
        }
    }

    /// <summary>An activation that was replaced does not know what was made and deleted since: what it takes for deleted may be alive, and the other way round.</summary>
    private async Task MustBeTheNewest()
    {
        await _own.Put(FinishingKey, ReadOnlyMemory<byte>.Empty, (await _own.Get(FinishingKey))?.Version ?? 0);
        await _catalog.Remove(FinishingKey);
    }

    /// <summary>Whoever has the name meanwhile keeps it.</summary>
    private ValueTask Finish(Guid id, int logs) => _catalog.Finish(new UnfinishedTopic(_name.Text, id, logs, Deleting: true), named: true);

    /// <param name="mayBeOpen">Partitions that may be at work.</param>
    /// <returns>Whether nothing is left; also false while another call is at it.</returns>
    private async Task<bool> ClearAway(Guid id, int logs, Predicate<int> mayBeOpen)
    {
        if (!_clearing.Add(id))
            return false;
        try
        {
            return await ClearLogs(id, logs, mayBeOpen) & await ClearDocuments(id);
        }
        finally
        {
            _clearing.Remove(id);
        }
    }

    private async Task<bool> ClearLogs(Guid id, int logs, Predicate<int> mayBeOpen)
    {
        var cleared = true;
        for (var p = 0; p < logs; p++)
        {
            var log = new LogId(id, p);
            if (mayBeOpen(p))
                cleared &= await Clear(() => GrainCalls.Ask(() => GrainFactory.GetGrain<IPartitionOwner>(GrainKeys.Partition(id, _name, log.Partition)).Close()));
            cleared &= await Clear(async () => await _silo.Storage.DeleteLog(log));
        }

        return cleared;
    }

    private async Task<bool> ClearDocuments(Guid id)
    {
        var cleared = true;
        foreach (var group in await _catalog.GroupNames(id))
            cleared &= await Clear(() => GrainCalls.Ask(() => GroupOf(id, group).Abandon()));
        // The names of groups that are left are what they are found by.
        if (cleared)
            cleared = await Clear(async () => await _catalog.RemoveGroupIndex(id));
        return cleared & await Clear(async () => await _catalog.Remove(AdmissionDesk.KeyOf(id)));
    }

    private async Task<bool> Clear(Func<Task> away)
    {
        try
        {
            await away();
            return true;
        }
        catch (Exception error) when (error is StorageException or MqException)
        {
            _silo.Report($"Topic {_name} is deleted or was not made, but something of it takes space still: {error.Message}");
            return false;
        }
    }
}

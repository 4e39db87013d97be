using OrleansMq.Client.Grains;
using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using OrleansMq.Server.Partitions;

namespace OrleansMq.Server.Topics;

/// <summary>The end of a topic. That it was begun is written before its document goes, so that what a lost silo leaves of it is found (<see cref="DeletionWatch"/>).</summary>
internal sealed partial class TopicGrain
{
    /// <summary>The document that an activation writes to see that it was not replaced.</summary>
    private const string FinishingKey = "finishing";

    public Task Delete() => DeleteOnly(Guid.Empty);

    /// <param name="id">Empty: whichever has the name.</param>
    public async Task DeleteOnly(Guid id)
    {
        await _changes.WaitAsync();
        try
        {
            if (_topic is { } other && id != Guid.Empty && id != other.Id)
                throw Unknown();
            if (_topic is not { } topic)
                throw await FindLetters() is null ? Unknown() : new MqException(ErrorCodes.Conflict, $"'{_name}' are a group's dead letters: delete their group.");
            await _catalog.BeginDeletion(topic);
            await _catalog.DeleteTopic(_name, _version);
            // There is no topic any more: what can't be cleared away now is only space, and must not make a deleted topic look alive.
            (_topic, _version, _groups) = (null, 0, null);
            if (await ClearAway(topic.Id, topic.Logs, p => topic.Logs <= TellsAll || _attached.Contains(p)))
                _catalog.Finished(topic.Id);
            await Clear(async () => await _catalog.UnnameTopic(_name));
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
    }

    public async Task FinishDeletion(Guid id, int logs)
    {
        await _changes.WaitAsync();
        try
        {
            await MustBeTheNewest();
            // Of its partitions any may be at work somewhere.
            if (_topic?.Id != id && !await ClearAway(id, logs, _ => true))
                return;
            await _catalog.Remove(FinishingKey);
            await _catalog.Finish(new UnfinishedTopic(_name.Text, id, logs, Deleting: true), named: _topic is not null);
        }
        catch (DocumentConflictException conflict)
        {
            throw new MqException(ErrorCodes.PartitionUnavailable, $"Topic '{_name}' is moving to another silo: {conflict.Message}", TimeSpan.FromMilliseconds(100), conflict);
        }
        finally
        {
            _changes.Release();
        }
    }

    /// <summary>An activation that was replaced does not know what was made and deleted since: what it takes for deleted may be alive, and the other way round.</summary>
    private async Task MustBeTheNewest() => await _own.Put(FinishingKey, ReadOnlyMemory<byte>.Empty, (await _own.Get(FinishingKey))?.Version ?? 0);

    /// <param name="mayBeOpen">Partitions that may be at work.</param>
    /// <returns>Whether nothing is left.</returns>
    private async Task<bool> ClearAway(Guid id, int logs, Predicate<int> mayBeOpen)
    {
        var cleared = true;
        for (var p = 0; p < logs; p++)
        {
            var log = new LogId(id, p);
            if (mayBeOpen(p))
                cleared &= await Clear(() => GrainCalls.Ask(() => GrainFactory.GetGrain<IPartitionOwner>(GrainKeys.Partition(id, _name, log.Partition)).Close()));
            cleared &= await Clear(async () => await _silo.Storage.DeleteLog(log));
        }

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
            _silo.Report($"Topic {_name} is deleted, but something of it takes space still, and is cleared away later: {error.Message}");
            return false;
        }
    }
}

using OrleansMq.Client.Grains;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Groups;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using OrleansMq.Server.Partitions;

namespace OrleansMq.Server.Groups;

/// <summary>How a group comes to be, and how its grain learns of it.</summary>
internal sealed partial class ConsumerGroupGrain
{
    private Task? _loading;

    /// <summary>Being made: partitions and topic know it, its document is not written.</summary>
    private GroupDefinition? _making;

    private async ValueTask Load(bool evenWithoutTopic = false)
    {
        if (_lineage is not null)
            return;
        var loading = _loading ??= LoadOnce(evenWithoutTopic);
        try
        {
            await loading;
        }
        finally
        {
            if (_loading == loading)
                _loading = null;
        }
    }

    private async Task LoadOnce(bool evenWithoutTopic)
    {
        var lineage = await GrainCalls.Ask(() => Topic.FindLineage(_topicId));
        if (lineage is null && !evenWithoutTopic)
        {
            DeactivateOnIdle();
            throw new MqException(ErrorCodes.TopicUnknown, $"There is no topic '{_topic}'.");
        }

        lineage ??= PartitionLineage.Of(1);
        var found = await _catalog.FindGroup(_topicId, _name, _silo.NowMs);
        _lineage = _told is { } told && told.Count > lineage.Count ? told : lineage;
        if (found is { } group)
            _engine = EngineOf(group.Group, group.Version);
        await DropLapsed();
    }

    /// <summary>Drops a group that was made by first use and that nobody used for a week, here or over several topics.</summary>
    private async ValueTask DropLapsed()
    {
        if (_engine is not { HasLapsed: true } lapsed || await GroupCoordination.Keeps(_silo.Catalog, _name, _topic, _silo.NowMs))
            return;
        // Another call may have dropped or used it meanwhile.
        if (_engine != lapsed || !lapsed.HasLapsed)
            return;
        await Written(lapsed.Delete);
        _engine = null;
        // Not awaited: the topic's grain may be waiting for this very answer. A name without a document is no group.
        _ = GrainCalls.Ask(() => Topic.RemoveGroup(_name, lapsed.Id));
    }

    private GroupEngine MustExist() => _engine ?? throw new MqException(ErrorCodes.GroupUnknown, $"Topic '{_topic}' has no group '{_name}'.");

    private async ValueTask<GroupEngine> Found()
    {
        await Load();
        return MustExist();
    }

    /// <summary>A group is made by its first use.</summary>
    private async ValueTask<GroupEngine> Used(GroupChange firstUse)
    {
        await Load();
        await DropLapsed();
        if (_engine is not { HasEnded: false })
            await EnsureMade(firstUse, declared: false);
        var engine = MustExist();
        await Written(async () => await engine.Used());
        return engine;
    }

    /// <summary>Makes sure that who had an ephemeral group before does not delete it; what other groups have to note of a use can wait until it is over.</summary>
    private Task Taken(GroupEngine engine) => engine.MustBeTaken ? Written(async () => await engine.Used()) : Task.CompletedTask;

    /// <returns>Null where it was there already.</returns>
    private async Task<GroupEngine?> EnsureMade(GroupChange change, bool declared)
    {
        if (_engine is { HasEnded: false })
            return null;
        await _changes.WaitAsync();
        var mayBeThere = false;
        try
        {
            if (_engine is not null)
                return null;
            var deadLetters = DeadLetterNames.Checked(_topic, _name);
            if (await _silo.IsTopic(deadLetters))
                throw new MqException(ErrorCodes.NameTaken, $"A topic '{deadLetters}' exists; the dead letters of group '{_name}' need that name.");
            var document = new GroupDocument
            {
                Name = _name,
                Id = Guid.NewGuid(),
                Settings = GroupRules.Create(change),
                Declared = declared,
                Membership = new Membership(),
                CreatedAtMs = _silo.NowMs,
                LastUsedMs = _silo.NowMs,
            };
            var definition = new GroupDefinition(_name, document.Id, declared, document.Settings);
            // Where it begins is fixed in every partition before the group exists, so that nothing published after this call is missed.
            _making = definition;
            await GrainCalls.Ask(() => Topic.AddGroup(definition));
            // A group that is not there is not told of a growth; from now on it is.
            if (await GrainCalls.Ask(() => Topic.FindLineage(_topicId)) is { } lineage && lineage.Count > _lineage!.Count)
                _lineage = lineage;
            var ensured = await EnsureEverywhere(definition);
            var version = 0L;
            mayBeThere = true;
            await Written(async () => version = await _catalog.PutGroup(_topicId, document, 0));
            await EnsureEverywhere(definition, ensured);
            return _engine = EngineOf(document, version, made: true);
        }
        catch
        {
            // Whether its document was written is not known: the next activation reads it, and until then nothing of the group is taken away.
            if (mayBeThere)
                DeactivateOnIdle();
            // Not awaited: it only tidies, and a group that is made again under this name has another id.
            else if (_making is { } failed)
                _ = GrainCalls.Ask(() => Topic.RemoveGroup(_name, failed.Id));
            throw;
        }
        finally
        {
            _making = null;
            _changes.Release();
        }
    }

    private GroupEngine EngineOf(GroupDocument document, long version, bool made = false)
    {
        var engine = new GroupEngine(
            _topic, _lineage!, document, version, TopicCatalog.GroupKey(_topicId, _name), _documents, _silo.Time, number => new ValueTask<IGroupPartition>(Proxy(number))) { MadeHere = made };
        if (engine.Queue is { } queue)
            (queue.LookAgainEvery, queue.Recount, queue.IsCounted) = (LookAgain, Recount, made);

        return engine;
    }

    /// <summary>Consumers settle at the partitions, whose word of it may be on its way still.</summary>
    /// <returns>Whether all answered.</returns>
    private async Task<bool> Recount() => Array.TrueForAll(await Task.WhenAll(Enumerable.Range(0, _lineage!.Count).Select(async number =>
    {
        try
        {
            Note(number, await GrainCalls.Ask(() => GrainFactory.GetGrain<IPartitionOwner>(GrainKeys.Partition(_topicId, _topic, number)).Standing(_name)));
            return true;
        }
        catch (MqException)
        {
            // It does not answer now; what it said last counts.
            return false;
        }
    })), answered => answered);

    private PartitionProxy Proxy(int number) => new(
        GrainFactory.GetGrain<IPartitionOwner>(GrainKeys.Partition(_topicId, _topic, number)), number, Note);

    /// <summary>Runs what may write the group's document: where another activation wrote it, this one is out of date and goes.</summary>
    private async Task Written(Func<Task> act)
    {
        try
        {
            await act();
        }
        catch (DocumentConflictException conflict)
        {
            DeactivateOnIdle();
            throw new MqException(ErrorCodes.PartitionUnavailable, $"Group '{_name}' of topic '{_topic}' is moving to another silo: {conflict.Message}", TimeSpan.FromMilliseconds(100), conflict);
        }
    }
}

using OrleansMq.Core.Catalog;
using OrleansMq.Core.Partitions;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;

namespace OrleansMq.Embedded;

/// <summary>
/// Growing. The document says first that a growth was begun; then the new logs are made, and each partition that is there is told, which shuts out what is chosen by the old
/// number; and last the document says the new number. Only then can anybody choose by it: a key's message never stands in its new partition while one can still come to the old.
/// </summary>
/// <remarks>A crash leaves the old number, and a growth that was begun, until the topic is taken up again: then it is finished. Every step may be done again.</remarks>
internal sealed partial class EmbeddedTopic
{
    /// <summary>A growth was begun and is not finished: what is chosen by the old number may be refused, and there is no other yet.</summary>
    public bool IsGrowing => _document.Growing is not null;

    public async Task Grow(int partitions, bool breakKeyOrder)
    {
        await _changes.WaitAsync();
        try
        {
            await FinishBegun();
            TopicRules.CheckGrowth(Settings.Partitions, partitions, breakKeyOrder);
            if (partitions == Settings.Partitions)
                return;
            await Put(_document with { Growing = partitions });
            await FinishBegun();
        }
        finally
        {
            _changes.Release();
        }
    }

    /// <summary>Finishes what an earlier call or process began. Where that fails it is said, and tried again with the next use.</summary>
    public async Task FinishGrowth()
    {
        if (!IsGrowing)
            return;
        await _changes.WaitAsync();
        try
        {
            await FinishBegun();
        }
        catch (Exception error) when (error is StorageException or MqException)
        {
            _options.OnReport($"Topic {Name}: growing from {Settings.Partitions} to {_document.Growing} partitions was begun and could not be finished, it is tried again: {error.Message}");
        }
        finally
        {
            _changes.Release();
        }
    }

    /// <summary>Where the tokens of a batch stand in the partitions that its keys had before.</summary>
    public ValueTask<AdmissibleBatch> WithEarlierTokens(AdmissibleBatch batch, int partition) => EarlierTokens.Look(
        batch, _document.Lineage, partition, Settings, NowMs, async (ancestor, tokens) => await (await Partition(ancestor)).FindEarlier(tokens));

    /// <summary>Under <see cref="_changes"/>.</summary>
    private async Task FinishBegun()
    {
        if (_document.Growing is not { } partitions)
            return;
        for (var p = Settings.Partitions; p < partitions; p++)
            await _storage.CreateLog(new LogId(Id, p), new LogDefinition(Name, _document.ToJson()));
        _slots.Grow(partitions);
        for (var p = 0; p < Settings.Partitions; p++)
            await Tell(p, partitions);
        await Put(_document.Grown(NowMs));
        _admissions.Grow(partitions);
        foreach (var group in _groups.Values)
            await Tell(group);
        await ApplyLimits();
    }

    /// <summary>It knows the partitions in any case; where its members' new shares could not be stored, the next heartbeat or commit shares again.</summary>
    private async Task Tell(GroupEngine group)
    {
        try
        {
            await group.Grow(_document.Lineage);
        }
        catch (Exception error) when (error is StorageException or MqException)
        {
            _options.OnReport($"Topic {Name}: group {group.Name} has {_document.Lineage.Count} partitions now, and its members' new shares could not be stored yet: {error.Message}");
        }
    }

    /// <summary>One whose data is damaged takes nothing in; it is told when it opens again.</summary>
    private async Task Tell(int number, int partitions)
    {
        try
        {
            await (await Partition(number)).Grow(partitions);
        }
        catch (MqException damaged) when (damaged.Code == ErrorCodes.PartitionDamaged)
        {
            _options.OnReport($"Topic {Name}: partition {number} is damaged and was not told that there are {partitions} now: {damaged.Message}");
        }
    }

    /// <summary>A partition that opens knows of the last growth before anything comes in.</summary>
    private async Task TellNumber(PartitionEngine partition)
    {
        if (_document.Lineage.KnowsLastGrowth(partition.Number))
            await partition.Grow(Settings.Partitions);
    }

    private async Task Put(TopicDocument document)
    {
        try
        {
            _version = await _catalog.PutTopic(document, _version);
            _document = document;
        }
        catch (DocumentConflictException)
        {
            // An earlier try may have written it without an answer; its time may be another.
            if (await _catalog.FindTopic(TopicName) is not { } found || found.Topic.Id != Id || found.Topic.Growing != document.Growing || found.Topic.Settings != document.Settings)
                throw;
            (_document, _version) = (found.Topic, found.Version);
        }
    }
}

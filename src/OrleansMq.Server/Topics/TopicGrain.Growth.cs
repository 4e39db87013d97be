using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Server.Topics;

/// <summary>
/// Growing, in the steps of one process (<c>EmbeddedTopic</c>): what was begun is in the document, the new logs are made, each partition that is there shuts out what is chosen by the
/// old number, and only then the document says the new one. An activation that finds a growth begun finishes it.
/// </summary>
internal sealed partial class TopicGrain
{
    /// <summary>How long until a growth that could not be finished is tried again.</summary>
    private static readonly TimeSpan GrowthRetry = TimeSpan.FromSeconds(1);

    private IGrainTimer? _finishing;

    public async Task<TopicDescription> Grow(int partitions, bool breakKeyOrder)
    {
        if (_topic is null && await FindLetters() is not null)
            throw new MqException(ErrorCodes.Conflict, $"'{_name}' are a group's dead letters: they have their topic's partitions.");
        await Changing(async () =>
        {
            await FinishBegun();
            var topic = MustExist();
            TopicRules.CheckGrowth(topic.Settings.Partitions, partitions, breakKeyOrder);
            if (partitions == topic.Settings.Partitions)
                return;
            await Store(topic with { Growing = partitions });
            await FinishBegun();
        });
        return await Describe();
    }

    /// <summary>Runs what changes the topic, one at a time; a growth that it leaves behind is finished later.</summary>
    private async Task Changing(Func<Task> change)
    {
        await _changes.WaitAsync();
        try
        {
            await change();
        }
        catch (DocumentConflictException conflict)
        {
            throw new MqException(ErrorCodes.PartitionUnavailable, $"Topic '{_name}' is moving to another silo: {conflict.Message}", TimeSpan.FromMilliseconds(100), conflict);
        }
        finally
        {
            _changes.Release();
            FinishGrowthSoon();
        }
    }

    private void FinishGrowthSoon()
    {
        if (_topic?.Growing is not null)
            _finishing ??= this.RegisterGrainTimer(FinishGrowth, new GrainTimerCreationOptions(TimeSpan.Zero, GrowthRetry) { Interleave = true });
    }

    private async Task FinishGrowth(CancellationToken cancel)
    {
        try
        {
            await Changing(FinishBegun);
        }
        catch (Exception error) when (error is StorageException or MqException)
        {
            _silo.Report($"Topic {_name}: growing to {_topic?.Growing} partitions was begun and could not be finished, it is tried again: {error.Message}");
        }

        if (_topic?.Growing is null)
        {
            _finishing?.Dispose();
            _finishing = null;
        }
    }

    /// <summary>Under <see cref="_changes"/>.</summary>
    private async Task FinishBegun()
    {
        if (_topic is not { Growing: { } partitions } topic)
            return;
        var before = topic.Settings.Partitions;
        await Parallel.ForEachAsync(Enumerable.Range(before, partitions - before), OnThisScheduler, async (p, _) =>
            await _silo.Storage.CreateLog(new LogId(topic.Id, p), new LogDefinition(_name.Text, topic.ToJson())));
        await Parallel.ForEachAsync(Enumerable.Range(0, before), OnThisScheduler, async (p, _) => await TellNumber(p, partitions));
        await Store(topic.Grown(_silo.NowMs));
        _admissions!.Grow(partitions);
        // The limits over all partitions count the new ones from the next question on.
        _counted = null;
        await Tell();
        foreach (var group in (await Groups()).Keys.ToList())
            await TellGroup(group);
    }

    /// <summary>One whose data is damaged takes nothing in; it is told when it opens again.</summary>
    private async Task TellNumber(int partition, int partitions)
    {
        try
        {
            await GrainCalls.Ask(() => Partition(partition).Grow(partitions));
        }
        catch (MqException damaged) when (damaged.Code == ErrorCodes.PartitionDamaged)
        {
            _silo.Report($"Topic {_name}: partition {partition} is damaged and was not told that there are {partitions} now: {damaged.Message}");
        }
    }

    /// <summary>A group that does not hear asks within seconds by itself.</summary>
    private async Task TellGroup(string group)
    {
        try
        {
            await GrainCalls.Ask(() => GroupOf(_topic!.Id, group).Grow(_topic.Lineage));
        }
        catch (MqException error)
        {
            _silo.Report($"Topic {_name}: group {group} was not told that there are {_topic?.Settings.Partitions} partitions now, and asks for it by itself: {error.Message}");
        }
    }

    private async Task Store(TopicDocument topic)
    {
        _version = await _catalog.PutTopic(topic, _version);
        _topic = topic;
    }
}

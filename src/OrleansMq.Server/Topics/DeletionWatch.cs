namespace OrleansMq.Server.Topics;

/// <summary>
/// Looks for topics whose deletion was begun and not finished, because their silo was lost: nobody else knows their logs any more. Each silo looks, soon after it came and then now
/// and then; the topic's grain does the rest, one call at a time.
/// </summary>
internal sealed class DeletionWatch(BrokerSilo silo, IGrainFactory grains) : SiloWatch(silo)
{
    /// <summary>A look reads all shards of names. What is left over is only space.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    /// <summary>So long after a start: silos that come together have other things to do.</summary>
    private static readonly TimeSpan First = TimeSpan.FromMinutes(1);

    protected override async Task Watch(CancellationToken stopping)
    {
        for (var wait = First; ; wait = Interval)
        {
            await Task.Delay(wait, stopping);
            await Look().WaitAsync(stopping);
        }
    }

    /// <summary>Finishes what it finds; what fails is reported, and found again at the next look.</summary>
    public async Task Look()
    {
        try
        {
            foreach (var topic in (await Silo.Catalog.UnfinishedTopics()).Where(topic => topic.Deleting))
                await Finish(topic.Name, topic.Id, topic.Partitions);
        }
        catch (Exception failure)
        {
            Silo.Report($"What was left of topics that were being deleted could not be looked for, and is looked for again: {failure.Message}");
        }
    }

    private async Task Finish(string topic, Guid id, int logs)
    {
        try
        {
            await GrainCalls.Ask(() => grains.GetGrain<ITopicOwner>(topic).FinishDeletion(id, logs));
        }
        catch (MqException failure)
        {
            Silo.Report($"Topic {topic} was deleted, but something of it takes space still, and is cleared away later: {failure.Message}");
        }
    }
}

using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Topics;

/// <summary>
/// Finishes what a process left when it ended in the middle of making or deleting topics: their logs have no name and nobody else would ever find them. Runs
/// before anything is served, by the one process that makes and deletes topics.
/// </summary>
/// <remarks>A log is removed only if its topic's deletion was begun, or if it is empty, and only while no document has its topic's id.</remarks>
public sealed class UnfinishedTopics(TopicCatalog catalog, IStorage storage, Action<string> report)
{
    public async ValueTask Finish()
    {
        IReadOnlyList<UnfinishedTopic> all;
        try
        {
            all = await catalog.UnfinishedTopics();
        }
        catch (Exception error) when (error is MqException or StorageException)
        {
            report($"What was left of topics that were being made or deleted could not be looked for, the next start tries again: {error.Message}");
            return;
        }

        foreach (var topic in all)
        {
            try
            {
                await Finish(topic);
            }
            catch (Exception error) when (error is MqException or StorageException)
            {
                report($"Topic '{topic.Name}' was being {(topic.Deleting ? "deleted" : "made")} when the broker ended, and something of it takes space still; the next start tries again: {error.Message}");
            }
        }
    }

    private async ValueTask Finish(UnfinishedTopic topic)
    {
        var found = await catalog.FindTopic(topic.Name);
        if (found?.Topic.Id != topic.Id && !await Remove(topic))
            return;
        await catalog.Finish(topic, named: found is not null);
    }

    /// <returns>False if something is to be kept.</returns>
    private async ValueTask<bool> Remove(UnfinishedTopic topic)
    {
        for (var p = 0; p < topic.Partitions; p++)
        {
            var log = new LogId(topic.Id, p);
            if (!topic.Deleting && !await IsEmpty(log))
            {
                report($"Topic '{topic.Name}', partition {p}: the log of topic id {topic.Id:N} holds messages and has no document; it is kept. Run 'mq doctor' on the data folder.");
                return false;
            }

            await storage.DeleteLog(log);
        }

        await catalog.RemoveBelongings(topic.Id);
        return true;
    }

    private async ValueTask<bool> IsEmpty(LogId id)
    {
        try
        {
            await using var log = await storage.OpenLog(id);
            return log.Start == 0 && log.End == 0;
        }
        catch (LogMissingException)
        {
            return true;
        }
    }
}

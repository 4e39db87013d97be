using OrleansMq.Embedded;

namespace OrleansMq;

/// <summary>Messages that wait for their time.</summary>
public sealed partial class EmbeddedBroker
{
    public async ValueTask<ScheduledMessage> DescribeScheduled(TopicName topic, string id, CancellationToken cancel = default)
    {
        var found = await Topic(topic);
        return await ScheduledDesk.Describe(topic, found.Settings.Partitions, p => Scheduled(found, p), id);
    }

    public async ValueTask CancelScheduled(TopicName topic, string id, CancellationToken cancel = default)
    {
        var found = await Topic(topic);
        await ScheduledDesk.Cancel(topic, found.Settings.Partitions, p => Scheduled(found, p), id);
    }

    public async ValueTask<Page<ScheduledMessage>> ListScheduled(TopicName topic, string? after = null, int max = 100, CancellationToken cancel = default)
    {
        var found = await Topic(topic);
        return await ScheduledDesk.List(found.Settings.Partitions, p => Scheduled(found, p), after, max);
    }

    private static async ValueTask<IScheduledMessages> Scheduled(EmbeddedTopic topic, int partition) => await topic.Partition(partition);
}

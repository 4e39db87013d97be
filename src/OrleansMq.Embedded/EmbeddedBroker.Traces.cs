using OrleansMq.Embedded;

namespace OrleansMq;

/// <summary>Where time went.</summary>
public sealed partial class EmbeddedBroker
{
    public async ValueTask<MessageTrace> Trace(TopicName topic, TraceRequest request, CancellationToken cancel = default)
    {
        var found = await Topic(topic);
        return await TraceDesk.Trace(topic, found.Settings.Partitions, p => Traces(found, p), request);
    }

    public async ValueTask<StageTimes> Stages(TopicName topic, GroupName group, TimeSpan last, CancellationToken cancel = default)
    {
        var (found, _) = await Group(topic, group);
        return await TraceDesk.Stages(found.Settings.Partitions, p => Traces(found, p), group, last);
    }

    private static async ValueTask<IMessageTraces> Traces(EmbeddedTopic topic, int partition) => await topic.Partition(partition);
}

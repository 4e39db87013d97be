using OrleansMq.Embedded;

namespace OrleansMq;

/// <summary>Half messages.</summary>
public sealed partial class EmbeddedBroker
{
    public async ValueTask<HalfResult> EndHalf(TopicName topic, string id, HalfState decision, bool force = false, CancellationToken cancel = default)
    {
        var found = await Topic(topic);
        return await HalfDesk.End(found.Settings.Partitions, p => Halves(found, p), id, decision, force);
    }

    public async ValueTask<HalfMessage> DescribeHalf(TopicName topic, string id, CancellationToken cancel = default)
    {
        var found = await Topic(topic);
        return await HalfDesk.Describe(found.Settings.Partitions, p => Halves(found, p), id);
    }

    public async ValueTask<Page<HalfMessage>> ListHalf(TopicName topic, string? group = null, string? after = null, int max = 100, CancellationToken cancel = default)
    {
        var found = await Topic(topic);
        return await HalfDesk.List(found.Settings.Partitions, p => Halves(found, p), group, after, max);
    }

    public async ValueTask<IReadOnlyList<HalfMessage>> CheckHalf(TopicName topic, string group, int max = 100, TimeSpan wait = default, CancellationToken cancel = default)
    {
        var found = await Topic(topic);
        return await HalfDesk.Check(found.Settings.Partitions, p => Halves(found, p), group, max, wait, _options.Time, cancel);
    }

    private static async ValueTask<IHalfMessages> Halves(EmbeddedTopic topic, int partition) => await topic.Partition(partition);
}

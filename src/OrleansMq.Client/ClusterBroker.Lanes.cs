using OrleansMq.Client;
using OrleansMq.Client.Grains;

namespace OrleansMq;

/// <summary>The calls about messages that wait beside the others: delayed and half ones; and about where time went. They go straight to the partition that a name tells, or to all of them.</summary>
public sealed partial class ClusterBroker
{
    public ValueTask<ScheduledMessage> DescribeScheduled(TopicName topic, string id, CancellationToken cancel = default) =>
        OnTopic(topic, target => ScheduledDesk.Describe(topic, target.Settings.Partitions, Scheduled(target, cancel), id), cancel);

    public async ValueTask CancelScheduled(TopicName topic, string id, CancellationToken cancel = default) =>
        await OnTopic(topic, async target =>
        {
            await ScheduledDesk.Cancel(topic, target.Settings.Partitions, Scheduled(target, cancel), id);
            return true;
        }, cancel);

    public ValueTask<Page<ScheduledMessage>> ListScheduled(TopicName topic, string? after = null, int max = 100, CancellationToken cancel = default) =>
        OnTopic(topic, target => ScheduledDesk.List(target.Settings.Partitions, Scheduled(target, cancel), after, max), cancel);

    public ValueTask<HalfResult> EndHalf(TopicName topic, string id, HalfState decision, bool force = false, CancellationToken cancel = default) =>
        OnTopic(topic, target => HalfDesk.End(target.Settings.Partitions, Halves(target, cancel), id, decision, force), cancel);

    public ValueTask<HalfMessage> DescribeHalf(TopicName topic, string id, CancellationToken cancel = default) =>
        OnTopic(topic, target => HalfDesk.Describe(target.Settings.Partitions, Halves(target, cancel), id), cancel);

    public ValueTask<Page<HalfMessage>> ListHalf(TopicName topic, string? group = null, string? after = null, int max = 100, CancellationToken cancel = default) =>
        OnTopic(topic, target => HalfDesk.List(target.Settings.Partitions, Halves(target, cancel), group, after, max), cancel);

    public ValueTask<IReadOnlyList<HalfMessage>> CheckHalf(TopicName topic, string group, int max = 100, TimeSpan wait = default, CancellationToken cancel = default) =>
        OnTopic(topic, target => HalfDesk.Check(target.Settings.Partitions, Halves(target, cancel), group, max, wait, _options.Time, cancel), cancel);

    public ValueTask<MessageTrace> Trace(TopicName topic, TraceRequest request, CancellationToken cancel = default) =>
        OnTopic(topic, target => TraceDesk.Trace(topic, target.Settings.Partitions, Traces(target, cancel), request), cancel);

    public ValueTask<StageTimes> Stages(TopicName topic, GroupName group, TimeSpan last, CancellationToken cancel = default) =>
        OnTopic(topic, target => TraceDesk.Stages(target.Settings.Partitions, Traces(target, cancel), group, last), cancel);

    private Func<int, ValueTask<IMessageTraces>> Traces(TopicTarget target, CancellationToken cancel) =>
        partition => new(new PartitionLanes(PartitionGrain(target, partition), _failover, cancel));

    private Func<int, ValueTask<IScheduledMessages>> Scheduled(TopicTarget target, CancellationToken cancel) =>
        partition => new(new PartitionLanes(PartitionGrain(target, partition), _failover, cancel));

    private Func<int, ValueTask<IHalfMessages>> Halves(TopicTarget target, CancellationToken cancel) =>
        partition => new(new PartitionLanes(PartitionGrain(target, partition), _failover, cancel));
}

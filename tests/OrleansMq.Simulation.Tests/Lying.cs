namespace OrleansMq.Simulation.Tests;

/// <summary>Hands everything on; a planted bug overrides what it breaks.</summary>
internal class Lying(IBroker broker) : IBroker
{
    public virtual ITransactionCoordinator? Transactions => broker.Transactions;

    public virtual ValueTask<ClusterDescription> DescribeCluster(CancellationToken cancel = default) => broker.DescribeCluster(cancel);

    public virtual ValueTask<TopicDescription> PutTopic(TopicName topic, TopicChange change, CancellationToken cancel = default) => broker.PutTopic(topic, change, cancel);

    public virtual ValueTask<TopicDescription> GrowTopic(TopicName topic, int partitions, bool breakKeyOrder = false, CancellationToken cancel = default) => broker.GrowTopic(topic, partitions, breakKeyOrder, cancel);

    public virtual ValueTask<TopicDescription> DescribeTopic(TopicName topic, CancellationToken cancel = default) => broker.DescribeTopic(topic, cancel);

    public virtual ValueTask DeleteTopic(TopicName topic, CancellationToken cancel = default) => broker.DeleteTopic(topic, cancel);

    public virtual ValueTask<Page<TopicName>> ListTopics(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default) => broker.ListTopics(prefix, after, max, cancel);

    public virtual ValueTask<ProducerIdentity> OpenProducer(string? name = null, CancellationToken cancel = default) => broker.OpenProducer(name, cancel);

    public virtual ValueTask<IReadOnlyList<PublishResult>> Publish(TopicName topic, IReadOnlyList<Message> messages, PublishOptions? options = null, CancellationToken cancel = default) =>
        broker.Publish(topic, messages, options, cancel);

    public virtual ValueTask<ScheduledMessage> DescribeScheduled(TopicName topic, string id, CancellationToken cancel = default) => broker.DescribeScheduled(topic, id, cancel);

    public virtual ValueTask CancelScheduled(TopicName topic, string id, CancellationToken cancel = default) => broker.CancelScheduled(topic, id, cancel);

    public virtual ValueTask<Page<ScheduledMessage>> ListScheduled(TopicName topic, string? after = null, int max = 100, CancellationToken cancel = default) => broker.ListScheduled(topic, after, max, cancel);

    public virtual ValueTask<HalfResult> EndHalf(TopicName topic, string id, HalfState decision, bool force = false, CancellationToken cancel = default) => broker.EndHalf(topic, id, decision, force, cancel);

    public virtual ValueTask<Page<HalfMessage>> ListHalf(TopicName topic, string? group = null, string? after = null, int max = 100, CancellationToken cancel = default) =>
        broker.ListHalf(topic, group, after, max, cancel);

    public virtual ValueTask<IReadOnlyList<HalfMessage>> CheckHalf(TopicName topic, string group, int max = 100, TimeSpan wait = default, CancellationToken cancel = default) =>
        broker.CheckHalf(topic, group, max, wait, cancel);

    public virtual ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel = default) => broker.Append(request, cancel);

    public virtual ValueTask<ReadResult> Read(ReadRequest request, CancellationToken cancel = default) => broker.Read(request, cancel);

    public virtual ValueTask<long> FindOffset(TopicName topic, int partition, StartAt at, CancellationToken cancel = default) => broker.FindOffset(topic, partition, at, cancel);

    public virtual ValueTask<long> DeleteBefore(TopicName topic, int partition, long offset, CancellationToken cancel = default) => broker.DeleteBefore(topic, partition, offset, cancel);

    public virtual ValueTask<GroupDescription> PutGroup(TopicName topic, GroupName group, GroupChange change, CancellationToken cancel = default) => broker.PutGroup(topic, group, change, cancel);

    public virtual ValueTask<GroupDescription> DescribeGroup(TopicName topic, GroupName group, CancellationToken cancel = default) => broker.DescribeGroup(topic, group, cancel);

    public virtual ValueTask DeleteGroup(TopicName topic, GroupName group, CancellationToken cancel = default) => broker.DeleteGroup(topic, group, cancel);

    public virtual ValueTask<Page<GroupName>> ListGroups(TopicName topic, string? after = null, int max = 100, CancellationToken cancel = default) => broker.ListGroups(topic, after, max, cancel);

    public virtual ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default) => broker.Receive(topic, group, request, cancel);

    public virtual ValueTask<IReadOnlyList<SettleResult>> Settle(TopicName topic, GroupName group, Settlement settlement, CancellationToken cancel = default) => broker.Settle(topic, group, settlement, cancel);

    public virtual ValueTask<Assignment> Join(TopicName topic, GroupName group, string member, TimeSpan sessionTimeout, CancellationToken cancel = default) => broker.Join(topic, group, member, sessionTimeout, cancel);

    public virtual ValueTask Heartbeat(TopicName topic, GroupName group, string member, int generation, CancellationToken cancel = default) => broker.Heartbeat(topic, group, member, generation, cancel);

    public virtual ValueTask Leave(TopicName topic, GroupName group, string member, CancellationToken cancel = default) => broker.Leave(topic, group, member, cancel);

    public virtual ValueTask Commit(TopicName topic, GroupName group, CommitRequest request, CancellationToken cancel = default) => broker.Commit(topic, group, request, cancel);

    public virtual ValueTask Seek(TopicName topic, GroupName group, SeekRequest request, CancellationToken cancel = default) => broker.Seek(topic, group, request, cancel);

    public virtual ValueTask<int> Redrive(TopicName topic, GroupName group, DeadLetterSelection selection, Message? replace = null, CancellationToken cancel = default) => broker.Redrive(topic, group, selection, replace, cancel);

    public virtual ValueTask<SessionState> Session(TopicName topic, GroupName group, SessionRequest request, CancellationToken cancel = default) => broker.Session(topic, group, request, cancel);

    public virtual ValueTask<int> Redeliver(TopicName topic, GroupName group, RedeliverRequest request, CancellationToken cancel = default) => broker.Redeliver(topic, group, request, cancel);

    public virtual ValueTask<int> Discard(TopicName topic, GroupName group, DeadLetterSelection selection, CancellationToken cancel = default) => broker.Discard(topic, group, selection, cancel);

    public virtual ValueTask<ExchangeDescription> PutExchange(ExchangeName exchange, ExchangeChange change, CancellationToken cancel = default) => broker.PutExchange(exchange, change, cancel);

    public virtual ValueTask<ExchangeDescription> DescribeExchange(ExchangeName exchange, CancellationToken cancel = default) => broker.DescribeExchange(exchange, cancel);

    public virtual ValueTask DeleteExchange(ExchangeName exchange, CancellationToken cancel = default) => broker.DeleteExchange(exchange, cancel);

    public virtual ValueTask<Page<ExchangeName>> ListExchanges(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default) => broker.ListExchanges(prefix, after, max, cancel);

    public virtual ValueTask<bool> Bind(ExchangeName exchange, Binding binding, CancellationToken cancel = default) => broker.Bind(exchange, binding, cancel);

    public virtual ValueTask<bool> Unbind(ExchangeName exchange, Binding binding, CancellationToken cancel = default) => broker.Unbind(exchange, binding, cancel);

    public virtual ValueTask<IReadOnlyList<IReadOnlyList<TopicName>>> Route(ExchangeName exchange, IReadOnlyList<RoutingFacts> messages, CancellationToken cancel = default) => broker.Route(exchange, messages, cancel);

    public virtual ValueTask DisposeAsync() => broker.DisposeAsync();
}

namespace OrleansMq.Abstractions.Tests;

/// <summary>Every call is one that the story didn't expect.</summary>
internal abstract class SilentBroker : IBroker
{
    public virtual ValueTask<ClusterDescription> DescribeCluster(CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<TopicDescription> PutTopic(TopicName topic, TopicChange change, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<TopicDescription> DescribeTopic(TopicName topic, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask DeleteTopic(TopicName topic, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<Page<TopicName>> ListTopics(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<ProducerIdentity> OpenProducer(string? name = null, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<IReadOnlyList<PublishResult>> Publish(TopicName topic, IReadOnlyList<Message> messages, PublishOptions? options = null, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<ReadResult> Read(ReadRequest request, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<long> FindOffset(TopicName topic, int partition, StartAt at, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<long> DeleteBefore(TopicName topic, int partition, long offset, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<GroupDescription> PutGroup(TopicName topic, GroupName group, GroupChange change, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<GroupDescription> DescribeGroup(TopicName topic, GroupName group, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask DeleteGroup(TopicName topic, GroupName group, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<Page<GroupName>> ListGroups(TopicName topic, string? after = null, int max = 100, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<IReadOnlyList<SettleResult>> Settle(TopicName topic, GroupName group, Settlement settlement, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<Assignment> Join(TopicName topic, GroupName group, string member, TimeSpan sessionTimeout, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask Heartbeat(TopicName topic, GroupName group, string member, int generation, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask Leave(TopicName topic, GroupName group, string member, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask Commit(TopicName topic, GroupName group, CommitRequest request, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask Seek(TopicName topic, GroupName group, SeekRequest request, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<int> Redrive(TopicName topic, GroupName group, DeadLetterSelection selection, Message? replace = null, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<int> Discard(TopicName topic, GroupName group, DeadLetterSelection selection, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<ExchangeDescription> PutExchange(ExchangeName exchange, ExchangeChange change, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<ExchangeDescription> DescribeExchange(ExchangeName exchange, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask DeleteExchange(ExchangeName exchange, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<Page<ExchangeName>> ListExchanges(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<bool> Bind(ExchangeName exchange, Binding binding, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<bool> Unbind(ExchangeName exchange, Binding binding, CancellationToken cancel = default) => throw Unexpected();
    public virtual ValueTask<IReadOnlyList<IReadOnlyList<TopicName>>> Route(ExchangeName exchange, IReadOnlyList<RoutingFacts> messages, CancellationToken cancel = default) => throw Unexpected();
    public ValueTask DisposeAsync() => default;

    private static NotSupportedException Unexpected() => new("This story expects no such call.");
}

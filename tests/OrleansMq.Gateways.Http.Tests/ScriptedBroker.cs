using System.Collections.Concurrent;
using OrleansMq.Conformance.Broker;
using OrleansMq.Records;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>A broker that notes each call and answers as it is told; what is published or appended to partition 0 can be read.</summary>
internal sealed class ScriptedBroker : IBroker
{
    public static readonly DateTimeOffset Then = new(2001, 1, 31, 23, 59, 59, TimeSpan.Zero);

    private readonly List<byte[]> _batches = [];
    private long _end;

    /// <summary>Calls that change something, with their arguments.</summary>
    public ConcurrentQueue<(string Call, object?[] Arguments)> Changes { get; } = new();

    /// <summary>Calls that change nothing.</summary>
    public ConcurrentQueue<(string Call, object?[] Arguments)> Looks { get; } = new();

    /// <summary>Comes before the answer of every call: may throw, or wait.</summary>
    public Func<string, CancellationToken, Task> Before { get; set; } = (_, _) => Task.CompletedTask;

    public IReadOnlyList<PublishResult>? PublishResults { get; set; }
    public AppendResult? AppendResult { get; set; }
    public IReadOnlyList<Delivery> Deliveries { get; set; } = [];
    public IReadOnlyList<SettleResult>? SettleResults { get; set; }
    public TopicSettings TopicSettings { get; set; } = new();
    public GroupDescription Group { get; set; } = Samples.Group;
    public bool Created { get; set; }

    public IWebhookDirectory? Webhooks { get; set; } = new SilentWebhooks();

    public ITransactionCoordinator Transactions => new ScriptedTransactions(this);

    public ValueTask<ClusterDescription> DescribeCluster(CancellationToken cancel = default) => Look(Samples.Cluster, cancel, "DescribeCluster");

    public ValueTask<TopicDescription> PutTopic(TopicName topic, TopicChange change, CancellationToken cancel = default) =>
        Change(Describe(topic) with { Created = Created }, cancel, "PutTopic", topic, change);

    public ValueTask<TopicDescription> GrowTopic(TopicName topic, int partitions, bool breakKeyOrder = false, CancellationToken cancel = default) =>
        Change(Describe(topic), cancel, "GrowTopic", topic, partitions, breakKeyOrder);

    public ValueTask<TopicDescription> DescribeTopic(TopicName topic, CancellationToken cancel = default) => Look(Describe(topic), cancel, "DescribeTopic", topic);

    public async ValueTask DeleteTopic(TopicName topic, CancellationToken cancel = default) => await Change(0, cancel, "DeleteTopic", topic);

    public ValueTask<Page<TopicName>> ListTopics(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default) =>
        Look(new Page<TopicName>(["a", "b"], "b"), cancel, "ListTopics", prefix, after, max);

    public ValueTask<ProducerIdentity> OpenProducer(string? name = null, CancellationToken cancel = default) =>
        Change(new ProducerIdentity(77, 3), cancel, "OpenProducer", name);

    public async ValueTask<IReadOnlyList<PublishResult>> Publish(TopicName topic, IReadOnlyList<Message> messages, PublishOptions? options = null, CancellationToken cancel = default)
    {
        await Change(0, cancel, "Publish", topic, messages, options);
        if (PublishResults is not null)
            return PublishResults;
        var builder = new RecordBatchBuilder(1024);
        foreach (var message in messages)
            MessageCodec.Append(builder, message, Then.ToUnixTimeMilliseconds());
        var first = Store(RecordBatch.ReadExactly(builder.Build()));
        return messages.Select((_, i) => new PublishResult(new Position(0, first + i), false, null)).ToList();
    }

    public async ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel = default)
    {
        await Change(0, cancel, "Append", request with { Batch = request.Batch.ToArray() });
        return AppendResult ?? new AppendResult { BaseOffset = Store(RecordBatch.ReadExactly(request.Batch)) };
    }

    public async ValueTask<ReadResult> Read(ReadRequest request, CancellationToken cancel = default)
    {
        await Look(0, cancel, "Read", request);
        return new ReadResult(request.Partitions.Select(cursor => new PartitionRead
        {
            Topic = cursor.Topic,
            Partition = cursor.Partition,
            Error = cursor.Partition == 9 ? new MqError(ErrorCodes.PartitionUnavailable, "Its node is away.", TimeSpan.FromSeconds(2)) : null,
            Batches = _batches.Where(batch => RecordBatch.ReadExactly(batch).LastOffset >= cursor.Offset).SelectMany(batch => batch).ToArray(),
            Start = 0,
            End = _end,
            LastStableOffset = _end,
            Aborted = cursor.Partition == 8 ? [new AbortedTransaction(5, 6)] : [],
        }).ToList());
    }

    public async ValueTask<long> FindOffset(TopicName topic, int partition, StartAt at, CancellationToken cancel = default)
    {
        await Look(0, cancel, "FindOffset", topic, partition, at);
        return at.Kind switch { StartKind.Latest => _end, StartKind.Offset => Math.Min(at.Value, _end), _ => 0 };
    }

    public ValueTask<long> DeleteBefore(TopicName topic, int partition, long offset, CancellationToken cancel = default) =>
        Change(offset, cancel, "DeleteBefore", topic, partition, offset);

    public ValueTask<GroupDescription> PutGroup(TopicName topic, GroupName group, GroupChange change, CancellationToken cancel = default) =>
        Change(Group with { Created = Created }, cancel, "PutGroup", topic, group, change);

    public ValueTask<GroupDescription> DescribeGroup(TopicName topic, GroupName group, CancellationToken cancel = default) => Look(Group, cancel, "DescribeGroup", topic, group);

    public async ValueTask DeleteGroup(TopicName topic, GroupName group, CancellationToken cancel = default) => await Change(0, cancel, "DeleteGroup", topic, group);

    public ValueTask<Page<GroupName>> ListGroups(TopicName topic, string? after = null, int max = 100, CancellationToken cancel = default) =>
        Look(new Page<GroupName>(["g"], null), cancel, "ListGroups", topic, after, max);

    public ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default) =>
        Change(Deliveries, cancel, "Receive", topic, group, request);

    public ValueTask<IReadOnlyList<SettleResult>> Settle(TopicName topic, GroupName group, Settlement settlement, CancellationToken cancel = default) =>
        Change(
            SettleResults ?? [.. settlement.Leases.Select(lease => new SettleResult(lease, null)), .. settlement.UpTo.Select(at => new SettleResult(new LeaseId(at.Partition, 0, 0, at.Offset, 0), null))],
            cancel, "Settle", topic, group, settlement);

    public ValueTask<Assignment> Join(TopicName topic, GroupName group, string member, TimeSpan sessionTimeout, CancellationToken cancel = default) =>
        Change(new Assignment(4, [0, 2]), cancel, "Join", topic, group, member, sessionTimeout);

    public async ValueTask Heartbeat(TopicName topic, GroupName group, string member, int generation, CancellationToken cancel = default) =>
        await Change(0, cancel, "Heartbeat", topic, group, member, generation);

    public async ValueTask Leave(TopicName topic, GroupName group, string member, CancellationToken cancel = default) => await Change(0, cancel, "Leave", topic, group, member);

    public async ValueTask Commit(TopicName topic, GroupName group, CommitRequest request, CancellationToken cancel = default) => await Change(0, cancel, "Commit", topic, group, request);

    public async ValueTask Seek(TopicName topic, GroupName group, SeekRequest request, CancellationToken cancel = default) => await Change(0, cancel, "Seek", topic, group, request);

    public ValueTask<int> Redrive(TopicName topic, GroupName group, DeadLetterSelection selection, Message? replace = null, CancellationToken cancel = default) =>
        Change(3, cancel, "Redrive", topic, group, selection, replace);

    public ValueTask<int> Discard(TopicName topic, GroupName group, DeadLetterSelection selection, CancellationToken cancel = default) =>
        Change(2, cancel, "Discard", topic, group, selection);

    public ValueTask<ExchangeDescription> PutExchange(ExchangeName exchange, ExchangeChange change, CancellationToken cancel = default) =>
        Change(Samples.Exchange with { Created = Created }, cancel, "PutExchange", exchange, change);

    public ValueTask<ExchangeDescription> DescribeExchange(ExchangeName exchange, CancellationToken cancel = default) => Look(Samples.Exchange, cancel, "DescribeExchange", exchange);

    public async ValueTask DeleteExchange(ExchangeName exchange, CancellationToken cancel = default) => await Change(0, cancel, "DeleteExchange", exchange);

    public ValueTask<Page<ExchangeName>> ListExchanges(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default) =>
        Look(new Page<ExchangeName>([Samples.Exchange.Name], null), cancel, "ListExchanges", prefix, after, max);

    public ValueTask<bool> Bind(ExchangeName exchange, Binding binding, CancellationToken cancel = default) => Change(true, cancel, "Bind", exchange, binding);

    public ValueTask<bool> Unbind(ExchangeName exchange, Binding binding, CancellationToken cancel = default) => Change(true, cancel, "Unbind", exchange, binding);

    public ValueTask<IReadOnlyList<IReadOnlyList<TopicName>>> Route(ExchangeName exchange, IReadOnlyList<RoutingFacts> messages, CancellationToken cancel = default) =>
        Look<IReadOnlyList<IReadOnlyList<TopicName>>>([.. messages.Select(_ => (IReadOnlyList<TopicName>)[new TopicName("orders")])], cancel, "Route", exchange, messages);

    public ValueTask<int> Redeliver(TopicName topic, GroupName group, RedeliverRequest request, CancellationToken cancel = default) =>
        Change(4, cancel, "Redeliver", topic, group, request);

    public ValueTask<SessionState> Session(TopicName topic, GroupName group, SessionRequest request, CancellationToken cancel = default) => request.Set is null
        ? Look(Samples.Session, cancel, "Session", topic, group, request)
        : Change(Samples.Session, cancel, "Session", topic, group, request);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>The arguments of the only change that was asked.</summary>
    public object?[] TheChange(string call)
    {
        var (name, arguments) = Assert.Single(Changes);
        Assert.Equal(call, name);
        return arguments;
    }

    private TopicDescription Describe(TopicName topic) => new()
    {
        Name = topic,
        Settings = TopicSettings,
        Partitions = [new PartitionDescription(0, "n1", 0, _end, 100), new PartitionDescription(1, "n2", 0, 0, 0, new MqError(ErrorCodes.PartitionDamaged, "At byte 5."))],
    };

    private long Store(RecordBatch batch)
    {
        lock (_batches)
        {
            var first = _end;
            var stored = batch.Memory.ToArray();
            RecordBatch.Place(stored, first, 0);
            _batches.Add(stored);
            _end += batch.Count;
            return first;
        }
    }

    #pragma warning disable CA1068 // The arguments are the rest.
    internal async ValueTask<T> Change<T>(T answer, CancellationToken cancel, string call, params object?[] arguments)
    {
        Changes.Enqueue((call, arguments));
        await Before(call, cancel);
        return answer;
    }

    internal async ValueTask<T> Look<T>(T answer, CancellationToken cancel, string call, params object?[] arguments)
    {
        Looks.Enqueue((call, arguments));
        await Before(call, cancel);
        return answer;
    }
#pragma warning restore CA1068
}

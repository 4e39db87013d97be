using System.Collections.Concurrent;
using OrleansMq.Client;
using OrleansMq.Client.Grains;

namespace OrleansMq;

/// <summary>
/// The broker of an Orleans cluster, from a client of the cluster or from a silo of it. It comes with <c>AddOrleansMq</c> and is asked for as <see cref="IBroker"/>.
/// </summary>
/// <remarks>
/// Calls go straight to the grain that serves them: appends, reads and settling to the partition, receiving and membership to the group. A call that may be repeated
/// is, while a silo is lost (<see cref="ClusterBrokerOptions.RetryFor"/>); an append may where it has a producer's sequence.
/// </remarks>
public sealed partial class ClusterBroker : IBroker
{
    /// <summary>A call waits at most so long inside the cluster and is then made again, so that a lost silo is noticed. Less than the calls' time-outs.</summary>
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(5);

    /// <summary>The same for an append, whose answer must not be waited for long when its silo was killed: the client notices by the time-out alone.</summary>
    private static readonly TimeSpan MaxAppendWait = TimeSpan.FromSeconds(2);

    private const int MaxCachedTopics = 100_000;
    private const int MaxCachedPartitions = 100_000;

    private readonly IGrainFactory _grains;
    private readonly ClusterBrokerOptions _options;
    private readonly Failover _failover;
    private readonly AppendLines _lines = new();
    private readonly ConcurrentDictionary<TopicName, CachedTopic> _topics = new();

    // By the topic's id, so that they stay right whatever becomes of its name. Orleans looks attributes up for each reference it makes: 7% of a busy client.
    private readonly ConcurrentDictionary<(Guid Topic, int Partition), KnownPartition> _partitions = new();
    private uint _turn;

    public ClusterBroker(IGrainFactory grains, ClusterBrokerOptions options)
    {
        options.Validate();
        (_grains, _options, _failover) = (grains, options, new Failover(options));
        Coordinator = new ClusterCoordinator(grains, _failover);
        Transactions = new ClusterTransactions(grains, _failover);
    }

    public IGroupCoordinator Coordinator { get; }

    public ITransactionCoordinator Transactions { get; }

    /// <summary>What a silo that pushes puts here, before its gateways start.</summary>
    public IWebhookDirectory? Webhooks { get; set; }

    private IBrokerGrain Cluster => _grains.GetGrain<IBrokerGrain>(0);

    public async ValueTask<ClusterDescription> DescribeCluster(CancellationToken cancel = default) =>
        await _failover.Ask(() => Cluster.DescribeCluster(), Repeat.Freely, cancel);

    public async ValueTask<TopicDescription> PutTopic(TopicName topic, TopicChange change, CancellationToken cancel = default)
    {
        var described = await _failover.Ask(() => TopicGrain(topic).Put(change), Repeat.Freely, cancel);
        _topics.TryRemove(topic, out _);
        return described;
    }

    public async ValueTask<TopicDescription> GrowTopic(TopicName topic, int partitions, bool breakKeyOrder = false, CancellationToken cancel = default)
    {
        var described = await _failover.Ask(() => TopicGrain(topic).Grow(partitions, breakKeyOrder), Repeat.Freely, cancel);
        _topics.TryRemove(topic, out _);
        return described;
    }

    public async ValueTask<TopicDescription> DescribeTopic(TopicName topic, CancellationToken cancel = default) =>
        await _failover.Ask(() => TopicGrain(topic).Describe(), Repeat.Freely, cancel);

    public async ValueTask DeleteTopic(TopicName topic, CancellationToken cancel = default)
    {
        try
        {
            // The one that has the name now: whoever makes another under it before a second try keeps that.
            var id = (await _failover.Ask(() => TopicGrain(topic).Resolve(), Repeat.Freely, cancel)).Id;
            await _failover.Ask(async repeated =>
            {
                try
                {
                    await TopicGrain(topic).DeleteOnly(id);
                }
                catch (MqException gone) when (repeated && gone.Code == ErrorCodes.TopicUnknown)
                {
                    // The try that nobody heard of deleted it.
                }

                return true;
            }, Repeat.Freely, cancel);
        }
        finally
        {
            _topics.TryRemove(topic, out _);
        }
    }

    public async ValueTask<Page<TopicName>> ListTopics(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default) =>
        await _failover.Ask(() => Cluster.ListTopics(prefix, after, max), Repeat.Freely, cancel);

    public async ValueTask<ProducerIdentity> OpenProducer(string? name = null, CancellationToken cancel = default) =>
        await _failover.Ask(() => Cluster.OpenProducer(name), Repeat.Freely, cancel);

    public async ValueTask<IReadOnlyList<PublishResult>> Publish(TopicName topic, IReadOnlyList<Message> messages, PublishOptions? options = null, CancellationToken cancel = default)
    {
        var target = await Topic(topic, cancel);
        return await Publishing.Publish(this, topic, target.Settings, Settings, messages, options, () => Interlocked.Increment(ref _turn), _options.Time, cancel);

        async ValueTask<TopicSettings> Settings()
        {
            _topics.TryRemove(topic, out _);
            return (await Topic(topic, cancel)).Settings;
        }
    }

    public async ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel = default)
    {
        // Copied, for the call may be over while Orleans, or a silo that lets it wait, still has the bytes.
        var batch = request.Batch.ToArray();
        using var activity = BrokerDiagnostics.StartAppend(request.Topic, request.Partition);
        try
        {
            return await _lines.InLine(request, () => OnTopic(request.Topic, target => Append(request, batch, target, cancel), cancel).AsTask(), cancel);
        }
        catch (MqException refusal)
        {
            BrokerDiagnostics.Refused(activity, refusal);
            throw;
        }
    }

    private async ValueTask<AppendResult> Append(AppendRequest request, byte[] batch, TopicTarget target, CancellationToken cancel)
    {
        var repeat = request.Producer is not null || HasSequence(batch) ? Repeat.Freely : Repeat.UnlessItMayHaveHappened;
        var partition = Partition(target, request.Partition);
        var until = _options.Time.GetUtcNow() + request.Wait;
        // Alone: what goes with others is answered when the last of them is.
        var mayWait = target.Settings.WhenFull == WhenFull.Wait && request.Wait > TimeSpan.Zero;
        var mayHaveHappened = false;
        while (true)
        {
            var left = until - _options.Time.GetUtcNow();
            var terms = new AppendTerms(request.Rich, request.Acks, request.Producer, left < TimeSpan.Zero ? TimeSpan.Zero : left > MaxAppendWait ? MaxAppendWait : left, request.Client, request.Partitions, request.TransactionalId);
            try
            {
                return await _failover.Ask(repeated =>
                {
                    mayHaveHappened |= repeated;
                    return mayWait ? partition.Grain.Append(batch, terms) : partition.Appends(request.Acks).Append(batch, terms);
                }, repeat, cancel);
            }
            catch (MqException full) when (full.Code == ErrorCodes.BacklogFull && target.Settings.WhenFull == WhenFull.Wait && left > MaxAppendWait)
            {
                // It stood in line for as long as one call may; it does so again.
            }
            catch (MqException refusal) when (mayHaveHappened && refusal.Code != ErrorCodes.OutcomeUnknown)
            {
                // The try that nobody heard of may still arrive: whoever gives its sequence to another batch now would have that one taken for it.
                throw Failover.Unknown(refusal);
            }
        }
    }

    private static bool HasSequence(byte[] batch) =>
        Records.RecordBatch.TryRead(batch, out var read) == Records.BatchReadStatus.Done && read is { ProducerId: >= 0, BaseSequence: >= 0 };

    public async ValueTask<long> FindOffset(TopicName topic, int partition, StartAt at, CancellationToken cancel = default) =>
        await OnAny(topic, async target => await _failover.Ask(() => PartitionGrain(target, partition).FindOffset(at, target.DeadLettersOf), Repeat.Freely, cancel), cancel);

    public async ValueTask<long> DeleteBefore(TopicName topic, int partition, long offset, CancellationToken cancel = default) =>
        await OnTopic(topic, async target => await _failover.Ask(() => PartitionGrain(target, partition).DeleteBefore(offset), Repeat.Freely, cancel), cancel);

    public ValueTask DisposeAsync() => default;

    private ITopicGrain TopicGrain(TopicName topic) => _grains.GetGrain<ITopicGrain>(topic.Text);

    private IPartitionGrain PartitionGrain(TopicTarget target, int partition) => Partition(target, partition).Grain;

    private KnownPartition Partition(TopicTarget target, int partition)
    {
        if (partition < 0 || partition >= target.Settings.Partitions)
            throw new MqException(ErrorCodes.PartitionUnknown, $"Topic '{target.Topic}' has {target.Settings.Partitions} partitions; {partition} was asked.");
        if (_partitions.TryGetValue((target.Id, partition), out var known))
            return known;
        if (_partitions.Count >= MaxCachedPartitions)
            _partitions.Clear();
        var grain = _grains.GetGrain<IPartitionGrain>(GrainKeys.Partition(target.Id, target.Topic, partition));
        return _partitions.GetOrAdd((target.Id, partition), new KnownPartition(grain, _options));
    }

    private IConsumerGroupGrain GroupGrain(TopicTarget target, GroupName group) => _grains.GetGrain<IConsumerGroupGrain>(GrainKeys.Group(target.Id, target.Topic, group));

    /// <summary>A topic, not dead letters.</summary>
    private async ValueTask<TopicTarget> Topic(TopicName topic, CancellationToken cancel) => MustBeTopic(topic, (await Find(topic, cancel)).Target);

    private static TopicTarget MustBeTopic(TopicName topic, TopicTarget target) => target.DeadLettersOf is null
        ? target
        : throw new MqException(ErrorCodes.Conflict, $"'{topic}' are a group's dead letters: they can be read, redriven and discarded, nothing else.");

    private async ValueTask<(TopicTarget Target, bool Fresh)> Find(TopicName topic, CancellationToken cancel)
    {
        var now = Environment.TickCount64;
        if (_topics.TryGetValue(topic, out var cached) && now < cached.UntilMs)
            return (cached.Target, false);
        var target = await _failover.Ask(() => TopicGrain(topic).Resolve(), Repeat.Freely, cancel);
        if (_topics.Count >= MaxCachedTopics)
            _topics.Clear();
        _topics[topic] = new CachedTopic(target, now + (long)_options.TopicCache.TotalMilliseconds);
        return (target, true);
    }

    private ValueTask<T> OnTopic<T>(TopicName topic, Func<TopicTarget, ValueTask<T>> act, CancellationToken cancel) =>
        OnAny(topic, target => act(MustBeTopic(topic, target)), cancel);

    /// <summary>What was known of the name may be out of date: where its grains say that they serve nothing, it is looked up again.</summary>
    private async ValueTask<T> OnAny<T>(TopicName topic, Func<TopicTarget, ValueTask<T>> act, CancellationToken cancel)
    {
        var (target, fresh) = await Find(topic, cancel);
        try
        {
            return await act(target);
        }
        catch (MqException gone) when (!fresh && IsUnknown(gone.Code))
        {
            _topics.TryRemove(topic, out _);
        }

        return await act((await Find(topic, cancel)).Target);
    }

    // Also a message: it may lie in a partition that came since.
    private static bool IsUnknown(string code) => code is ErrorCodes.TopicUnknown or ErrorCodes.PartitionUnknown or ErrorCodes.GroupUnknown
        or ErrorCodes.ScheduledUnknown or ErrorCodes.HalfUnknown or ErrorCodes.MessageUnknown;

    private sealed record CachedTopic(TopicTarget Target, long UntilMs);
}

using OrleansMq.Records;

namespace OrleansMq.Access;

/// <summary>Topics, messages in, reading.</summary>
public sealed partial class GuardedBroker
{
    /// <summary>For every client that came in: it has to know where the nodes are.</summary>
    public ValueTask<ClusterDescription> DescribeCluster(CancellationToken cancel = default) => _inner.DescribeCluster(cancel);

    // Between the look and the call another may create or delete the topic; whoever may only create then changes one that was made a moment ago.
    public async ValueTask<TopicDescription> PutTopic(TopicName topic, TopicChange change, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Create | AccessOperations.Alter, ResourceKind.Topic, topic.Text);
        if (!(May(AccessOperations.Create, ResourceKind.Topic, topic.Text) && May(AccessOperations.Alter, ResourceKind.Topic, topic.Text)))
            Demand(await TopicExists(topic, cancel) ? AccessOperations.Alter : AccessOperations.Create, ResourceKind.Topic, topic.Text);
        var put = await _inner.PutTopic(topic, change, cancel);
        Done(put.Created ? "createTopic" : "alterTopic", $"topic {topic}");
        return put;
    }

    public async ValueTask<TopicDescription> GrowTopic(TopicName topic, int partitions, bool breakKeyOrder = false, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Alter, ResourceKind.Topic, topic.Text);
        var grown = await _inner.GrowTopic(topic, partitions, breakKeyOrder, cancel);
        Done("growTopic", $"topic {topic} partitions {partitions}");
        return grown;
    }

    public async ValueTask<TopicDescription> DescribeTopic(TopicName topic, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Describe, ResourceKind.Topic, await OriginOf(AccessOperations.Describe, topic, cancel));
        return await _inner.DescribeTopic(topic, cancel);
    }

    public async ValueTask DeleteTopic(TopicName topic, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Delete, ResourceKind.Topic, topic.Text);
        await _inner.DeleteTopic(topic, cancel);
        Done("deleteTopic", $"topic {topic}");
    }

    public ValueTask<Page<TopicName>> ListTopics(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default) =>
        Visible(from => _inner.ListTopics(prefix, from, max, cancel), after, max, topic => topic.Text, topic => May(AccessOperations.Describe, ResourceKind.Topic, topic.Text));

    /// <summary>A name is a resource of its own: whoever opens it fences the one before.</summary>
    public async ValueTask<ProducerIdentity> OpenProducer(string? name = null, CancellationToken cancel = default)
    {
        if (name is not null)
            Demand(AccessOperations.Produce, ResourceKind.Producer, name);
        else if (!Grants.MaySomewhere(AccessOperations.Produce, ResourceKind.Topic))
            throw Refusal(AccessOperations.Produce, ResourceKind.Topic, "*");
        return await _inner.OpenProducer(name, cancel);
    }

    public ValueTask<IReadOnlyList<PublishResult>> Publish(
        TopicName topic, IReadOnlyList<Message> messages, PublishOptions? options = null, CancellationToken cancel = default) =>
        !May(AccessOperations.Produce, ResourceKind.Topic, topic.Text)
            ? ValueTask.FromException<IReadOnlyList<PublishResult>>(Refusal(AccessOperations.Produce, ResourceKind.Topic, topic.Text))
            : options?.Transaction is { } transaction && !May(AccessOperations.Produce, ResourceKind.Producer, transaction.Id)
                ? ValueTask.FromException<IReadOnlyList<PublishResult>>(Refusal(AccessOperations.Produce, ResourceKind.Producer, transaction.Id))
                : _control.Quotas.HasAny
                    ? Holding(SizeOf(messages), () => _inner.Publish(topic, messages, options, cancel))
                    : _inner.Publish(topic, messages, options, cancel);

    public ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel = default)
    {
        if (!May(AccessOperations.Produce, ResourceKind.Topic, request.Topic.Text))
            return ValueTask.FromException<AppendResult>(Refusal(AccessOperations.Produce, ResourceKind.Topic, request.Topic.Text));
        // Producers' ids are numbers that anybody can guess: whoever puts something into a transaction has to have a right to it.
        if (request.TransactionalId is { } id ? !May(AccessOperations.Produce, ResourceKind.Producer, id) : IsOfTransaction(request.Batch))
            return ValueTask.FromException<AppendResult>(request.TransactionalId is { } named ? Refusal(AccessOperations.Produce, ResourceKind.Producer, named) : Unnamed());
        return _control.Quotas.HasAny ? AppendHeld(request, cancel) : _inner.Append(request, cancel);
    }

    // By itself: its closure would be made for every append.
    private ValueTask<AppendResult> AppendHeld(AppendRequest request, CancellationToken cancel) => Holding(request.Batch.Length, () => _inner.Append(request, cancel));

    /// <summary>Keys and bodies.</summary>
    internal static long SizeOf(IReadOnlyList<Message> messages)
    {
        var size = 0L;
        for (var i = 0; i < messages.Count; i++)
            size += messages[i] is { } message ? message.Body.Length + (message.Key?.Length ?? 0) : 0;
        return size;
    }

    private async ValueTask<T> Holding<T>(long bytes, Func<ValueTask<T>> store)
    {
        using var held = _control.Quotas.Hold(Principal, bytes);
        return await store();
    }

    // One that can't be read is the broker's to refuse.
    private static bool IsOfTransaction(ReadOnlyMemory<byte> bytes) => RecordBatch.TryRead(bytes, out var batch) == BatchReadStatus.Done && batch.IsTransactional;

    private MqException Unnamed()
    {
        Audit("produce", "producer", refused: true);
        return new MqException(ErrorCodes.Forbidden, "A batch of a transaction has to come with the transactional id by which it is opened.");
    }

    /// <summary>What may not be read is refused by itself; the others' reads stand, and nobody waits then.</summary>
    public async ValueTask<ReadResult> Read(ReadRequest request, CancellationToken cancel = default)
    {
        // A filter says something of its group.
        if (request.Group is { } group)
            Demand(AccessOperations.Describe, ResourceKind.Group, group.Text);
        var refused = new PartitionRead?[request.Partitions.Count];
        for (var i = 0; i < refused.Length; i++)
        {
            var (topic, partition) = (request.Partitions[i].Topic, request.Partitions[i].Partition);
            var origin = await OriginOf(Reading, topic, cancel);
            if (!May(Reading, ResourceKind.Topic, origin))
                refused[i] = new PartitionRead { Topic = topic, Partition = partition, Error = Refusal(Reading, ResourceKind.Topic, topic.Text).Error };
        }
        if (refused.All(read => read is null))
            return await _inner.Read(request, cancel);
        var allowed = request.Partitions.Where((_, i) => refused[i] is null).ToList();
        if (allowed.Count == 0)
            return new ReadResult(refused!);
        var read = await _inner.Read(request with { Partitions = allowed, Wait = TimeSpan.Zero }, cancel);
        using var found = read.Partitions.GetEnumerator();
        return new ReadResult([.. refused.Select(one => one ?? (found.MoveNext() ? found.Current : throw new InvalidOperationException("A read lacks a partition.")))], read);
    }

    public async ValueTask<long> FindOffset(TopicName topic, int partition, StartAt at, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Describe, ResourceKind.Topic, await OriginOf(AccessOperations.Describe, topic, cancel));
        return await _inner.FindOffset(topic, partition, at, cancel);
    }

    public async ValueTask<long> DeleteBefore(TopicName topic, int partition, long offset, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Delete, ResourceKind.Topic, topic.Text);
        var start = await _inner.DeleteBefore(topic, partition, offset, cancel);
        Done("deleteBefore", $"topic {topic} partition {partition} offset {offset}");
        return start;
    }

    /// <summary>Whose messages a name means: dead letters are their topic's, so that a rule for the names <c>a.b*</c> does not open those of the topic <c>a</c>.</summary>
    private async ValueTask<string> OriginOf(AccessOperations anyOf, TopicName name, CancellationToken cancel)
    {
        // Allowed by none of what it may mean: it will be refused, and the broker is not asked for what a stranger invents.
        if (!May(anyOf, ResourceKind.Topic, name.Text) && !DeadLetterNames.Readings(name).Any(reading => May(anyOf, ResourceKind.Topic, reading.Topic.Text)))
            return name.Text;
        return await DeadLetterOrigin.Find(_inner, name, cancel) is { } origin ? origin.Topic.Text : name.Text;
    }

    private async ValueTask<bool> TopicExists(TopicName topic, CancellationToken cancel)
    {
        try
        {
            await _inner.DescribeTopic(topic, cancel);
            return true;
        }
        catch (MqException e) when (e.Code == ErrorCodes.TopicUnknown)
        {
            return false;
        }
    }

    /// <summary>A page of what may be seen: pages of what there is, until it is full. The next page's name is one that may be seen.</summary>
    internal static async ValueTask<Page<T>> Visible<T>(Func<string?, ValueTask<Page<T>>> list, string? after, int max, Func<T, string> nameOf, Func<T, bool> visible)
    {
        var items = new List<T>();
        while (true)
        {
            var page = await list(after);
            foreach (var item in page.Items.Where(visible))
            {
                if (items.Count == max)
                    return new Page<T>(items, nameOf(items[^1]));
                items.Add(item);
            }
            // Names come in ordinal order: a page that leads back would be asked for ever.
            if (page.Next is null || string.CompareOrdinal(page.Next, after) <= 0)
                return new Page<T>(items, null);
            after = page.Next;
        }
    }
}

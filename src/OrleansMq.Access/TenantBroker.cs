namespace OrleansMq.Access;

/// <summary>
/// A broker as one tenant sees it: its names stand behind a prefix that no other principal can say, so what others have is not refused, it is not there.
/// <c>orders</c> of the tenant <c>acme</c> is <c>_t.acme.orders</c>; so are its groups, exchanges and producers.
/// </summary>
internal sealed partial class TenantBroker : IBroker
{
    private readonly IBroker _inner;
    private readonly TenantNames _names;
    private readonly QuotaDesk _quotas;

    /// <summary>Who acts is the broker itself, for the tenant.</summary>
    private readonly bool _isOwn;

    public TenantBroker(IBroker inner, TenantNames names, QuotaDesk quotas, bool isOwn = false)
    {
        (_inner, _names, _quotas, _isOwn) = (inner, names, quotas, isOwn);
        Coordinator = inner.Coordinator is { } coordinator ? new TenantCoordinator(coordinator, _names, DemandRoom) : null;
        Transactions = inner.Transactions is { } transactions ? new TenantTransactions(transactions, _names, DemandRoom) : null;
    }

    public IGroupCoordinator? Coordinator { get; }

    public ITransactionCoordinator? Transactions { get; }

    /// <summary>None: the guard has its own.</summary>
    public IAccessDirectory? Access => null;

    /// <summary>None: they are the operators'.</summary>
    public IWebhookDirectory? Webhooks => null;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public ValueTask<ClusterDescription> DescribeCluster(CancellationToken cancel = default) => _inner.DescribeCluster(cancel);

    /// <remarks>Behind the prefixes the two names differ, so the broker itself can't see that one is taken.</remarks>
    public async ValueTask<TopicDescription> PutTopic(TopicName topic, TopicChange change, CancellationToken cancel = default)
    {
        if (topic == ScheduleTopics.Schedules)
            return await PutSchedules(change, cancel);
        DemandOwn(topic);
        if (_isOwn && IsReserved(topic))
            return await Shown(_inner.PutTopic(_names.In(topic), change, cancel), topic);
        if (await DeadLetterOrigin.Find(this, topic, cancel) is not null)
            throw new MqException(ErrorCodes.NameTaken, $"'{topic}' is the name of a group's dead letters.");
        return await WithRoom(topic, change, () => Shown(_inner.PutTopic(_names.In(topic), change, cancel), topic), cancel);
    }

    public async ValueTask<TopicDescription> GrowTopic(TopicName topic, int partitions, bool breakKeyOrder = false, CancellationToken cancel = default)
    {
        DemandOwn(topic);
        // It may be unknown, and is then not to be counted as a new one.
        _ = await DescribeTopic(topic, cancel);
        return await WithRoom(topic, new TopicChange { Partitions = partitions }, () => Grow(topic, partitions, breakKeyOrder, cancel), cancel);
    }

    private async ValueTask<TopicDescription> Grow(TopicName topic, int partitions, bool breakKeyOrder, CancellationToken cancel) =>
        await Shown(_inner.GrowTopic(await InOrDeadLetters(topic, cancel), partitions, breakKeyOrder, cancel), topic);

    public async ValueTask<TopicDescription> DescribeTopic(TopicName topic, CancellationToken cancel = default) =>
        await Shown(_inner.DescribeTopic(await InOrDeadLetters(topic, cancel), cancel), topic);

    public async ValueTask DeleteTopic(TopicName topic, CancellationToken cancel = default)
    {
        DemandOwn(topic);
        await _names.Shown(_inner.DeleteTopic(await InOrDeadLetters(topic, cancel), cancel));
        _names.Free.Remove(topic);
        _names.Counted.Remove(topic);
    }

    public async ValueTask<Page<TopicName>> ListTopics(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default) =>
        _names.Out(await Shown(_inner.ListTopics(_names.InList(prefix), _names.InList(after), max, cancel)), topic => topic.Text, (topic, text) => text);

    public ValueTask<ProducerIdentity> OpenProducer(string? name = null, CancellationToken cancel = default) =>
        Shown(_inner.OpenProducer(name is null ? null : _names.InProducer(name), cancel));

    public async ValueTask<IReadOnlyList<PublishResult>> Publish(TopicName topic, IReadOnlyList<Message> messages, PublishOptions? options = null, CancellationToken cancel = default)
    {
        if (topic == ScheduleTopics.Schedules)
            DemandSchedules(messages);
        else
            DemandOwn(topic);
        await DemandRoomFor(messages);
        if (options?.Transaction is { } transaction)
            options = options with { Transaction = transaction with { Id = _names.InProducer(transaction.Id) } };
        var results = await Shown(_inner.Publish(await InOrDeadLetters(topic, cancel), messages, options, cancel));
        return results.All(result => result.Error is null) ? results : [.. results.Select(result => result with { Error = _names.Shown(result.Error) })];
    }

    public async ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel = default)
    {
        DemandOwn(request.Topic);
        await DemandRoomFor(request);
        var result = await Shown(_inner.Append(
            request with { Topic = await InOrDeadLetters(request.Topic, cancel), TransactionalId = request.TransactionalId is { } id ? _names.InProducer(id) : null }, cancel));
        return result.Records is { } records && records.Any(record => record.Error is not null)
            ? result with { Records = [.. records.Select(record => record with { Error = _names.Shown(record.Error) })] }
            : result;
    }

    public async ValueTask<ReadResult> Read(ReadRequest request, CancellationToken cancel = default)
    {
        var cursors = new PartitionCursor[request.Partitions.Count];
        for (var i = 0; i < cursors.Length; i++)
            cursors[i] = request.Partitions[i] with { Topic = await InOrDeadLetters(request.Partitions[i].Topic, cancel) };
        var read = await Shown(_inner.Read(request with { Partitions = cursors, Group = request.Group is { } group ? _names.In(group) : new GroupName?() }, cancel));
        return new ReadResult(
            [.. read.Partitions.Select((one, i) => one with { Topic = request.Partitions[i].Topic, Error = _names.Shown(one.Error) })], read);
    }

    public async ValueTask<long> FindOffset(TopicName topic, int partition, StartAt at, CancellationToken cancel = default) =>
        await Shown(_inner.FindOffset(await InOrDeadLetters(topic, cancel), partition, at, cancel));

    public async ValueTask<long> DeleteBefore(TopicName topic, int partition, long offset, CancellationToken cancel = default)
    {
        DemandOwn(topic);
        return await Shown(_inner.DeleteBefore(await InOrDeadLetters(topic, cancel), partition, offset, cancel));
    }

    public ValueTask<ScheduledMessage> DescribeScheduled(TopicName topic, string id, CancellationToken cancel = default) => Shown(_inner.DescribeScheduled(_names.In(topic), id, cancel));

    public ValueTask CancelScheduled(TopicName topic, string id, CancellationToken cancel = default) => _names.Shown(_inner.CancelScheduled(_names.In(topic), id, cancel));

    public ValueTask<Page<ScheduledMessage>> ListScheduled(TopicName topic, string? after = null, int max = 100, CancellationToken cancel = default) =>
        Shown(_inner.ListScheduled(_names.In(topic), after, max, cancel));

    public ValueTask<HalfResult> EndHalf(TopicName topic, string id, HalfState decision, bool force = false, CancellationToken cancel = default) =>
        Shown(_inner.EndHalf(_names.In(topic), id, decision, force, cancel));

    public ValueTask<HalfMessage> DescribeHalf(TopicName topic, string id, CancellationToken cancel = default) => Shown(_inner.DescribeHalf(_names.In(topic), id, cancel));

    public ValueTask<Page<HalfMessage>> ListHalf(TopicName topic, string? group = null, string? after = null, int max = 100, CancellationToken cancel = default) =>
        Shown(_inner.ListHalf(_names.In(topic), group, after, max, cancel));

    public ValueTask<IReadOnlyList<HalfMessage>> CheckHalf(TopicName topic, string group, int max = 100, TimeSpan wait = default, CancellationToken cancel = default) =>
        Shown(_inner.CheckHalf(_names.In(topic), group, max, wait, cancel));

    private async ValueTask<TopicDescription> Shown(ValueTask<TopicDescription> call, TopicName topic)
    {
        var found = await Shown(call);
        return found with { Name = topic, Partitions = [.. found.Partitions.Select(one => one.Error is null ? one : one with { Error = _names.Shown(one.Error) })] };
    }

    private ValueTask<T> Shown<T>(ValueTask<T> call) => _names.Shown(call);

    // A tenant's administrator may look at its trail and not change it: who must answer for something does not write what was done.
    private void DemandOwn(TopicName topic)
    {
        if (IsReserved(topic) && !_isOwn)
            throw new MqException(ErrorCodes.Forbidden, $"'{topic}' is the broker's own: it can be read, nothing else.");
    }

    private static bool IsReserved(TopicName topic) => topic.Text.StartsWith(AccessState.ReservedPrefix, StringComparison.Ordinal);

    // A group's dead letters are named by both names, each behind the prefix.
    private async ValueTask<TopicName> InOrDeadLetters(TopicName name, CancellationToken cancel) =>
        await DeadLetterOrigin.Find(this, name, cancel) is { } origin ? TopicName.DeadLettersOf(_names.In(origin.Topic), _names.In(origin.Group)) : _names.In(name);
}

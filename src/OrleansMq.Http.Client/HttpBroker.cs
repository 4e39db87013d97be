using System.Globalization;
using System.Net;
using OrleansMq.Json;

namespace OrleansMq;

/// <summary>The broker over HTTP, version 1: for programs outside its process, whatever host it has.</summary>
/// <remarks>
/// A connection that can't be made is <see cref="ErrorCodes.PartitionUnavailable"/>: nothing was sent. One that breaks afterwards is
/// <see cref="ErrorCodes.OutcomeUnknown"/> for calls that change something. At most 10,000 messages, leases or positions go in one call.
/// </remarks>
public sealed partial class HttpBroker : IBroker
{
    private static readonly TimeSpan MaxWait = TimeSpan.FromMilliseconds(QueueJson.MaxWaitMs);

    private readonly HttpTransport _transport;
    private readonly HttpBrokerOptions _options;
    private readonly AppendOrder _order = new();
    private readonly HttpAccess _access;

    static HttpBroker() => Compression.CompressedRecords.Use();

    private HttpBroker(Uri address, HttpBrokerOptions options)
    {
        (_transport, _options) = (new HttpTransport(address, options), options);
        _access = new HttpAccess(_transport);
        Transactions = new HttpTransactions(_transport);
        Webhooks = new HttpWebhooks(_transport);
    }

    public IAccessDirectory Access => _access;

    public ITransactionCoordinator Transactions { get; }

    public IWebhookDirectory Webhooks { get; }

    /// <summary>Makes the client; connections are made when they are needed.</summary>
    /// <param name="address">For example <c>http://127.0.0.1:8080</c>.</param>
    public static HttpBroker Connect(Uri address, HttpBrokerOptions? options = null)
    {
        options ??= new HttpBrokerOptions();
        options.Validate();
        if (!address.IsAbsoluteUri || address.Scheme is not ("http" or "https"))
            throw new ArgumentException($"'{address}' is no address of a broker; one looks like http://127.0.0.1:8080.", nameof(address));
        if (options.Credential is not null && address.Scheme == Uri.UriSchemeHttp && !address.IsLoopback && !options.AllowCredentialInClearText)
            throw new ArgumentException($"'{address}' is another machine, and http:// would show it the password or token in clear text to everybody on the way: use https://.", nameof(address));
        return new HttpBroker(new Uri(address.GetLeftPart(UriPartial.Authority)), options);
    }

    public ValueTask<ClusterDescription> DescribeCluster(CancellationToken cancel = default) =>
        _transport.Send(new HttpAsk(HttpMethod.Get, "/v1/cluster"), ClusterJson.Read, cancel);

    public async ValueTask<TopicDescription> PutTopic(TopicName topic, TopicChange change, CancellationToken cancel = default)
    {
        var ask = Change(HttpMethod.Put, PathOf(topic), HttpTransport.JsonBody(writer => TopicJson.WriteChange(writer, change)));
        var answer = await _transport.Send(ask, cancel);
        return HttpTransport.ReadJson(ask, answer, spot => TopicJson.Read(spot, answer.Status == HttpStatusCode.Created));
    }

    public ValueTask<TopicDescription> GrowTopic(TopicName topic, int partitions, bool breakKeyOrder = false, CancellationToken cancel = default) =>
        _transport.Send(
            Change(HttpMethod.Post, new Address($"{PathOf(topic)}/partitions"), HttpTransport.JsonBody(writer => TopicJson.WriteGrowth(writer, partitions, breakKeyOrder))),
            spot => TopicJson.Read(spot), cancel);

    public ValueTask<TopicDescription> DescribeTopic(TopicName topic, CancellationToken cancel = default) =>
        _transport.Send(new HttpAsk(HttpMethod.Get, PathOf(topic)), spot => TopicJson.Read(spot), cancel);

    public async ValueTask DeleteTopic(TopicName topic, CancellationToken cancel = default) =>
        await _transport.Send(Change(HttpMethod.Delete, PathOf(topic)), cancel);

    public ValueTask<Page<TopicName>> ListTopics(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default) =>
        _transport.Send(
            new HttpAsk(HttpMethod.Get, new Address("/v1/topics").With("prefix", prefix).With("after", after).With("max", max)),
            spot => ClusterJson.ReadPage(spot, "topics", name => new TopicName(name)), cancel);

    public ValueTask<ProducerIdentity> OpenProducer(string? name = null, CancellationToken cancel = default) =>
        _transport.Send(
            Change(HttpMethod.Post, "/v1/producers", HttpTransport.JsonBody(writer => ClusterJson.WriteOpenProducer(writer, name))), ClusterJson.ReadProducer, cancel);

    public async ValueTask<IReadOnlyList<PublishResult>> Publish(
        TopicName topic, IReadOnlyList<Message> messages, PublishOptions? options = null, CancellationToken cancel = default)
    {
        options ??= new PublishOptions();
        var path = new Address($"{PathOf(topic)}/messages").With("acks", options.Acks).With("waitMs", AtMost(options.Wait)).With("client", options.Client);
        if (options.Transaction is { } transaction)
            path = path.With("transaction", transaction.Id).With("producerId", transaction.Producer.Id).With("producerEpoch", transaction.Producer.Epoch);
        var ask = Change(HttpMethod.Post, path, HttpTransport.JsonBody(writer => MessageJson.WriteMany(writer, messages)), options.Wait);
        var answer = await _transport.Exchange(ask, cancel);
        if ((int)answer.Status < 300)
            return HttpTransport.ReadJson(ask, answer, PublishJson.ReadResults);
        // All messages refused for one reason: the status is that reason's, and each one's refusal stands beside it.
        var refusal = HttpTransport.RefusalOf(answer, ask);
        return TryReadResults(answer) ?? throw refusal;
    }

    public ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel = default)
    {
        var path = new Address($"{PathOf(request.Topic, request.Partition)}/batches").With("brief", "true")
            .With("acks", request.Acks).With("waitMs", AtMost(request.Wait)).With("client", request.Client).With("transaction", request.TransactionalId)
            .With("partitions", request.Partitions?.ToString(CultureInfo.InvariantCulture));
        if (request.Producer is { } producer)
            path = path.With("producerId", producer.Id).With("producerEpoch", producer.Epoch).With("sequence", producer.Sequence);
        return _order.InTurn(
            request, () => _transport.Send(Change(HttpMethod.Post, path, HttpTransport.OctetBody(request.Batch), request.Wait), spot => PublishJson.ReadAppended(spot, request.Partition), cancel), cancel);
    }

    public async ValueTask<ReadResult> Read(ReadRequest request, CancellationToken cancel = default)
    {
        if (request.Partitions.Count == 0)
            return new ReadResult([]);
        if (request.Partitions.Any(cursor => cursor.TopicId != Guid.Empty))
            throw new MqException(ErrorCodes.NotAvailable, "Over HTTP a topic is read by its name, not by its id.");
        var left = request.Wait;
        while (true)
        {
            var asked = request with { Wait = AtMost(left) };
            var partitions = await ReadOnce(asked, cancel);
            left -= asked.Wait;
            if (left <= TimeSpan.Zero || partitions.Any(read => read.Error is not null) || partitions.Sum(read => (long)read.Batches.Length) >= request.EnoughBytes)
                return new ReadResult(partitions);
        }
    }

    public ValueTask<long> FindOffset(TopicName topic, int partition, StartAt at, CancellationToken cancel = default) =>
        _transport.Send(
            new HttpAsk(HttpMethod.Get, new Address($"{PathOf(topic, partition)}/offset").With("at", TimeText.WriteStart(at))),
            spot => ClusterJson.ReadNumber(spot, "offset"), cancel);

    public ValueTask<long> DeleteBefore(TopicName topic, int partition, long offset, CancellationToken cancel = default) =>
        _transport.Send(
            Change(HttpMethod.Delete, new Address($"{PathOf(topic, partition)}/messages").With("before", offset)),
            spot => ClusterJson.ReadNumber(spot, "start"), cancel);

    public async ValueTask<GroupDescription> PutGroup(TopicName topic, GroupName group, GroupChange change, CancellationToken cancel = default)
    {
        var ask = Change(HttpMethod.Put, PathOf(topic, group), HttpTransport.JsonBody(writer => GroupJson.WriteChange(writer, change)));
        var answer = await _transport.Send(ask, cancel);
        return HttpTransport.ReadJson(ask, answer, spot => GroupJson.Read(spot, answer.Status == HttpStatusCode.Created));
    }

    public ValueTask<GroupDescription> DescribeGroup(TopicName topic, GroupName group, CancellationToken cancel = default) =>
        _transport.Send(new HttpAsk(HttpMethod.Get, PathOf(topic, group)), spot => GroupJson.Read(spot), cancel);

    public async ValueTask DeleteGroup(TopicName topic, GroupName group, CancellationToken cancel = default) =>
        await _transport.Send(Change(HttpMethod.Delete, PathOf(topic, group)), cancel);

    public ValueTask<Page<GroupName>> ListGroups(TopicName topic, string? after = null, int max = 100, CancellationToken cancel = default) =>
        _transport.Send(
            new HttpAsk(HttpMethod.Get, new Address($"{PathOf(topic)}/groups").With("after", after).With("max", max)),
            spot => ClusterJson.ReadPage(spot, "groups", name => new GroupName(name)), cancel);

    public async ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default)
    {
        // A wait beyond what one request may take is several requests.
        var left = request.Wait;
        while (true)
        {
            var asked = request with { Wait = AtMost(left), RequestId = request.RequestId ?? Guid.NewGuid().ToString("N") };
            var deliveries = await ReceiveOnce(topic, group, asked, cancel);
            left -= asked.Wait;
            if (deliveries.Count > 0 || left <= TimeSpan.Zero)
                return deliveries;
        }
    }

    public ValueTask<IReadOnlyList<SettleResult>> Settle(TopicName topic, GroupName group, Settlement settlement, CancellationToken cancel = default)
    {
        var verb = settlement.Kind switch
        {
            SettlementKind.Acknowledge => "ack",
            SettlementKind.Refuse => "nack",
            SettlementKind.Extend => "extend",
            SettlementKind.Defer => "defer",
            _ => "deadletter",
        };
        return _transport.Send(Post(topic, group, verb, HttpTransport.JsonBody(writer => QueueJson.WriteSettlement(writer, settlement))), QueueJson.ReadResults, cancel);
    }

    public ValueTask<Assignment> Join(TopicName topic, GroupName group, string member, TimeSpan sessionTimeout, CancellationToken cancel = default) =>
        _transport.Send(Post(topic, group, "join", HttpTransport.JsonBody(writer => LogJson.WriteJoin(writer, member, sessionTimeout))), LogJson.ReadAssignment, cancel);

    public async ValueTask Heartbeat(TopicName topic, GroupName group, string member, int generation, CancellationToken cancel = default) =>
        await _transport.Send(Post(topic, group, "heartbeat", HttpTransport.JsonBody(writer => LogJson.WriteHeartbeat(writer, member, generation))), cancel);

    public async ValueTask Leave(TopicName topic, GroupName group, string member, CancellationToken cancel = default) =>
        await _transport.Send(Post(topic, group, "leave", HttpTransport.JsonBody(writer => LogJson.WriteLeave(writer, member))), cancel);

    public async ValueTask Commit(TopicName topic, GroupName group, CommitRequest request, CancellationToken cancel = default) =>
        await _transport.Send(Post(topic, group, "commit", HttpTransport.JsonBody(writer => LogJson.WriteCommit(writer, request))), cancel);

    public async ValueTask Seek(TopicName topic, GroupName group, SeekRequest request, CancellationToken cancel = default) =>
        await _transport.Send(Post(topic, group, "seek", HttpTransport.JsonBody(writer => LogJson.WriteSeek(writer, request))), cancel);

    public async ValueTask<int> Redrive(TopicName topic, GroupName group, DeadLetterSelection selection, Message? replace = null, CancellationToken cancel = default) =>
        (int)await _transport.Send(
            Post(topic, group, "dlq/redrive", HttpTransport.JsonBody(writer => DeadLetterJson.Write(writer, selection, replace))),
            spot => ClusterJson.ReadNumber(spot, "redriven"), cancel);

    public async ValueTask<int> Discard(TopicName topic, GroupName group, DeadLetterSelection selection, CancellationToken cancel = default) =>
        (int)await _transport.Send(
            Post(topic, group, "dlq/discard", HttpTransport.JsonBody(writer => DeadLetterJson.Write(writer, selection))),
            spot => ClusterJson.ReadNumber(spot, "discarded"), cancel);

    public ValueTask<Reconciliation> Reconcile(TopicName topic, GroupName group, ReconcileRequest request, CancellationToken cancel = default) =>
        _transport.Send(
            new HttpAsk(
                HttpMethod.Get,
                new Address($"{PathOf(topic, group)}/unsettled").With("olderThanMs", Durations.Milliseconds(request.OlderThan)).With("max", request.Max).With("after", request.After)
                    .With("causes", request.Causes is null ? null : string.Join(',', request.Causes.Select(Words.UnsettledCause.Write)))),
            ReconcileJson.Read, cancel);

    public async ValueTask<int> Redeliver(TopicName topic, GroupName group, RedeliverRequest request, CancellationToken cancel = default) =>
        (int)await _transport.Send(
            Post(topic, group, "redeliver", HttpTransport.JsonBody(writer => ReconcileJson.WriteRedeliver(writer, request))),
            spot => ClusterJson.ReadNumber(spot, "redelivered"), cancel);

    public ValueTask<SessionState> Session(TopicName topic, GroupName group, SessionRequest request, CancellationToken cancel = default) => _transport.Send(
        request.Set is null
            ? new HttpAsk(HttpMethod.Get, new Address($"{PathOf(topic, group)}/session").With("keyBase64", Convert.ToBase64String(request.Key.Span)))
            : Post(topic, group, "session", HttpTransport.JsonBody(writer => SessionJson.WriteRequest(writer, request))),
        SessionJson.Read, cancel);

    public ValueTask<MessageTrace> Trace(TopicName topic, TraceRequest request, CancellationToken cancel = default)
    {
        request.Validate();
        var address = new Address($"{PathOf(topic)}/trace").With("token", request.Token).With("maxBytes", request.MaxBytes);
        if (request.Position is { } position)
            address = address.With("partition", position.Partition).With("offset", position.Offset);
        return _transport.Send(new HttpAsk(HttpMethod.Get, address), TraceJson.Read, cancel);
    }

    public ValueTask<StageTimes> Stages(TopicName topic, GroupName group, TimeSpan last, CancellationToken cancel = default) =>
        _transport.Send(new HttpAsk(HttpMethod.Get, new Address($"{PathOf(topic, group)}/stages").With("lastMs", Durations.Milliseconds(last))), TraceJson.ReadTimes, cancel);

    public ValueTask<ScheduledMessage> DescribeScheduled(TopicName topic, string id, CancellationToken cancel = default) =>
        _transport.Send(new HttpAsk(HttpMethod.Get, $"{PathOf(topic)}/scheduled/{Uri.EscapeDataString(id)}"), ScheduledJson.Read, cancel);

    public async ValueTask CancelScheduled(TopicName topic, string id, CancellationToken cancel = default) =>
        await _transport.Send(Change(HttpMethod.Delete, $"{PathOf(topic)}/scheduled/{Uri.EscapeDataString(id)}"), cancel);

    public ValueTask<Page<ScheduledMessage>> ListScheduled(TopicName topic, string? after = null, int max = 100, CancellationToken cancel = default) =>
        _transport.Send(new HttpAsk(HttpMethod.Get, new Address($"{PathOf(topic)}/scheduled").With("after", after).With("max", max)), ScheduledJson.ReadPage, cancel);

    public ValueTask<HalfResult> EndHalf(TopicName topic, string id, HalfState decision, bool force = false, CancellationToken cancel = default) =>
        decision is not (HalfState.Committed or HalfState.RolledBack) ? throw new MqException(ErrorCodes.Malformed, "A half message is committed or rolled back.") : _transport.Send(
            Change(HttpMethod.Post, $"{PathOf(topic)}/half/{Uri.EscapeDataString(id)}/{(decision == HalfState.Committed ? "commit" : "rollback")}", HttpTransport.JsonBody(writer => HalfJson.WriteEnd(writer, force))),
            HalfJson.ReadResult, cancel);

    public ValueTask<HalfMessage> DescribeHalf(TopicName topic, string id, CancellationToken cancel = default) =>
        _transport.Send(new HttpAsk(HttpMethod.Get, $"{PathOf(topic)}/half/{Uri.EscapeDataString(id)}"), HalfJson.Read, cancel);

    public ValueTask<Page<HalfMessage>> ListHalf(TopicName topic, string? group = null, string? after = null, int max = 100, CancellationToken cancel = default) =>
        _transport.Send(new HttpAsk(HttpMethod.Get, new Address($"{PathOf(topic)}/half").With("group", group).With("after", after).With("max", max)), HalfJson.ReadPage, cancel);

    public ValueTask<IReadOnlyList<HalfMessage>> CheckHalf(TopicName topic, string group, int max = 100, TimeSpan wait = default, CancellationToken cancel = default) =>
        _transport.Send(
            Change(HttpMethod.Post, $"{PathOf(topic)}/half-checks", HttpTransport.JsonBody(writer => HalfJson.WriteCheck(writer, group, max, AtMost(wait))), wait), HalfJson.ReadChecks, cancel);

    public ValueTask DisposeAsync()
    {
        _transport.Dispose();
        return ValueTask.CompletedTask;
    }

    // A lost answer costs nothing: the same request id gives the same messages.
    private async ValueTask<IReadOnlyList<Delivery>> ReceiveOnce(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var ask = Post(topic, group, "receive", HttpTransport.JsonBody(writer => QueueJson.WriteReceive(writer, request))) with { Wait = request.Wait };
                return await _transport.Send(ask, QueueJson.ReadDeliveries, cancel);
            }
            catch (MqException e) when (e.Code == ErrorCodes.OutcomeUnknown && attempt < _options.ReceiveAttempts)
            {
            }
        }
    }

    private async ValueTask<IReadOnlyList<PartitionRead>> ReadOnce(ReadRequest request, CancellationToken cancel)
    {
        var ask = new HttpAsk(HttpMethod.Post, "/v1/read", HttpTransport.JsonBody(writer => ReadForm.WriteRequest(writer, request)), Wait: request.Wait);
        return HttpTransport.Read(ask, await _transport.Send(ask, cancel), ReadForm.ReadAnswer);
    }

    private static IReadOnlyList<PublishResult>? TryReadResults(HttpAnswer answer)
    {
        try
        {
            return JsonForm.ReadAnswer(answer.Body, PublishJson.TryReadResults);
        }
        catch (MqException)
        {
            return null;
        }
    }

    private static TimeSpan AtMost(TimeSpan wait) => wait < MaxWait ? wait : MaxWait;

    private static HttpAsk Change(HttpMethod method, string path, HttpContent? body = null, TimeSpan wait = default) => new(method, path, body, true, AtMost(wait));

    private static HttpAsk Post(TopicName topic, GroupName group, string verb, HttpContent body) => Change(HttpMethod.Post, $"{PathOf(topic, group)}/{verb}", body);

    // Names hold nothing that an address would have to escape.
    private static string PathOf(TopicName topic) => $"/v1/topics/{topic.Text}";

    private static string PathOf(TopicName topic, GroupName group) => $"{PathOf(topic)}/groups/{group.Text}";

    private static string PathOf(TopicName topic, int partition) => string.Create(CultureInfo.InvariantCulture, $"{PathOf(topic)}/partitions/{partition}");
}

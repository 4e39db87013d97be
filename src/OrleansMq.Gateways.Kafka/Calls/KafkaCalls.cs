using System.Net;
using Microsoft.AspNetCore.Connections;
using OrleansMq.Access;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Calls;

/// <summary>What one connection asks: request in, broker's call, response out. The tables of errors and versions are elsewhere.</summary>
internal sealed partial class KafkaCalls(KafkaDesk desk, ConnectionContext connection, KafkaLogin login, CancellationToken ended)
{
    private delegate T Decode<out T>(ref KafkaReader reader, short version);

    private readonly List<Task> _inWork = [];

    private IBroker Broker => login.Broker;

    private KafkaGatewayOptions Options => desk.Options;

    /// <summary>Requests begun and not done; read from any thread.</summary>
    public int InWork => Volatile.Read(ref _inWorkCount);

    private int _inWorkCount;

    /// <summary>How long nothing more of the client is to be read: it took more than its quotas, whether it waits by itself or not.</summary>
    /// <remarks>A day at most at a time, which is longer than anybody waits and shorter than what a timer can't hold.</remarks>
    public TimeSpan Behind => TimeSpan.FromTicks(Math.Clamp(Interlocked.Read(ref _behindUntil) - Options.Time.GetUtcNow().UtcTicks, 0, TimeSpan.TicksPerDay));

    private long _behindUntil;

    /// <summary>Begins a request. For one that holds up others the wait is in here.</summary>
    /// <returns>The answer; null within it: none is sent.</returns>
    /// <exception cref="MalformedRequestException">It can't be read, or it is not known who asks.</exception>
    public async ValueTask<Task<KafkaWriter?>> Begin(ReadOnlyMemory<byte> frame)
    {
        if (login.TakesMessages)
            return Task.FromResult<KafkaWriter?>(await AnswerMessage(frame));
        if (!RequestHeader.TryRead(frame, out var header, out var body))
            throw new MalformedRequestException("A request's header can't be read.");
        if (!login.Admits(header.Key))
            throw new MalformedRequestException($"{header.Key} was asked, and it is not known by whom, or not any more.");
        var alone = header.Key is not (ApiKey.Produce or ApiKey.Fetch);
        _inWork.RemoveAll(task => task.IsCompleted);
        if (alone && _inWork.Count > 0)
            await Task.WhenAll(_inWork).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        Interlocked.Increment(ref _inWorkCount);
        var work = Answer(header, body);
        if (alone)
            await work.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        else
            _inWork.Add(work);
        return work;
    }

    private async Task<KafkaWriter?> Answer(RequestHeader header, ReadOnlyMemory<byte> body)
    {
        var writer = new KafkaWriter();
        try
        {
            writer.Int32(header.Correlation);
            writer.Flexible = header.HasFlexibleAnswerHeader;
            writer.Tags();
            writer.Flexible = header.IsFlexible;
            var answered = await Route(header, body, writer);
            Charge(FrameLength.Size + RequestHeader.FixedSize + body.Length, writer);
            if (answered)
                return writer;
            writer.Dispose();
            return null;
        }
        catch (Exception e)
        {
            writer.Dispose();
            if (e is MalformedRequestException)
                desk.LogClosed(connection.ConnectionId, connection.RemoteEndPoint?.ToString(), e.Message);
            else if (e is not OperationCanceledException)
                desk.LogFault(connection.ConnectionId, $"{header.Key} {header.Version}", e);
            throw new MalformedRequestException("It was logged.");
        }
        finally
        {
            Interlocked.Decrement(ref _inWorkCount);
        }
    }

    /// <summary>Takes it from the client's quotas. What exceeds them is answered all the same, with the time that the client has to wait: as Kafka does it.</summary>
    private void Charge(int bytesIn, KafkaWriter writer)
    {
        if (login.Principal is not { } who || desk.Options.Security.Access is not { } access)
            return;
        var wait = access.Quotas.Charge(who, bytesIn + FrameLength.Size + writer.Length, requests: 1);
        if (wait == TimeSpan.Zero)
            return;
        writer.SetThrottle((int)Math.Min(Math.Ceiling(wait.TotalMilliseconds), int.MaxValue));
        var until = Options.Time.GetUtcNow().UtcTicks + wait.Ticks;
        for (var now = Interlocked.Read(ref _behindUntil); until > now && Interlocked.CompareExchange(ref _behindUntil, until, now) is var seen && seen != now;)
            now = seen;
    }

    /// <returns>Whether there is an answer.</returns>
    private Task<bool> Route(RequestHeader header, ReadOnlyMemory<byte> body, KafkaWriter writer)
    {
        var version = header.Version;
        if (!Apis.Serves(header.Key, version) && !Apis.OnlyLists(header.Key, version))
        {
            if (header.Key != ApiKey.ApiVersions)
                throw new MalformedRequestException($"Request {(short)header.Key} in version {version} is not served.");
            ApiVersionsResponse.Write(writer, 0, KafkaError.UnsupportedVersion);
            return Answered;
        }
        return header.Key switch
        {
            ApiKey.Produce => Produce(header, Read(header, body, ProduceRequest.Read), writer),
            ApiKey.Fetch => Fetch(version, Read(header, body, FetchRequest.Read), writer),
            ApiKey.ListOffsets => ListOffsets(version, Read(header, body, ListOffsetsRequest.Read), writer),
            ApiKey.Metadata => Metadata(version, Read(header, body, MetadataRequest.Read), writer),
            ApiKey.FindCoordinator => FindCoordinator(version, Read(header, body, FindCoordinatorRequest.Read), writer),
            ApiKey.ApiVersions => Versions(version, Read(header, body, ApiVersionsRequest.Read), writer),
            ApiKey.SaslHandshake => SaslHandshake(version, Read(header, body, SaslHandshakeRequest.Read), writer),
            ApiKey.SaslAuthenticate => SaslAuthenticate(version, Read(header, body, SaslAuthenticateRequest.Read), writer),
            ApiKey.CreateTopics => CreateTopics(version, Read(header, body, CreateTopicsRequest.Read), writer),
            ApiKey.OffsetCommit => OffsetCommit(version, Read(header, body, OffsetCommitRequest.Read), writer),
            ApiKey.OffsetFetch => OffsetFetch(version, Read(header, body, OffsetFetchRequest.Read), writer),
            ApiKey.JoinGroup => JoinGroup(header, Read(header, body, JoinGroupRequest.Read), writer),
            ApiKey.Heartbeat => Heartbeat(version, Read(header, body, HeartbeatRequest.Read), writer),
            ApiKey.LeaveGroup => LeaveGroup(version, Read(header, body, LeaveGroupRequest.Read), writer),
            ApiKey.SyncGroup => SyncGroup(version, Read(header, body, SyncGroupRequest.Read), writer),
            ApiKey.DescribeGroups => DescribeGroups(version, Read(header, body, DescribeGroupsRequest.Read), writer),
            ApiKey.ListGroups => ListGroups(version, Read(header, body, ListGroupsRequest.Read), writer),
            ApiKey.DeleteTopics => DeleteTopics(version, Read(header, body, DeleteTopicsRequest.Read), writer),
            ApiKey.DeleteRecords => DeleteRecords(Read(header, body, DeleteRecordsRequest.Read), writer),
            ApiKey.OffsetForLeaderEpoch => OffsetForLeaderEpoch(version, Read(header, body, OffsetForLeaderEpochRequest.Read), writer),
            ApiKey.DescribeConfigs => DescribeConfigs(version, Read(header, body, DescribeConfigsRequest.Read), writer),
            ApiKey.CreatePartitions => CreatePartitions(Read(header, body, CreatePartitionsRequest.Read), writer),
            ApiKey.DeleteGroups => DeleteGroups(Read(header, body, DeleteGroupsRequest.Read), writer),
            ApiKey.IncrementalAlterConfigs => AlterConfigs(Read(header, body, AlterConfigsRequest.Read), writer),
            ApiKey.ConsumerGroupHeartbeat => ConsumerGroupHeartbeat(header, Read(header, body, ConsumerGroupHeartbeatRequest.Read), writer),
            ApiKey.ConsumerGroupDescribe => ConsumerGroupDescribe(Read(header, body, ConsumerGroupDescribeRequest.Read), writer),
            ApiKey.AddPartitionsToTxn => AddPartitionsToTxn(Read(header, body, AddPartitionsToTxnRequest.Read), writer),
            ApiKey.AddOffsetsToTxn => AddOffsetsToTxn(Read(header, body, AddOffsetsToTxnRequest.Read), writer),
            ApiKey.EndTxn => EndTxn(version, Read(header, body, EndTxnRequest.Read), writer),
            ApiKey.TxnOffsetCommit => TxnOffsetCommit(Read(header, body, TxnOffsetCommitRequest.Read), writer),
            ApiKey.InitProducerId => InitProducerId(Read(header, body, InitProducerIdRequest.Read), writer),
            _ => throw new InvalidOperationException($"{header.Key} is in the table of versions and has no call."),
        };
    }

    private static Task<bool> Answered { get; } = Task.FromResult(true);

    /// <summary>A request is read whole before anything of it is done.</summary>
    private static T Read<T>(RequestHeader header, ReadOnlyMemory<byte> body, Decode<T> decode)
    {
        var reader = new KafkaReader(body, header.IsFlexible);
        var request = decode(ref reader, header.Version);
        return reader.IsWhole ? request : throw new MalformedRequestException($"A request can't be read as {typeof(T).Name} {header.Version}.");
    }

    private static Task<bool> Versions(short version, bool read, KafkaWriter writer)
    {
        ApiVersionsResponse.Write(writer, version, KafkaError.None);
        return Answered;
    }

    private async ValueTask<BrokerMap> Brokers() =>
        BrokerMap.Of(await Broker.DescribeCluster(ended), Options.Node, Options.Advertise ?? desk.Address, Options.Advertise ?? BrokerMap.Advertise(desk.Address, connection.LocalEndPoint as IPEndPoint));

    private async Task<bool> FindCoordinator(short version, FindCoordinatorRequest request, KafkaWriter writer)
    {
        // Every node can answer for every group and transactional id: the broker finds who owns it.
        var self = (await Brokers()).Self;
        var (kind, refusedAs) = request.ForTransaction
            ? (ResourceKind.Producer, KafkaError.TransactionalIdAuthorizationFailed)
            : (ResourceKind.Group, KafkaError.GroupAuthorizationFailed);
        FindCoordinatorResponse.Write(writer, version, await Each(
            request.Keys,
            key =>
            {
                Demand(AccessOperations.Describe, kind, key);
                return ValueTask.FromResult(request.ForTransaction && Broker.Transactions is null
                    ? new FoundCoordinator(key, KafkaError.InvalidRequest, "Transactions are not available here.", null)
                    : new FoundCoordinator(key, KafkaError.None, null, self));
            },
            (key, e) => new FoundCoordinator(key, refusedAs, e.Message, null)));
        return true;
    }

    /// <summary>Rights are asked for by the broker's calls; here only where a request makes none that asks for them.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Forbidden"/>.</exception>
    private void Demand(AccessOperations anyOf, ResourceKind kind, string name) => (Broker as GuardedBroker)?.Demand(anyOf, kind, name);

    private bool May(AccessOperations anyOf, ResourceKind kind, string name) => Broker is not GuardedBroker guarded || guarded.May(anyOf, kind, name);

    /// <summary>Each item's call after the other; what it refuses becomes its result.</summary>
    private static async Task<TResult[]> Each<T, TResult>(IReadOnlyList<T> items, Func<T, ValueTask<TResult>> call, Func<T, MqException, TResult> refused)
    {
        var results = new TResult[items.Count];
        for (var i = 0; i < results.Length; i++)
        {
            try
            {
                results[i] = await call(items[i]);
            }
            catch (MqException e)
            {
                results[i] = refused(items[i], e);
            }
        }
        return results;
    }
}

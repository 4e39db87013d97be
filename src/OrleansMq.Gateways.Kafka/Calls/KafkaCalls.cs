using System.Net;
using Microsoft.AspNetCore.Connections;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Calls;

/// <summary>What one connection asks: request in, broker's call, response out. The tables of errors and versions are elsewhere.</summary>
internal sealed partial class KafkaCalls(KafkaDesk desk, ConnectionContext connection, CancellationToken ended)
{
    private delegate T Decode<out T>(ref KafkaReader reader, short version);

    private readonly List<Task> _inWork = [];

    private IBroker Broker => desk.Broker;

    private KafkaGatewayOptions Options => desk.Options;

    /// <summary>Requests begun and not done; read from any thread.</summary>
    public int InWork => Volatile.Read(ref _inWorkCount);

    private int _inWorkCount;

    /// <summary>Begins a request. For one that holds up others the wait is in here.</summary>
    /// <returns>The answer; null within it: none is sent.</returns>
    /// <exception cref="MalformedRequestException">It can't be read.</exception>
    public async ValueTask<Task<KafkaWriter?>> Begin(ReadOnlyMemory<byte> frame)
    {
        if (!RequestHeader.TryRead(frame, out var header, out var body))
            throw new MalformedRequestException("A request's header can't be read.");
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
            if (await Route(header, body, writer))
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
            ApiKey.AddPartitionsToTxn => AddPartitionsToTxn(Read(header, body, AddPartitionsToTxnRequest.Read), writer),
            ApiKey.AddOffsetsToTxn => AddOffsetsToTxn(Read(header, body, AddOffsetsToTxnRequest.Read), writer),
            ApiKey.EndTxn => EndTxn(Read(header, body, EndTxnRequest.Read), writer),
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
        BrokerMap.Of(await Broker.DescribeCluster(ended), desk.Address, Options.Advertise ?? BrokerMap.Advertise(desk.Address, connection.LocalEndPoint as IPEndPoint));

    private async Task<bool> FindCoordinator(short version, FindCoordinatorRequest request, KafkaWriter writer)
    {
        // Every node can answer for every group and transactional id: the broker finds who owns it.
        var self = (await Brokers()).Self;
        var refused = request.ForTransaction && Broker.Transactions is null;
        FindCoordinatorResponse.Write(writer, version, [.. request.Keys.Select(key => refused
            ? new FoundCoordinator(key, KafkaError.InvalidRequest, "Transactions are not available here.", null)
            : new FoundCoordinator(key, KafkaError.None, null, self))]);
        return true;
    }

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

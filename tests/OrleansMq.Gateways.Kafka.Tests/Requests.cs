using OrleansMq.Gateways.Kafka.Protocol;
using OrleansMq.Records;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>Sound requests of each kind, and the decoder that the gateway has for it.</summary>
internal static class Requests
{
    private delegate T Decode<out T>(ref KafkaReader reader, short version);

    public sealed record Sample(ApiKey Key, short Version, byte[] Body)
    {
        public override string ToString() => $"{Key} {Version}";

        /// <summary>As on the wire, without the length.</summary>
        public byte[] Frame(int correlation = 7)
        {
            using var writer = new KafkaWriter();
            writer.Int16((short)Key);
            writer.Int16(Version);
            writer.Int32(correlation);
            writer.String("test");
            writer.Flexible = Apis.IsFlexible(Key, Version);
            writer.Tags();
            return [.. Bytes(writer), .. Body];
        }
    }

    /// <summary>Each kind in its last version of the old form, and in its last.</summary>
    public static IReadOnlyList<Sample> All { get; } = [.. Writers.SelectMany(kind => Versions(kind.Key).Select(version => Of(kind.Key, version, kind.Value)))];

    /// <summary>The last version of a kind.</summary>
    public static Sample Last(ApiKey key) => All.Last(sample => sample.Key == key);

    private static IEnumerable<short> Versions(ApiKey key)
    {
        var api = Apis.All.Single(served => served.Key == key);
        return new[] { (short)Math.Clamp(api.Flexible - 1, api.Accepted, api.Max), api.Max }.Distinct();
    }

    private static Dictionary<ApiKey, Action<KafkaWriter, short>> Writers => new()
    {
        [ApiKey.Produce] = (w, _) =>
        {
            w.NullableString(null); w.Int16(-1); w.Int32(1000); w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Bytes(Batch()); w.Tags(); w.Tags(); w.Tags();
        },
        [ApiKey.Fetch] = (w, v) =>
        {
            w.Int32(-1); w.Int32(0); w.Int32(1); w.Int32(1 << 20); w.Byte(0); w.Int32(0); w.Int32(-1);
            w.Count(1);
            if (v >= 13)
                w.Id(Guid.NewGuid());
            else
                w.String("t");
            w.Count(1); w.Int32(0); w.Int32(-1); w.Int64(0);
            if (v >= 12)
                w.Int32(-1);
            w.Int64(-1); w.Int32(1 << 20); w.Tags(); w.Tags();
            w.Count(1);
            if (v >= 13)
                w.Id(Guid.NewGuid());
            else
                w.String("u");
            w.Int32Array([1]); w.Tags(); w.String(""); w.Tags();
        },
        [ApiKey.ListOffsets] = (w, _) => { w.Int32(-1); w.Byte(0); w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Int32(-1); w.Int64(-1); w.Tags(); w.Tags(); w.Tags(); },
        [ApiKey.Metadata] = (w, v) =>
        {
            w.Count(1);
            if (v >= 10)
                w.Id(Guid.Empty);
            w.String("t"); w.Tags(); w.Bool(false); w.Bool(false);
            if (v <= 10)
                w.Bool(false);
            w.Tags();
        },
        [ApiKey.OffsetCommit] = (w, _) =>
        {
            w.String("g"); w.Int32(-1); w.String(""); w.NullableString(null); w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Int64(0); w.Int32(-1); w.NullableString("note"); w.Tags(); w.Tags(); w.Tags();
        },
        [ApiKey.OffsetFetch] = (w, v) =>
        {
            if (v >= 8)
                w.Count(1);
            w.String("g");
            if (v >= 9)
            {
                w.NullableString("m"); w.Int32(1);
            }
            w.Count(1); w.String("t"); w.Int32Array([0]); w.Tags();
            if (v >= 8)
                w.Tags();
            if (v >= 7)
                w.Bool(true);
            w.Tags();
        },
        [ApiKey.FindCoordinator] = (w, v) =>
        {
            if (v < 4)
                w.String("g");
            w.Byte(0);
            if (v >= 4)
            {
                w.Count(1); w.String("g");
            }
            w.Tags();
        },
        [ApiKey.JoinGroup] = (w, _) =>
        {
            w.String("g"); w.Int32(10_000); w.Int32(10_000); w.String(""); w.NullableString(null); w.String("consumer"); w.Count(1); w.String("range"); w.Bytes([0, 0, 0, 0]); w.Tags(); w.Tags();
        },
        [ApiKey.Heartbeat] = (w, _) => { w.String("g"); w.Int32(1); w.String("m"); w.NullableString("i"); w.Tags(); },
        [ApiKey.LeaveGroup] = (w, _) => { w.String("g"); w.Count(1); w.String("m"); w.NullableString(null); w.Tags(); w.Tags(); },
        [ApiKey.SyncGroup] = (w, _) => { w.String("g"); w.Int32(1); w.String("m"); w.NullableString(null); w.Count(1); w.String("m"); w.Bytes([1, 2]); w.Tags(); w.Tags(); },
        [ApiKey.DescribeGroups] = (w, _) => { w.Count(1); w.String("g"); w.Bool(false); w.Tags(); },
        [ApiKey.ListGroups] = (w, v) =>
        {
            if (v >= 4)
            {
                w.Count(1); w.String("Stable");
            }
            if (v >= 5)
            {
                w.Count(1); w.String("consumer");
            }
            w.Tags();
        },
        [ApiKey.ApiVersions] = (w, v) =>
        {
            if (v >= 3)
            {
                w.String("a"); w.String("1");
            }
            w.Tags();
        },
        [ApiKey.SaslHandshake] = (w, _) => w.String("SCRAM-SHA-512"),
        [ApiKey.SaslAuthenticate] = (w, _) => { w.Bytes("n,,n=anna,r=abc"u8); w.Tags(); },
        [ApiKey.CreateTopics] = (w, _) =>
        {
            w.Count(1); w.String("n"); w.Int32(-1); w.Int16(-1); w.Count(1); w.Int32(0); w.Int32Array([1]); w.Tags(); w.Count(1); w.String("retention.ms"); w.NullableString("1"); w.Tags(); w.Tags(); w.Int32(1); w.Bool(true); w.Tags();
        },
        [ApiKey.DeleteTopics] = (w, v) =>
        {
            w.Count(1); w.String("none");
            if (v >= 6)
            {
                w.Id(Guid.Empty); w.Tags();
            }
            w.Int32(1); w.Tags();
        },
        [ApiKey.DeleteRecords] = (w, _) => { w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Int64(0); w.Tags(); w.Tags(); w.Int32(1); w.Tags(); },
        [ApiKey.InitProducerId] = (w, v) =>
        {
            w.NullableString(null); w.Int32(1);
            if (v >= 3)
            {
                w.Int64(-1); w.Int16(-1);
            }
            w.Tags();
        },
        [ApiKey.OffsetForLeaderEpoch] = (w, _) => { w.Int32(-1); w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Int32(-1); w.Int32(1); w.Tags(); w.Tags(); w.Tags(); },
        [ApiKey.AddPartitionsToTxn] = (w, _) => { w.String("id"); w.Int64(1); w.Int16(0); w.Count(1); w.String("t"); w.Int32Array([0]); w.Tags(); w.Tags(); },
        [ApiKey.AddOffsetsToTxn] = (w, _) => { w.String("id"); w.Int64(1); w.Int16(0); w.String("g"); w.Tags(); },
        [ApiKey.EndTxn] = (w, _) => { w.String("id"); w.Int64(1); w.Int16(0); w.Bool(true); w.Tags(); },
        [ApiKey.TxnOffsetCommit] = (w, v) =>
        {
            w.String("id"); w.String("g"); w.Int64(1); w.Int16(0);
            if (v >= 3)
            {
                w.Int32(1); w.String("m"); w.NullableString(null);
            }
            w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Int64(0); w.Int32(-1); w.NullableString("note"); w.Tags(); w.Tags(); w.Tags();
        },
        [ApiKey.DescribeConfigs] = (w, _) => { w.Count(1); w.Byte(2); w.String("t"); w.Count(-1); w.Tags(); w.Bool(true); w.Bool(false); w.Tags(); },
        [ApiKey.CreatePartitions] = (w, _) => { w.Count(1); w.String("t"); w.Int32(2); w.Count(-1); w.Tags(); w.Int32(1); w.Bool(false); w.Tags(); },
        [ApiKey.DeleteGroups] = (w, _) => { w.Count(1); w.String("none"); w.Tags(); },
        [ApiKey.IncrementalAlterConfigs] = (w, _) => { w.Count(1); w.Byte(2); w.String("t"); w.Count(1); w.String("retention.ms"); w.Byte(0); w.NullableString("60000"); w.Tags(); w.Tags(); w.Bool(true); w.Tags(); },
        [ApiKey.ConsumerGroupHeartbeat] = (w, v) =>
        {
            w.String("g"); w.String("m"); w.Int32(1); w.NullableString("i"); w.NullableString("rack"); w.Int32(1000); w.Count(1); w.String("t");
            if (v >= 1)
                w.NullableString("t.*");
            w.NullableString("uniform"); w.Count(1); w.Id(Guid.NewGuid()); w.Int32Array([0]); w.Tags(); w.Tags();
        },
        [ApiKey.ConsumerGroupDescribe] = (w, _) => { w.Count(1); w.String("g"); w.Bool(false); w.Tags(); },
    };

    public static byte[] Batch()
    {
        var builder = new RecordBatchBuilder(256);
        builder.Append(1_000, "key"u8, true, "value"u8, true);
        return builder.ToArray();
    }

    /// <returns>Whether the body is a whole request.</returns>
    public static bool IsWhole(ApiKey key, short version, ReadOnlyMemory<byte> body) => key switch
    {
        ApiKey.Produce => Whole(key, body, version, ProduceRequest.Read),
        ApiKey.Fetch => Whole(key, body, version, FetchRequest.Read),
        ApiKey.ListOffsets => Whole(key, body, version, ListOffsetsRequest.Read),
        ApiKey.Metadata => Whole(key, body, version, MetadataRequest.Read),
        ApiKey.OffsetCommit => Whole(key, body, version, OffsetCommitRequest.Read),
        ApiKey.OffsetFetch => Whole(key, body, version, OffsetFetchRequest.Read),
        ApiKey.FindCoordinator => Whole(key, body, version, FindCoordinatorRequest.Read),
        ApiKey.JoinGroup => Whole(key, body, version, JoinGroupRequest.Read),
        ApiKey.Heartbeat => Whole(key, body, version, HeartbeatRequest.Read),
        ApiKey.LeaveGroup => Whole(key, body, version, LeaveGroupRequest.Read),
        ApiKey.SyncGroup => Whole(key, body, version, SyncGroupRequest.Read),
        ApiKey.DescribeGroups => Whole(key, body, version, DescribeGroupsRequest.Read),
        ApiKey.ListGroups => Whole(key, body, version, ListGroupsRequest.Read),
        ApiKey.ApiVersions => Whole(key, body, version, ApiVersionsRequest.Read),
        ApiKey.SaslHandshake => Whole(key, body, version, SaslHandshakeRequest.Read),
        ApiKey.SaslAuthenticate => Whole(key, body, version, SaslAuthenticateRequest.Read),
        ApiKey.CreateTopics => Whole(key, body, version, CreateTopicsRequest.Read),
        ApiKey.DeleteTopics => Whole(key, body, version, DeleteTopicsRequest.Read),
        ApiKey.DeleteRecords => Whole(key, body, version, DeleteRecordsRequest.Read),
        ApiKey.InitProducerId => Whole(key, body, version, InitProducerIdRequest.Read),
        ApiKey.OffsetForLeaderEpoch => Whole(key, body, version, OffsetForLeaderEpochRequest.Read),
        ApiKey.AddPartitionsToTxn => Whole(key, body, version, AddPartitionsToTxnRequest.Read),
        ApiKey.AddOffsetsToTxn => Whole(key, body, version, AddOffsetsToTxnRequest.Read),
        ApiKey.EndTxn => Whole(key, body, version, EndTxnRequest.Read),
        ApiKey.TxnOffsetCommit => Whole(key, body, version, TxnOffsetCommitRequest.Read),
        ApiKey.DescribeConfigs => Whole(key, body, version, DescribeConfigsRequest.Read),
        ApiKey.CreatePartitions => Whole(key, body, version, CreatePartitionsRequest.Read),
        ApiKey.DeleteGroups => Whole(key, body, version, DeleteGroupsRequest.Read),
        ApiKey.IncrementalAlterConfigs => Whole(key, body, version, AlterConfigsRequest.Read),
        ApiKey.ConsumerGroupHeartbeat => Whole(key, body, version, ConsumerGroupHeartbeatRequest.Read),
        ApiKey.ConsumerGroupDescribe => Whole(key, body, version, ConsumerGroupDescribeRequest.Read),
        _ => throw new ArgumentOutOfRangeException(nameof(key), key, "A kind without a decoder."),
    };

    private static bool Whole<T>(ApiKey key, ReadOnlyMemory<byte> body, short version, Decode<T> decode)
    {
        var reader = new KafkaReader(body, Apis.IsFlexible(key, version));
        decode(ref reader, version);
        return reader.IsWhole;
    }

    private static Sample Of(ApiKey key, short version, Action<KafkaWriter, short> write)
    {
        using var writer = new KafkaWriter { Flexible = Apis.IsFlexible(key, version) };
        write(writer, version);
        return new Sample(key, version, Bytes(writer));
    }

    public static byte[] Bytes(KafkaWriter writer) => [.. writer.Pieces().SelectMany(piece => piece.ToArray())];
}

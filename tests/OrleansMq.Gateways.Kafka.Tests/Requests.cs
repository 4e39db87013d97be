using OrleansMq.Gateways.Kafka.Protocol;
using OrleansMq.Records;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>One sound request of each kind, and the decoder that the gateway has for it.</summary>
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
            if (Key == ApiKey.ApiVersions && Version >= 3)
                writer.UVarint(0);
            return [.. Bytes(writer), .. Body];
        }
    }

    public static IReadOnlyList<Sample> All { get; } =
    [
        Of(ApiKey.Produce, 8, w => { w.NullableString(null); w.Int16(-1); w.Int32(1000); w.Int32(1); w.String("t"); w.Int32(1); w.Int32(0); w.Bytes(Batch()); }),
        Of(ApiKey.Fetch, 11, w =>
        {
            w.Int32(-1); w.Int32(0); w.Int32(1); w.Int32(1 << 20); w.Byte(0); w.Int32(0); w.Int32(-1);
            w.Int32(1); w.String("t"); w.Int32(1); w.Int32(0); w.Int32(-1); w.Int64(0); w.Int64(-1); w.Int32(1 << 20);
            w.Int32(1); w.String("u"); w.Int32Array([1]); w.String("");
        }),
        Of(ApiKey.ListOffsets, 5, w => { w.Int32(-1); w.Byte(0); w.Int32(1); w.String("t"); w.Int32(1); w.Int32(0); w.Int32(-1); w.Int64(-1); }),
        Of(ApiKey.Metadata, 8, w => { w.Int32(1); w.String("t"); w.Bool(false); w.Bool(false); w.Bool(false); }),
        Of(ApiKey.OffsetCommit, 7, w => { w.String("g"); w.Int32(-1); w.String(""); w.NullableString(null); w.Int32(1); w.String("t"); w.Int32(1); w.Int32(0); w.Int64(0); w.Int32(-1); w.NullableString("note"); }),
        Of(ApiKey.OffsetFetch, 5, w => { w.String("g"); w.Int32(1); w.String("t"); w.Int32Array([0]); }),
        Of(ApiKey.FindCoordinator, 2, w => { w.String("g"); w.Byte(0); }),
        Of(ApiKey.JoinGroup, 5, w => { w.String("g"); w.Int32(10_000); w.Int32(10_000); w.String(""); w.NullableString(null); w.String("consumer"); w.Int32(1); w.String("range"); w.Bytes([0, 0, 0, 0]); }),
        Of(ApiKey.Heartbeat, 3, w => { w.String("g"); w.Int32(1); w.String("m"); w.NullableString("i"); }),
        Of(ApiKey.LeaveGroup, 3, w => { w.String("g"); w.Int32(1); w.String("m"); w.NullableString(null); }),
        Of(ApiKey.SyncGroup, 3, w => { w.String("g"); w.Int32(1); w.String("m"); w.NullableString(null); w.Int32(1); w.String("m"); w.Bytes([1, 2]); }),
        Of(ApiKey.DescribeGroups, 4, w => { w.Int32(1); w.String("g"); w.Bool(false); }),
        Of(ApiKey.ListGroups, 2, _ => { }),
        Of(ApiKey.ApiVersions, 3, w => { w.UVarint(2); w.Byte((byte)'a'); w.UVarint(2); w.Byte((byte)'1'); w.UVarint(0); }),
        Of(ApiKey.CreateTopics, 4, w => { w.Int32(1); w.String("n"); w.Int32(-1); w.Int16(-1); w.Int32(1); w.Int32(0); w.Int32Array([1]); w.Int32(1); w.String("retention.ms"); w.NullableString("1"); w.Int32(1); w.Bool(true); }),
        Of(ApiKey.DeleteTopics, 3, w => { w.Int32(1); w.String("none"); w.Int32(1); }),
        Of(ApiKey.DeleteRecords, 1, w => { w.Int32(1); w.String("t"); w.Int32(1); w.Int32(0); w.Int64(0); w.Int32(1); }),
        Of(ApiKey.InitProducerId, 1, w => { w.NullableString(null); w.Int32(1); }),
        Of(ApiKey.OffsetForLeaderEpoch, 3, w => { w.Int32(-1); w.Int32(1); w.String("t"); w.Int32(1); w.Int32(0); w.Int32(-1); w.Int32(1); }),
        Of(ApiKey.DescribeConfigs, 3, w => { w.Int32(1); w.Byte(2); w.String("t"); w.Int32(-1); w.Bool(true); w.Bool(false); }),
        Of(ApiKey.CreatePartitions, 1, w => { w.Int32(1); w.String("t"); w.Int32(2); w.Int32(-1); w.Int32(1); w.Bool(false); }),
        Of(ApiKey.DeleteGroups, 1, w => { w.Int32(1); w.String("none"); }),
        Of(ApiKey.IncrementalAlterConfigs, 0, w => { w.Int32(1); w.Byte(2); w.String("t"); w.Int32(1); w.String("retention.ms"); w.Byte(0); w.NullableString("60000"); w.Bool(true); }),
    ];

    public static byte[] Batch()
    {
        var builder = new RecordBatchBuilder(256);
        builder.Append(1_000, "key"u8, true, "value"u8, true);
        return builder.ToArray();
    }

    /// <returns>Whether the body is a whole request.</returns>
    public static bool IsWhole(ApiKey key, short version, ReadOnlyMemory<byte> body) => key switch
    {
        ApiKey.Produce => Whole(body, version, ProduceRequest.Read),
        ApiKey.Fetch => Whole(body, version, FetchRequest.Read),
        ApiKey.ListOffsets => Whole(body, version, ListOffsetsRequest.Read),
        ApiKey.Metadata => Whole(body, version, MetadataRequest.Read),
        ApiKey.OffsetCommit => Whole(body, version, OffsetCommitRequest.Read),
        ApiKey.OffsetFetch => Whole(body, version, OffsetFetchRequest.Read),
        ApiKey.FindCoordinator => Whole(body, version, FindCoordinatorRequest.Read),
        ApiKey.JoinGroup => Whole(body, version, JoinGroupRequest.Read),
        ApiKey.Heartbeat => Whole(body, version, HeartbeatRequest.Read),
        ApiKey.LeaveGroup => Whole(body, version, LeaveGroupRequest.Read),
        ApiKey.SyncGroup => Whole(body, version, SyncGroupRequest.Read),
        ApiKey.DescribeGroups => Whole(body, version, DescribeGroupsRequest.Read),
        ApiKey.ListGroups => Whole(body, version, ListGroupsRequest.Read),
        ApiKey.ApiVersions => Whole(body, version, ApiVersionsRequest.Read),
        ApiKey.CreateTopics => Whole(body, version, CreateTopicsRequest.Read),
        ApiKey.DeleteTopics => Whole(body, version, DeleteTopicsRequest.Read),
        ApiKey.DeleteRecords => Whole(body, version, DeleteRecordsRequest.Read),
        ApiKey.InitProducerId => Whole(body, version, InitProducerIdRequest.Read),
        ApiKey.OffsetForLeaderEpoch => Whole(body, version, OffsetForLeaderEpochRequest.Read),
        ApiKey.DescribeConfigs => Whole(body, version, DescribeConfigsRequest.Read),
        ApiKey.CreatePartitions => Whole(body, version, CreatePartitionsRequest.Read),
        ApiKey.DeleteGroups => Whole(body, version, DeleteGroupsRequest.Read),
        ApiKey.IncrementalAlterConfigs => Whole(body, version, AlterConfigsRequest.Read),
        _ => throw new ArgumentOutOfRangeException(nameof(key), key, "A kind without a decoder."),
    };

    private static bool Whole<T>(ReadOnlyMemory<byte> body, short version, Decode<T> decode)
    {
        var reader = new KafkaReader(body);
        decode(ref reader, version);
        return reader.IsWhole;
    }

    private static Sample Of(ApiKey key, short version, Action<KafkaWriter> write)
    {
        using var writer = new KafkaWriter();
        write(writer);
        return new Sample(key, version, Bytes(writer));
    }

    private static byte[] Bytes(KafkaWriter writer) => [.. writer.Pieces().SelectMany(piece => piece.ToArray())];
}

namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>Kafka's request kinds that are served; the numbers are Kafka's.</summary>
internal enum ApiKey : short
{
    Produce = 0,
    Fetch = 1,
    ListOffsets = 2,
    Metadata = 3,
    OffsetCommit = 8,
    OffsetFetch = 9,
    FindCoordinator = 10,
    JoinGroup = 11,
    Heartbeat = 12,
    LeaveGroup = 13,
    SyncGroup = 14,
    DescribeGroups = 15,
    ListGroups = 16,
    SaslHandshake = 17,
    ApiVersions = 18,
    CreateTopics = 19,
    DeleteTopics = 20,
    DeleteRecords = 21,
    InitProducerId = 22,
    OffsetForLeaderEpoch = 23,
    AddPartitionsToTxn = 24,
    AddOffsetsToTxn = 25,
    EndTxn = 26,
    TxnOffsetCommit = 28,
    DescribeConfigs = 32,
    SaslAuthenticate = 36,
    CreatePartitions = 37,
    DeleteGroups = 42,
    IncrementalAlterConfigs = 44,
    ConsumerGroupHeartbeat = 68,
    ConsumerGroupDescribe = 69,
}

/// <summary>A kind and the versions of it that are advertised.</summary>
/// <param name="Accepted">The lowest that is served; what is below it, though advertised, is answered with "unsupported version".</param>
/// <param name="Flexible">The first version with compact lengths and tagged fields.</param>
internal readonly record struct ApiRange(ApiKey Key, short Min, short Max, short Accepted, short Flexible);

/// <summary>What is served, in which versions.</summary>
internal static class Apis
{
    public static IReadOnlyList<ApiRange> All { get; } =
    [
        // librdkafka compresses only for a broker that lists Produce 0.
        new(ApiKey.Produce, 0, 9, 3, 9),
        new(ApiKey.Fetch, 4, 13, 4, 12),
        new(ApiKey.ListOffsets, 1, 6, 1, 6),
        new(ApiKey.Metadata, 0, 12, 0, 9),
        new(ApiKey.OffsetCommit, 2, 9, 2, 8),
        new(ApiKey.OffsetFetch, 1, 9, 1, 6),
        new(ApiKey.FindCoordinator, 0, 4, 0, 3),
        new(ApiKey.JoinGroup, 0, 6, 0, 6),
        new(ApiKey.Heartbeat, 0, 4, 0, 4),
        new(ApiKey.LeaveGroup, 0, 4, 0, 4),
        new(ApiKey.SyncGroup, 0, 4, 0, 4),
        new(ApiKey.DescribeGroups, 0, 5, 0, 5),
        new(ApiKey.ListGroups, 0, 5, 0, 3),
        // No version of it has tagged fields.
        new(ApiKey.SaslHandshake, 0, 1, 0, 2),
        new(ApiKey.ApiVersions, 0, 3, 0, 3),
        new(ApiKey.CreateTopics, 0, 7, 0, 5),
        new(ApiKey.DeleteTopics, 0, 6, 0, 4),
        new(ApiKey.DeleteRecords, 0, 2, 0, 2),
        new(ApiKey.InitProducerId, 0, 4, 0, 2),
        new(ApiKey.OffsetForLeaderEpoch, 0, 4, 0, 4),
        new(ApiKey.AddPartitionsToTxn, 0, 3, 0, 3),
        new(ApiKey.AddOffsetsToTxn, 0, 3, 0, 3),
        new(ApiKey.EndTxn, 0, 5, 0, 3),
        new(ApiKey.TxnOffsetCommit, 0, 3, 0, 3),
        new(ApiKey.DescribeConfigs, 0, 4, 0, 4),
        new(ApiKey.SaslAuthenticate, 0, 2, 0, 2),
        new(ApiKey.CreatePartitions, 0, 3, 0, 2),
        new(ApiKey.DeleteGroups, 0, 2, 0, 2),
        new(ApiKey.IncrementalAlterConfigs, 0, 1, 0, 1),
        new(ApiKey.ConsumerGroupHeartbeat, 0, 1, 0, 0),
        new(ApiKey.ConsumerGroupDescribe, 0, 0, 0, 0),
    ];

    private static readonly Dictionary<ApiKey, ApiRange> ByKey = All.ToDictionary(api => api.Key);

    public static bool Serves(ApiKey key, short version) =>
        ByKey.TryGetValue(key, out var range) && version >= range.Accepted && version <= range.Max;

    /// <summary>False also for what is not served: its form is not known.</summary>
    public static bool IsFlexible(ApiKey key, short version) => Serves(key, version) && version >= ByKey[key].Flexible;

    /// <summary>Listed, but below what is served.</summary>
    public static bool OnlyLists(ApiKey key, short version) =>
        ByKey.TryGetValue(key, out var range) && version >= range.Min && version < range.Accepted;
}

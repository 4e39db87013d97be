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
    ApiVersions = 18,
    CreateTopics = 19,
    DeleteTopics = 20,
    DeleteRecords = 21,
    InitProducerId = 22,
    OffsetForLeaderEpoch = 23,
    DescribeConfigs = 32,
    CreatePartitions = 37,
    DeleteGroups = 42,
    IncrementalAlterConfigs = 44,
}

/// <summary>A kind and the versions of it that are advertised.</summary>
/// <param name="Accepted">The lowest that is served; what is below it, though advertised, is answered with "unsupported version".</param>
internal readonly record struct ApiRange(ApiKey Key, short Min, short Max, short Accepted);

/// <summary>What is served, in which versions: each up to its last without tagged fields, ApiVersions excepted.</summary>
internal static class Apis
{
    public static IReadOnlyList<ApiRange> All { get; } =
    [
        // librdkafka compresses only for a broker that lists Produce 0.
        new(ApiKey.Produce, 0, 8, 3),
        new(ApiKey.Fetch, 4, 11, 4),
        new(ApiKey.ListOffsets, 1, 5, 1),
        new(ApiKey.Metadata, 0, 8, 0),
        new(ApiKey.OffsetCommit, 2, 7, 2),
        new(ApiKey.OffsetFetch, 1, 5, 1),
        new(ApiKey.FindCoordinator, 0, 2, 0),
        new(ApiKey.JoinGroup, 0, 5, 0),
        new(ApiKey.Heartbeat, 0, 3, 0),
        new(ApiKey.LeaveGroup, 0, 3, 0),
        new(ApiKey.SyncGroup, 0, 3, 0),
        new(ApiKey.DescribeGroups, 0, 4, 0),
        new(ApiKey.ListGroups, 0, 2, 0),
        new(ApiKey.ApiVersions, 0, 3, 0),
        new(ApiKey.CreateTopics, 0, 4, 0),
        new(ApiKey.DeleteTopics, 0, 3, 0),
        new(ApiKey.DeleteRecords, 0, 1, 0),
        new(ApiKey.InitProducerId, 0, 1, 0),
        new(ApiKey.OffsetForLeaderEpoch, 0, 3, 0),
        new(ApiKey.DescribeConfigs, 0, 3, 0),
        new(ApiKey.CreatePartitions, 0, 1, 0),
        new(ApiKey.DeleteGroups, 0, 1, 0),
        new(ApiKey.IncrementalAlterConfigs, 0, 0, 0),
    ];

    private static readonly Dictionary<ApiKey, ApiRange> ByKey = All.ToDictionary(api => api.Key);

    public static bool Serves(ApiKey key, short version) =>
        ByKey.TryGetValue(key, out var range) && version >= range.Accepted && version <= range.Max;

    /// <summary>Listed, but below what is served.</summary>
    public static bool OnlyLists(ApiKey key, short version) =>
        ByKey.TryGetValue(key, out var range) && version >= range.Min && version < range.Accepted;
}

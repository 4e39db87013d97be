namespace OrleansMq.Client.Wire;

[GenerateSerializer, Alias("OrleansMq.ChangeSurrogate`1")]
internal readonly record struct ChangeSurrogate<T>(ChangeKind Kind, T? Value);

[RegisterConverter]
internal sealed class ChangeConverter<T> : IConverter<Change<T>, ChangeSurrogate<T>>
{
    public Change<T> ConvertFromSurrogate(in ChangeSurrogate<T> surrogate) => surrogate.Kind switch
    {
        ChangeKind.Keep => Change<T>.Keep,
        ChangeKind.Default => Change<T>.Default,
        _ => Change<T>.To(surrogate.Value!),
    };

    public ChangeSurrogate<T> ConvertToSurrogate(in Change<T> value) => new(value.Kind, value.Value);
}

[GenerateSerializer, Alias("OrleansMq.TopicSettingsSurrogate")]
internal readonly record struct TopicSettingsSurrogate(
    int Partitions, Acks? Acks, bool KeepUnsettled, TimeSpan Retention, long? RetentionBytes, long? MaxMessages, long? MaxBytes, WhenFull WhenFull, long? Admit,
    double? RatePerSecond, double? ProducerRatePerSecond, int MaxMessageBytes, int MaxBatchBytes, int TokenCount, TimeSpan TokenAge, TimeSpan? TimeToLive, bool Compact,
    double? CompactDirtyRatio, TimeSpan? CompactMinAge, TimeSpan? TombstoneAge);

[RegisterConverter]
internal sealed class TopicSettingsConverter : IConverter<TopicSettings, TopicSettingsSurrogate>
{
    public TopicSettings ConvertFromSurrogate(in TopicSettingsSurrogate surrogate) => new()
    {
        Partitions = surrogate.Partitions,
        Acks = surrogate.Acks,
        KeepUnsettled = surrogate.KeepUnsettled,
        Retention = surrogate.Retention,
        RetentionBytes = surrogate.RetentionBytes,
        MaxMessages = surrogate.MaxMessages,
        MaxBytes = surrogate.MaxBytes,
        WhenFull = surrogate.WhenFull,
        Admit = surrogate.Admit,
        RatePerSecond = surrogate.RatePerSecond,
        ProducerRatePerSecond = surrogate.ProducerRatePerSecond,
        MaxMessageBytes = surrogate.MaxMessageBytes,
        MaxBatchBytes = surrogate.MaxBatchBytes,
        TokenCount = surrogate.TokenCount,
        TokenAge = surrogate.TokenAge,
        TimeToLive = surrogate.TimeToLive,
        Compact = surrogate.Compact,
        CompactDirtyRatio = surrogate.CompactDirtyRatio,
        CompactMinAge = surrogate.CompactMinAge,
        TombstoneAge = surrogate.TombstoneAge,
    };

    public TopicSettingsSurrogate ConvertToSurrogate(in TopicSettings value) => new(
        value.Partitions, value.Acks, value.KeepUnsettled, value.Retention, value.RetentionBytes, value.MaxMessages, value.MaxBytes, value.WhenFull, value.Admit,
        value.RatePerSecond, value.ProducerRatePerSecond, value.MaxMessageBytes, value.MaxBatchBytes, value.TokenCount, value.TokenAge, value.TimeToLive, value.Compact,
        value.CompactDirtyRatio, value.CompactMinAge, value.TombstoneAge);
}

[GenerateSerializer, Alias("OrleansMq.TopicChangeSurrogate")]
internal readonly record struct TopicChangeSurrogate(
    Change<int> Partitions, Change<Acks?> Acks, Change<bool> KeepUnsettled, Change<TimeSpan> Retention, Change<long?> RetentionBytes, Change<long?> MaxMessages,
    Change<long?> MaxBytes, Change<WhenFull> WhenFull, Change<long?> Admit, Change<double?> RatePerSecond, Change<double?> ProducerRatePerSecond, Change<int> MaxMessageBytes,
    Change<int> MaxBatchBytes, Change<int> TokenCount, Change<TimeSpan> TokenAge, Change<TimeSpan?> TimeToLive, Change<bool> Compact,
    Change<double?> CompactDirtyRatio, Change<TimeSpan?> CompactMinAge, Change<TimeSpan?> TombstoneAge);

[RegisterConverter]
internal sealed class TopicChangeConverter : IConverter<TopicChange, TopicChangeSurrogate>
{
    public TopicChange ConvertFromSurrogate(in TopicChangeSurrogate surrogate) => new()
    {
        Partitions = surrogate.Partitions,
        Acks = surrogate.Acks,
        KeepUnsettled = surrogate.KeepUnsettled,
        Retention = surrogate.Retention,
        RetentionBytes = surrogate.RetentionBytes,
        MaxMessages = surrogate.MaxMessages,
        MaxBytes = surrogate.MaxBytes,
        WhenFull = surrogate.WhenFull,
        Admit = surrogate.Admit,
        RatePerSecond = surrogate.RatePerSecond,
        ProducerRatePerSecond = surrogate.ProducerRatePerSecond,
        MaxMessageBytes = surrogate.MaxMessageBytes,
        MaxBatchBytes = surrogate.MaxBatchBytes,
        TokenCount = surrogate.TokenCount,
        TokenAge = surrogate.TokenAge,
        TimeToLive = surrogate.TimeToLive,
        Compact = surrogate.Compact,
        CompactDirtyRatio = surrogate.CompactDirtyRatio,
        CompactMinAge = surrogate.CompactMinAge,
        TombstoneAge = surrogate.TombstoneAge,
    };

    public TopicChangeSurrogate ConvertToSurrogate(in TopicChange value) => new(
        value.Partitions, value.Acks, value.KeepUnsettled, value.Retention, value.RetentionBytes, value.MaxMessages, value.MaxBytes, value.WhenFull, value.Admit,
        value.RatePerSecond, value.ProducerRatePerSecond, value.MaxMessageBytes, value.MaxBatchBytes, value.TokenCount, value.TokenAge, value.TimeToLive, value.Compact,
        value.CompactDirtyRatio, value.CompactMinAge, value.TombstoneAge);
}

[GenerateSerializer, Alias("OrleansMq.PartitionDescriptionSurrogate")]
internal readonly record struct PartitionDescriptionSurrogate(int Partition, string Owner, long Start, long End, long Bytes, MqError? Error, long Delayed);

[RegisterConverter]
internal sealed class PartitionDescriptionConverter : IConverter<PartitionDescription, PartitionDescriptionSurrogate>
{
    public PartitionDescription ConvertFromSurrogate(in PartitionDescriptionSurrogate surrogate) =>
        new(surrogate.Partition, surrogate.Owner, surrogate.Start, surrogate.End, surrogate.Bytes, surrogate.Error) { Delayed = surrogate.Delayed };

    public PartitionDescriptionSurrogate ConvertToSurrogate(in PartitionDescription value) => new(value.Partition, value.Owner, value.Start, value.End, value.Bytes, value.Error, value.Delayed);
}

[GenerateSerializer, Alias("OrleansMq.TopicDescriptionSurrogate")]
internal readonly record struct TopicDescriptionSurrogate(TopicName Name, TopicSettings Settings, PartitionDescription[] Partitions, bool Created, Guid Id);

[RegisterConverter]
internal sealed class TopicDescriptionConverter : IConverter<TopicDescription, TopicDescriptionSurrogate>
{
    public TopicDescription ConvertFromSurrogate(in TopicDescriptionSurrogate surrogate) =>
        new() { Name = surrogate.Name, Settings = surrogate.Settings, Partitions = surrogate.Partitions, Created = surrogate.Created, Id = surrogate.Id };

    public TopicDescriptionSurrogate ConvertToSurrogate(in TopicDescription value) => new(value.Name, value.Settings, [.. value.Partitions], value.Created, value.Id);
}

[GenerateSerializer, Alias("OrleansMq.NodeDescriptionSurrogate")]
internal readonly record struct NodeDescriptionSurrogate(string Node, KeyValuePair<string, string>[] Gateways);

[RegisterConverter]
internal sealed class NodeDescriptionConverter : IConverter<NodeDescription, NodeDescriptionSurrogate>
{
    public NodeDescription ConvertFromSurrogate(in NodeDescriptionSurrogate surrogate) => new(surrogate.Node, surrogate.Gateways.ToDictionary(StringComparer.Ordinal));

    public NodeDescriptionSurrogate ConvertToSurrogate(in NodeDescription value) => new(value.Node, [.. value.Gateways]);
}

[GenerateSerializer, Alias("OrleansMq.ClusterDescriptionSurrogate")]
internal readonly record struct ClusterDescriptionSurrogate(string Version, NodeDescription[] Nodes);

[RegisterConverter]
internal sealed class ClusterDescriptionConverter : IConverter<ClusterDescription, ClusterDescriptionSurrogate>
{
    public ClusterDescription ConvertFromSurrogate(in ClusterDescriptionSurrogate surrogate) => new(surrogate.Version, surrogate.Nodes);

    public ClusterDescriptionSurrogate ConvertToSurrogate(in ClusterDescription value) => new(value.Version, [.. value.Nodes]);
}

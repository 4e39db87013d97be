namespace OrleansMq.Client.Wire;

// Abstractions know no Orleans: each type that crosses has its stand-in here. Fields are numbered in the order given and only ever added at the end.

[GenerateSerializer, Alias("OrleansMq.TopicNameSurrogate")]
internal readonly record struct TopicNameSurrogate(string? Text);

[RegisterConverter]
internal sealed class TopicNameConverter : IConverter<TopicName, TopicNameSurrogate>
{
    public TopicName ConvertFromSurrogate(in TopicNameSurrogate surrogate) => string.IsNullOrEmpty(surrogate.Text) ? default : new TopicName(surrogate.Text);

    public TopicNameSurrogate ConvertToSurrogate(in TopicName value) => new(value.ToString());
}

[GenerateSerializer, Alias("OrleansMq.GroupNameSurrogate")]
internal readonly record struct GroupNameSurrogate(string? Text);

[RegisterConverter]
internal sealed class GroupNameConverter : IConverter<GroupName, GroupNameSurrogate>
{
    public GroupName ConvertFromSurrogate(in GroupNameSurrogate surrogate) => string.IsNullOrEmpty(surrogate.Text) ? default : new GroupName(surrogate.Text);

    public GroupNameSurrogate ConvertToSurrogate(in GroupName value) => new(value.ToString());
}

[GenerateSerializer, Alias("OrleansMq.PositionSurrogate")]
internal readonly record struct PositionSurrogate(int Partition, long Offset);

[RegisterConverter]
internal sealed class PositionConverter : IConverter<Position, PositionSurrogate>
{
    public Position ConvertFromSurrogate(in PositionSurrogate surrogate) => new(surrogate.Partition, surrogate.Offset);

    public PositionSurrogate ConvertToSurrogate(in Position value) => new(value.Partition, value.Offset);
}

[GenerateSerializer, Alias("OrleansMq.LeaseIdSurrogate")]
internal readonly record struct LeaseIdSurrogate(int Partition, int Lane, int Epoch, long Offset, int Delivery);

[RegisterConverter]
internal sealed class LeaseIdConverter : IConverter<LeaseId, LeaseIdSurrogate>
{
    public LeaseId ConvertFromSurrogate(in LeaseIdSurrogate surrogate) => new(surrogate.Partition, surrogate.Lane, surrogate.Epoch, surrogate.Offset, surrogate.Delivery);

    public LeaseIdSurrogate ConvertToSurrogate(in LeaseId value) => new(value.Partition, value.Lane, value.Epoch, value.Offset, value.Delivery);
}

[GenerateSerializer, Alias("OrleansMq.StartAtSurrogate")]
internal readonly record struct StartAtSurrogate(StartKind Kind, long Value);

[RegisterConverter]
internal sealed class StartAtConverter : IConverter<StartAt, StartAtSurrogate>
{
    public StartAt ConvertFromSurrogate(in StartAtSurrogate surrogate) => surrogate.Kind switch
    {
        StartKind.Earliest => StartAt.Earliest,
        StartKind.Latest => StartAt.Latest,
        StartKind.Time => StartAt.Time(DateTimeOffset.FromUnixTimeMilliseconds(surrogate.Value)),
        _ => StartAt.Offset(surrogate.Value),
    };

    public StartAtSurrogate ConvertToSurrogate(in StartAt value) => new(value.Kind, value.Value);
}

[GenerateSerializer, Alias("OrleansMq.PageSurrogate`1")]
internal readonly record struct PageSurrogate<T>(T[] Items, string? Next);

[RegisterConverter]
internal sealed class PageConverter<T> : IConverter<Page<T>, PageSurrogate<T>>
{
    public Page<T> ConvertFromSurrogate(in PageSurrogate<T> surrogate) => new(surrogate.Items, surrogate.Next);

    public PageSurrogate<T> ConvertToSurrogate(in Page<T> value) => new([.. value.Items], value.Next);
}

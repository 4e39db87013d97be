namespace OrleansMq.Client.Wire;

[GenerateSerializer, Alias("OrleansMq.StoredMessageSurrogate")]
internal readonly record struct StoredMessageSurrogate(
    Position Position, DateTimeOffset Timestamp, byte[]? Key, byte[] Body, bool Tombstone, string? ContentType, KeyValuePair<string, string>[] Headers, string? Token, string? CorrelationId,
    string? ReplyTo, DateTimeOffset? DeliverAt, TimeSpan? TimeToLive, DeadLetterInfo? DeadLetter, string? RoutingKey, int? Priority);

/// <summary>A message that is shown, not delivered.</summary>
[RegisterConverter]
internal sealed class StoredMessageConverter : IConverter<StoredMessage, StoredMessageSurrogate>
{
    public StoredMessage ConvertFromSurrogate(in StoredMessageSurrogate surrogate) => new()
    {
        Position = surrogate.Position,
        Timestamp = surrogate.Timestamp,
        // Not "? : null": that null would be a byte[], and become an empty key.
        Key = surrogate.Key is { } key ? key : new ReadOnlyMemory<byte>?(),
        Body = surrogate.Body,
        Tombstone = surrogate.Tombstone,
        ContentType = surrogate.ContentType,
        Headers = surrogate.Headers,
        Token = surrogate.Token,
        CorrelationId = surrogate.CorrelationId,
        ReplyTo = surrogate.ReplyTo,
        DeliverAt = surrogate.DeliverAt,
        RoutingKey = surrogate.RoutingKey,
        TimeToLive = surrogate.TimeToLive,
        Priority = surrogate.Priority,
        DeadLetter = surrogate.DeadLetter,
    };

    public StoredMessageSurrogate ConvertToSurrogate(in StoredMessage value) => new(
        value.Position, value.Timestamp, value.Key?.ToArray(), value.Body.ToArray(), value.Tombstone, value.ContentType, [.. value.Headers], value.Token, value.CorrelationId, value.ReplyTo,
        value.DeliverAt, value.TimeToLive, value.DeadLetter, value.RoutingKey, value.Priority);
}

[GenerateSerializer, Alias("OrleansMq.ScheduledMessageSurrogate")]
internal readonly record struct ScheduledMessageSurrogate(string Id, DateTimeOffset DeliverAt, StoredMessage Message);

[RegisterConverter]
internal sealed class ScheduledMessageConverter : IConverter<ScheduledMessage, ScheduledMessageSurrogate>
{
    public ScheduledMessage ConvertFromSurrogate(in ScheduledMessageSurrogate surrogate) => new(surrogate.Id, surrogate.DeliverAt, surrogate.Message);

    public ScheduledMessageSurrogate ConvertToSurrogate(in ScheduledMessage value) => new(value.Id, value.DeliverAt, value.Message);
}

[GenerateSerializer, Alias("OrleansMq.ScheduledPartSurrogate")]
internal readonly record struct ScheduledPartSurrogate(ScheduledMessage[] Messages, long Next);

[RegisterConverter]
internal sealed class ScheduledPartConverter : IConverter<ScheduledPart, ScheduledPartSurrogate>
{
    public ScheduledPart ConvertFromSurrogate(in ScheduledPartSurrogate surrogate) => new(surrogate.Messages, surrogate.Next);

    public ScheduledPartSurrogate ConvertToSurrogate(in ScheduledPart value) => new([.. value.Messages], value.Next);
}

[GenerateSerializer, Alias("OrleansMq.HalfMessageSurrogate")]
internal readonly record struct HalfMessageSurrogate(string Id, string Group, HalfState State, DateTimeOffset BornAt, int Checks, StoredMessage Message);

[RegisterConverter]
internal sealed class HalfMessageConverter : IConverter<HalfMessage, HalfMessageSurrogate>
{
    public HalfMessage ConvertFromSurrogate(in HalfMessageSurrogate surrogate) =>
        new(surrogate.Id, surrogate.Group, surrogate.State, surrogate.BornAt, surrogate.Checks, surrogate.Message);

    public HalfMessageSurrogate ConvertToSurrogate(in HalfMessage value) => new(value.Id, value.Group, value.State, value.BornAt, value.Checks, value.Message);
}

[GenerateSerializer, Alias("OrleansMq.HalfPartSurrogate")]
internal readonly record struct HalfPartSurrogate(HalfMessage[] Messages, long Next);

[RegisterConverter]
internal sealed class HalfPartConverter : IConverter<HalfPart, HalfPartSurrogate>
{
    public HalfPart ConvertFromSurrogate(in HalfPartSurrogate surrogate) => new(surrogate.Messages, surrogate.Next);

    public HalfPartSurrogate ConvertToSurrogate(in HalfPart value) => new([.. value.Messages], value.Next);
}

[GenerateSerializer, Alias("OrleansMq.HalfResultSurrogate")]
internal readonly record struct HalfResultSurrogate(HalfState State, Position? Position, bool Duplicate);

[RegisterConverter]
internal sealed class HalfResultConverter : IConverter<HalfResult, HalfResultSurrogate>
{
    public HalfResult ConvertFromSurrogate(in HalfResultSurrogate surrogate) => new(surrogate.State, surrogate.Position, surrogate.Duplicate);

    public HalfResultSurrogate ConvertToSurrogate(in HalfResult value) => new(value.State, value.Position, value.Duplicate);
}

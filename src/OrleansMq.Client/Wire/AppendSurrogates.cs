namespace OrleansMq.Client.Wire;

[GenerateSerializer, Alias("OrleansMq.ProducerIdentitySurrogate")]
internal readonly record struct ProducerIdentitySurrogate(long Id, short Epoch);

[RegisterConverter]
internal sealed class ProducerIdentityConverter : IConverter<ProducerIdentity, ProducerIdentitySurrogate>
{
    public ProducerIdentity ConvertFromSurrogate(in ProducerIdentitySurrogate surrogate) => new(surrogate.Id, surrogate.Epoch);

    public ProducerIdentitySurrogate ConvertToSurrogate(in ProducerIdentity value) => new(value.Id, value.Epoch);
}

[GenerateSerializer, Alias("OrleansMq.ProducerSequenceSurrogate")]
internal readonly record struct ProducerSequenceSurrogate(long Id, short Epoch, int Sequence);

[RegisterConverter]
internal sealed class ProducerSequenceConverter : IConverter<ProducerSequence, ProducerSequenceSurrogate>
{
    public ProducerSequence ConvertFromSurrogate(in ProducerSequenceSurrogate surrogate) => new(surrogate.Id, surrogate.Epoch, surrogate.Sequence);

    public ProducerSequenceSurrogate ConvertToSurrogate(in ProducerSequence value) => new(value.Id, value.Epoch, value.Sequence);
}

[GenerateSerializer, Alias("OrleansMq.RecordOutcomeSurrogate")]
internal readonly record struct RecordOutcomeSurrogate(long Offset, bool Duplicate, MqError? Error, string? Scheduled, string? Half, int? Partition);

[RegisterConverter]
internal sealed class RecordOutcomeConverter : IConverter<RecordOutcome, RecordOutcomeSurrogate>
{
    public RecordOutcome ConvertFromSurrogate(in RecordOutcomeSurrogate surrogate) => new(surrogate.Offset, surrogate.Duplicate, surrogate.Error) { Scheduled = surrogate.Scheduled, Half = surrogate.Half, Partition = surrogate.Partition };

    public RecordOutcomeSurrogate ConvertToSurrogate(in RecordOutcome value) => new(value.Offset, value.Duplicate, value.Error, value.Scheduled, value.Half, value.Partition);
}

[GenerateSerializer, Alias("OrleansMq.AppendResultSurrogate")]
internal readonly record struct AppendResultSurrogate(long BaseOffset, bool Duplicate, RecordOutcome[]? Records);

[RegisterConverter]
internal sealed class AppendResultConverter : IConverter<AppendResult, AppendResultSurrogate>
{
    public AppendResult ConvertFromSurrogate(in AppendResultSurrogate surrogate) =>
        new() { BaseOffset = surrogate.BaseOffset, Duplicate = surrogate.Duplicate, Records = surrogate.Records };

    public AppendResultSurrogate ConvertToSurrogate(in AppendResult value) =>
        new(value.BaseOffset, value.Duplicate, value.Records is null ? null : [.. value.Records]);
}

[GenerateSerializer, Alias("OrleansMq.MessageSurrogate")]
internal readonly record struct MessageSurrogate(
    byte[]? Key, byte[] Body, bool Tombstone, string? ContentType, KeyValuePair<string, string>[] Headers, string? Token, string? CorrelationId, string? ReplyTo, int? Partition, DateTimeOffset? Timestamp, string? RoutingKey,
    int? Priority);

/// <summary>A replacement of a dead letter; what is not available yet was refused before it gets here.</summary>
[RegisterConverter]
internal sealed class MessageConverter : IConverter<Message, MessageSurrogate>
{
    public Message ConvertFromSurrogate(in MessageSurrogate surrogate) => new()
    {
        // Not "? : null": that null would be a byte[], and become an empty key.
        Key = surrogate.Key is { } key ? key : new ReadOnlyMemory<byte>?(),
        Body = surrogate.Body,
        Tombstone = surrogate.Tombstone,
        ContentType = surrogate.ContentType,
        Headers = surrogate.Headers,
        Token = surrogate.Token,
        CorrelationId = surrogate.CorrelationId,
        ReplyTo = surrogate.ReplyTo,
        Partition = surrogate.Partition,
        Timestamp = surrogate.Timestamp,
        RoutingKey = surrogate.RoutingKey,
        Priority = surrogate.Priority,
    };

    public MessageSurrogate ConvertToSurrogate(in Message value) => new(
        value.Key?.ToArray(), value.Body.ToArray(), value.Tombstone, value.ContentType, [.. value.Headers], value.Token, value.CorrelationId, value.ReplyTo, value.Partition, value.Timestamp, value.RoutingKey,
        value.Priority);
}

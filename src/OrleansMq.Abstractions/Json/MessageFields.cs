namespace OrleansMq.Json;

/// <summary>The fields of one message while they are read, in whatever order they come: first those that sent and stored messages share.</summary>
internal sealed class MessageFields
{
    private const string Json = "application/json";

    private byte[]? _key, _keyBase64, _json, _bytes;

    public bool Tombstone { get; private set; }
    public string? ContentType { get; private set; }
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; private set; } = [];
    public string? Token { get; private set; }
    public string? CorrelationId { get; private set; }
    public string? ReplyTo { get; private set; }

    // Only where it is sent.
    public int? Partition { get; set; }
    public DateTimeOffset? Timestamp { get; set; }
    public DateTimeOffset? DeliverAt { get; set; }
    public TimeSpan? DeliverAfter { get; set; }
    public HalfTerms? Half { get; set; }
    public TimeSpan? TimeToLive { get; set; }
    public int? Priority { get; set; }

    public ReadOnlyMemory<byte>? Key => (_key ?? _keyBase64) is { } key ? key : (ReadOnlyMemory<byte>?)null;

    public ReadOnlyMemory<byte> Body => _json ?? _bytes ?? [];

    /// <returns>False: the field is none of these.</returns>
    public bool Take(JsonSpot field)
    {
        switch (field.Name)
        {
            case "body": _json = field.Raw(); return true;
            case "key": _key = field.IsNull ? null : field.Utf8(); return true;
            case "keyBase64": _keyBase64 = field.IsNull ? null : field.Base64(); return true;
            case "bodyBase64": _bytes = field.IsNull ? null : field.Base64(); return true;
            case "tombstone": Tombstone = !field.IsNull && field.Flag(); return true;
            case "contentType": ContentType = TextOrNull(field); return true;
            case "headers": Headers = field.IsNull ? [] : MessageJson.ReadHeaders(field); return true;
            case "token": Token = TextOrNull(field); return true;
            case "correlationId": CorrelationId = TextOrNull(field); return true;
            case "replyTo": ReplyTo = TextOrNull(field); return true;
            default: return false;
        }
    }

    /// <summary>The message to send. A body given as JSON is <c>application/json</c> unless it says otherwise.</summary>
    public Message ToMessage(JsonSpot spot)
    {
        Refuse(spot, _key is not null && _keyBase64 is not null, "has both 'key' and 'keyBase64'");
        Refuse(spot, DeliverAt is not null && DeliverAfter is not null, "has both 'deliverAt' and 'deliverAfterMs'");
        if (Tombstone && _json.AsSpan().SequenceEqual("null"u8))
            _json = null;
        Refuse(spot, _json is not null && _bytes is not null, "has both 'body' and 'bodyBase64'");
        var message = new Message
        {
            Key = Key,
            Body = Body,
            Tombstone = Tombstone,
            ContentType = ContentType ?? (_json is null ? null : Json),
            Headers = Headers,
            Token = Token,
            CorrelationId = CorrelationId,
            ReplyTo = ReplyTo,
            Partition = Partition,
            Timestamp = Timestamp,
            DeliverAt = DeliverAt,
            DeliverAfter = DeliverAfter,
            Half = Half,
            TimeToLive = TimeToLive,
            Priority = Priority,
        };
        if (spot.Strict)
            Validate(spot, message);
        return message;
    }

    private static string? TextOrNull(JsonSpot field) => field.IsNull ? null : field.Text();

    private static void Validate(JsonSpot spot, Message message)
    {
        try
        {
            MessageCodec.Validate(message);
        }
        catch (MqException e)
        {
            throw new MqException(e.Code, $"{spot.Path}: {e.Message}", inner: e);
        }
    }

    private static void Refuse(JsonSpot spot, bool when, string what)
    {
        if (when)
            throw spot.Malformed(what);
    }
}

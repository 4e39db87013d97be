using System.Text;
using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>A message as it is sent.</summary>
public static class MessageJson
{
    /// <summary>The most messages in one request.</summary>
    public const int MaxMessages = 10_000;

    private const int MaxHeaders = 1_000;

    /// <summary>One message, or an array of them.</summary>
    public static IReadOnlyList<Message> ReadMany(JsonSpot spot) => spot.IsArray ? spot.Items(MaxMessages, Read) : [Read(spot)];

    public static Message Read(JsonSpot spot)
    {
        var message = new MessageFields();
        foreach (var field in spot.Fields())
            if (!message.Take(field))
                ReadOwn(field, message);
        return message.ToMessage(spot);
    }

    public static void WriteMany(Utf8JsonWriter writer, IReadOnlyList<Message> messages)
    {
        writer.WriteStartArray();
        foreach (var message in messages)
            Write(writer, message);
        writer.WriteEndArray();
    }

    public static void Write(Utf8JsonWriter writer, Message message)
    {
        writer.WriteStartObject();
        WriteKey(writer, message.Key);
        if (message.Partition is { } partition)
            writer.WriteNumber("partition", partition);
        WriteBody(writer, message.Body.Span, message.ContentType, message.Tombstone);
        WriteHeaders(writer, message.Headers);
        writer.WriteTextUnlessNull("token", message.Token);
        writer.WriteTextUnlessNull("correlationId", message.CorrelationId);
        writer.WriteTextUnlessNull("replyTo", message.ReplyTo);
        writer.WriteTextUnlessNull("routingKey", message.RoutingKey);
        if (message.Timestamp is { } timestamp)
            writer.WriteTime("timestamp", timestamp);
        if (message.DeliverAt is { } deliverAt)
            writer.WriteTime("deliverAt", deliverAt);
        if (message.DeliverAfter is { } deliverAfter)
            writer.WriteMs("deliverAfterMs", deliverAfter);
        if (message.Half is { } half)
        {
            writer.WritePropertyName("half");
            HalfJson.WriteTerms(writer, half);
        }
        if (message.TimeToLive is { } timeToLive)
            writer.WriteMs("ttlMs", timeToLive);
        if (message.Priority is { } priority)
            writer.WriteNumber("priority", priority);
        writer.WriteEndObject();
    }

    internal static void WriteKey(Utf8JsonWriter writer, ReadOnlyMemory<byte>? key)
    {
        if (key is not { } bytes)
            return;
        if (System.Text.Unicode.Utf8.IsValid(bytes.Span))
            writer.WriteString("key", Encoding.UTF8.GetString(bytes.Span));
        else
            writer.WriteBase64String("keyBase64", bytes.Span);
    }

    /// <summary>
    /// As JSON where the content type says JSON or text and the bytes are one JSON value, else in base64. So what was sent as JSON comes back as
    /// JSON, and either way the bytes are the same.
    /// </summary>
    internal static void WriteBody(Utf8JsonWriter writer, ReadOnlySpan<byte> body, string? contentType, bool tombstone)
    {
        if (tombstone)
            writer.WriteBoolean("tombstone", true);
        if (tombstone && body.IsEmpty)
        {
            // No body is not an empty one.
        }
        else if (MayBeJson(contentType) && JsonForm.IsBareJson(body))
        {
            writer.WritePropertyName("body");
            writer.WriteRawValue(body, skipInputValidation: true);
        }
        else
        {
            writer.WriteBase64String("bodyBase64", body);
        }
        writer.WriteTextUnlessNull("contentType", contentType);
    }

    /// <summary>A name that comes more than once (Kafka allows it) has an array of its texts.</summary>
    internal static void WriteHeaders(Utf8JsonWriter writer, IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        if (headers.Count == 0)
            return;
        writer.WriteStartObject("headers");
        foreach (var same in headers.GroupBy(header => header.Key, header => header.Value, StringComparer.Ordinal))
        {
            writer.WritePropertyName(same.Key);
            var values = same.ToList();
            if (values.Count > 1)
                writer.WriteStartArray();
            foreach (var value in values)
                writer.WriteStringValue(value);
            if (values.Count > 1)
                writer.WriteEndArray();
        }
        writer.WriteEndObject();
    }

    internal static List<KeyValuePair<string, string>> ReadHeaders(JsonSpot spot)
    {
        var headers = new List<KeyValuePair<string, string>>();
        foreach (var field in spot.Fields())
        {
            if (spot.Strict && field.Name.StartsWith(Records.ReservedHeaders.Prefix, StringComparison.Ordinal))
                throw field.Malformed($"is a reserved name: those that begin with '{Records.ReservedHeaders.Prefix}' are the broker's own");
            IReadOnlyList<string> values = field.IsArray ? field.Items(MaxHeaders, f => f.Text(int.MaxValue)) : [field.Text(int.MaxValue)];
            foreach (var value in values)
                headers.Add(new(field.Name, value));
            if (spot.Strict && headers.Count > MaxHeaders)
                throw spot.Malformed($"has more than {MaxHeaders} headers");
        }
        return headers;
    }

    private static bool MayBeJson(string? contentType)
    {
        if (contentType is null)
            return false;
        var type = contentType.AsSpan();
        if (type.IndexOf(';') is >= 0 and var parameters)
            type = type[..parameters];
        type = type.Trim();
        return type.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || type.EndsWith("+json", StringComparison.OrdinalIgnoreCase)
            || type.StartsWith("text/", StringComparison.OrdinalIgnoreCase);
    }

    private static void ReadOwn(JsonSpot field, MessageFields message)
    {
        switch (field.Name)
        {
            case "partition": message.Partition = field.OrNull(f => f.Int32(0)); break;
            case "timestamp": message.Timestamp = field.OrNull(f => f.Time()); break;
            case "deliverAt": message.DeliverAt = field.OrNull(f => f.Time()); break;
            case "deliverAfterMs": message.DeliverAfter = field.OrNull(f => f.Milliseconds()); break;
            case "half": message.Half = field.IsNull ? null : HalfJson.ReadTerms(field); break;
            case "ttlMs": message.TimeToLive = field.OrNull(f => f.Milliseconds()); break;
            case "priority": message.Priority = field.OrNull(f => f.Int32(0, Message.Priorities - 1)); break;
            default: field.Unknown(); break;
        }
    }
}

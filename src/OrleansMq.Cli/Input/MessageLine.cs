using System.Text;
using System.Text.Json;

namespace OrleansMq.Cli.Input;

/// <summary>A message object of HTTP v1, one to a line. What <c>mq browse --json</c> prints can be sent again as it is: the fields that only the broker sets are passed over.</summary>
internal static class MessageLine
{
    /// <exception cref="FormatException">What is wrong with it.</exception>
    public static Message Parse(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new FormatException("a message is a JSON object");
            return document.RootElement.EnumerateObject().Aggregate(new Message(), Set);
        }
        catch (JsonException e)
        {
            throw new FormatException($"this is no JSON: {e.Message}", e);
        }
        catch (InvalidOperationException e)
        {
            throw new FormatException($"a field has the wrong kind of value: {e.Message}", e);
        }
    }

    private static Message Set(Message message, JsonProperty field)
    {
        var value = field.Value;
        return field.Name switch
        {
            _ when value.ValueKind == JsonValueKind.Null && field.Name != "body" => message,
            "key" => message with { Key = Encoding.UTF8.GetBytes(value.GetString()!) },
            "keyBase64" => message with { Key = value.GetBytesFromBase64() },
            "partition" => message with { Partition = value.GetInt32() },
            "body" => message with { Body = Encoding.UTF8.GetBytes(value.GetRawText()), ContentType = message.ContentType ?? "application/json" },
            "bodyBase64" => message with { Body = value.GetBytesFromBase64() },
            "contentType" => message with { ContentType = value.GetString() },
            "headers" => message with { Headers = [.. value.EnumerateObject().Select(h => KeyValuePair.Create(h.Name, h.Value.GetString() ?? ""))] },
            "token" => message with { Token = value.GetString() },
            "deliverAt" => message with { DeliverAt = value.GetDateTimeOffset() },
            "deliverAfterMs" => message with { DeliverAfter = TimeSpan.FromMilliseconds(value.GetDouble()) },
            "ttlMs" => message with { TimeToLive = TimeSpan.FromMilliseconds(value.GetDouble()) },
            "priority" => message with { Priority = value.GetInt32() },
            "correlationId" => message with { CorrelationId = value.GetString() },
            "replyTo" => message with { ReplyTo = value.GetString() },
            "tombstone" => message with { Tombstone = value.GetBoolean() },
            "position" or "timestamp" or "lease" or "leaseUntil" or "deliveryCount" or "deadLetter" => message,
            _ => throw new FormatException($"a message has no field '{field.Name}'"),
        };
    }
}

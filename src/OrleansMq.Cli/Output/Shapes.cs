using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrleansMq.Cli.Input;

namespace OrleansMq.Cli;

/// <summary>What the broker answers, in the JSON of HTTP v1.</summary>
internal static class Shapes
{
    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    public static JsonObject Of(Position position) => new() { ["partition"] = position.Partition, ["offset"] = position.Offset };

    public static JsonObject Of(PublishResult result) => result.Error is { } error
        ? new() { ["error"] = Of(error) }
        : new() { ["position"] = Of(result.Position), ["duplicate"] = result.Duplicate };

    public static JsonObject Of(MqError error) => new() { ["code"] = error.Code, ["detail"] = error.Detail, ["retryAfterMs"] = Ms(error.RetryAfter) };

    public static JsonObject Of(TopicDescription topic) => new()
    {
        ["topic"] = topic.Name.Text,
        ["partitions"] = topic.Settings.Partitions,
        ["acks"] = topic.Settings.Acks is { } acks ? Text.Name(acks) : null,
        ["keepUnsettled"] = topic.Settings.KeepUnsettled,
        ["retentionMs"] = Ms(topic.Settings.Retention),
        ["retentionBytes"] = topic.Settings.RetentionBytes,
        ["maxMessages"] = topic.Settings.MaxMessages,
        ["maxBytes"] = topic.Settings.MaxBytes,
        ["whenFull"] = Text.Name(topic.Settings.WhenFull),
        ["admit"] = topic.Settings.Admit,
        ["ratePerSecond"] = topic.Settings.RatePerSecond,
        ["producerRatePerSecond"] = topic.Settings.ProducerRatePerSecond,
        ["maxMessageBytes"] = topic.Settings.MaxMessageBytes,
        ["maxBatchBytes"] = topic.Settings.MaxBatchBytes,
        ["tokens"] = new JsonObject { ["count"] = topic.Settings.TokenCount, ["ageMs"] = Ms(topic.Settings.TokenAge) },
        ["compact"] = topic.Settings.Compact,
        ["partitionList"] = new JsonArray([.. topic.Partitions.Select(Of)]),
    };

    private static JsonObject Of(PartitionDescription partition) => new()
    {
        ["partition"] = partition.Partition,
        ["owner"] = partition.Owner,
        ["start"] = partition.Start,
        ["end"] = partition.End,
        ["bytes"] = partition.Bytes,
        ["error"] = partition.Error is { } error ? Of(error) : null,
    };

    public static JsonObject Of(GroupDescription group) => new()
    {
        ["group"] = group.Name.Text,
        ["declared"] = group.Declared,
        ["style"] = Text.Name(group.Settings.Style),
        ["byKey"] = group.Settings.ByKey,
        ["maxActive"] = group.Settings.MaxActive,
        ["from"] = StartText(group.Settings.From),
        ["maxDeliveries"] = group.Settings.MaxDeliveries,
        ["backoffMs"] = new JsonArray([.. group.Settings.Backoff.Select(b => (JsonNode)Ms(b))]),
        ["leaseMs"] = Ms(group.Settings.Lease),
        ["maxInFlight"] = group.Settings.MaxInFlight,
        ["ratePerSecond"] = group.Settings.RatePerSecond,
        ["maxMessages"] = group.Settings.MaxMessages,
        ["maxBytes"] = group.Settings.MaxBytes,
        ["paused"] = group.Settings.Paused,
        ["holdKeyBehindDeadLetter"] = group.Settings.HoldKeyBehindDeadLetter,
        ["generation"] = group.Generation,
        ["partitionList"] = new JsonArray([.. group.Partitions.Select(Of)]),
        ["members"] = new JsonArray([.. group.Members.Select(Of)]),
    };

    private static JsonObject Of(GroupPartition partition) => new()
    {
        ["partition"] = partition.Partition,
        ["cursor"] = partition.Cursor,
        ["lag"] = partition.Lag,
        ["inFlight"] = partition.InFlight,
        ["oldestUnsettledMs"] = Ms(partition.OldestUnsettled),
        ["deadLetters"] = partition.DeadLetters,
        ["dropped"] = partition.Dropped,
        ["error"] = partition.Error is { } error ? Of(error) : null,
    };

    private static JsonObject Of(GroupMember member) => new()
    {
        ["member"] = member.Member,
        ["partitions"] = new JsonArray([.. member.Partitions.Select(p => (JsonNode)p)]),
        ["active"] = member.Active,
    };

    /// <summary>All fields of a message; those it does not have are left out.</summary>
    public static JsonObject Of(StoredMessage message)
    {
        var shape = new JsonObject { ["position"] = Of(message.Position), ["timestamp"] = Time(message.Timestamp) };
        if (message.Key is { } key)
            shape[IsText(key.Span, out var keyText) ? "key" : "keyBase64"] = keyText ?? Convert.ToBase64String(key.Span);
        if (message.Tombstone)
            shape["tombstone"] = true;
        else if (JsonBody(message) is { } body)
            shape["body"] = body;
        else
            shape["bodyBase64"] = Convert.ToBase64String(message.Body.Span);
        Add(shape, "contentType", message.ContentType);
        if (message.Headers.Count > 0)
            shape["headers"] = Headers(message.Headers);
        Add(shape, "token", message.Token);
        Add(shape, "correlationId", message.CorrelationId);
        Add(shape, "replyTo", message.ReplyTo);
        if (message.DeadLetter is { } dead)
            shape["deadLetter"] = new JsonObject
            {
                ["reason"] = dead.Reason,
                ["origin"] = Of(dead.Origin),
                ["deliveries"] = dead.Deliveries,
                ["at"] = Time(dead.At),
            };
        if (message is Delivery delivery)
        {
            shape["lease"] = delivery.Lease.ToString();
            shape["leaseUntil"] = Time(delivery.LeaseUntil);
            shape["deliveryCount"] = delivery.DeliveryCount;
        }
        return shape;
    }

    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    public static string StartText(StartAt start) => start.Kind switch
    {
        StartKind.Earliest => "earliest",
        StartKind.Latest => "latest",
        StartKind.Time => Time(DateTimeOffset.FromUnixTimeMilliseconds(start.Value)),
        _ => start.Value.ToString(CultureInfo.InvariantCulture),
    };

    private static JsonNode? JsonBody(StoredMessage message)
    {
        if (message.ContentType is not { } type || !type.StartsWith("application/json", StringComparison.OrdinalIgnoreCase))
            return null;
        try
        {
            // A body that is the JSON value null has no node of its own; it goes out as base64.
            return JsonNode.Parse(message.Body.Span);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static JsonObject Headers(IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        var shape = new JsonObject();
        foreach (var (name, text) in headers)
            shape[name] = text;
        return shape;
    }

    private static bool IsText(ReadOnlySpan<byte> bytes, out string? text)
    {
        try
        {
            text = StrictUtf8.GetString(bytes);
            return true;
        }
        catch (DecoderFallbackException)
        {
            text = null;
            return false;
        }
    }

    private static void Add(JsonObject shape, string name, string? value)
    {
        if (value is not null)
            shape[name] = value;
    }

    private static double Ms(TimeSpan time) => time.TotalMilliseconds;

    private static double? Ms(TimeSpan? time) => time?.TotalMilliseconds;
}

using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>A message as it is browsed, or received under a lease.</summary>
public static class StoredMessageJson
{
    public static void Write(Utf8JsonWriter writer, StoredMessage message)
    {
        writer.WriteStartObject();
        if (message.Position.Offset >= 0)
            writer.WritePosition("position", message.Position);
        writer.WriteTime("timestamp", message.Timestamp);
        MessageJson.WriteKey(writer, message.Key);
        MessageJson.WriteBody(writer, message.Body.Span, message.ContentType, message.Tombstone);
        MessageJson.WriteHeaders(writer, message.Headers);
        writer.WriteTextUnlessNull("token", message.Token);
        writer.WriteTextUnlessNull("correlationId", message.CorrelationId);
        writer.WriteTextUnlessNull("replyTo", message.ReplyTo);
        writer.WriteTextUnlessNull("routingKey", message.RoutingKey);
        if (message.DeliverAt is { } deliverAt)
            writer.WriteTime("deliverAt", deliverAt);
        if (message.TimeToLive is { } timeToLive)
            writer.WriteMs("ttlMs", timeToLive);
        if (message.Priority is { } priority)
            writer.WriteNumber("priority", priority);
        if (message.DeadLetter is { } deadLetter)
            WriteDeadLetter(writer, deadLetter);
        if (message is Delivery delivery)
            WriteDelivery(writer, delivery);
        writer.WriteEndObject();
    }

    public static StoredMessage Read(JsonSpot spot) => Placed(spot, ReadMarked(spot, out _));

    /// <summary>A message that has no position yet.</summary>
    internal static StoredMessage ReadUnplaced(JsonSpot spot) => ReadMarked(spot, out _);

    private static StoredMessage Placed(JsonSpot spot, StoredMessage message) => message.Position.Offset >= 0 ? message : throw spot.Missing("position");

    public static Delivery ReadDelivery(JsonSpot spot)
    {
        var message = Placed(spot, ReadMarked(spot, out var delivery));
        return new Delivery
        {
            Position = message.Position,
            Timestamp = message.Timestamp,
            Key = message.Key,
            Body = message.Body,
            Tombstone = message.Tombstone,
            ContentType = message.ContentType,
            Headers = message.Headers,
            Token = message.Token,
            CorrelationId = message.CorrelationId,
            ReplyTo = message.ReplyTo,
            RoutingKey = message.RoutingKey,
            DeliverAt = message.DeliverAt,
            TimeToLive = message.TimeToLive,
            Priority = message.Priority,
            DeadLetter = message.DeadLetter,
            Lease = delivery.Lease ?? throw spot.Missing("lease"),
            LeaseUntil = delivery.Until ?? throw spot.Missing("leaseUntil"),
            DeliveryCount = delivery.Count ?? throw spot.Missing("deliveryCount"),
            SessionState = delivery.State,
            SessionVersion = delivery.Version,
        };
    }

    private static StoredMessage ReadMarked(JsonSpot spot, out DeliveryFields delivery)
    {
        var shared = new MessageFields();
        delivery = default;
        Position? position = null;
        DateTimeOffset? timestamp = null;
        DateTimeOffset? deliverAt = null;
        TimeSpan? timeToLive = null;
        int? priority = null;
        DeadLetterInfo? deadLetter = null;
        foreach (var field in spot.Fields())
        {
            if (shared.Take(field))
                continue;
            switch (field.Name)
            {
                case "position": position = field.Position(); break;
                case "timestamp": timestamp = field.Time(); break;
                case "deliverAt": deliverAt = field.Time(); break;
                case "ttlMs": timeToLive = field.OrNull(f => f.Milliseconds(1)); break;
                case "priority": priority = field.OrNull(f => f.Int32(0, Message.Priorities - 1)); break;
                case "deadLetter": deadLetter = field.IsNull ? null : ReadDeadLetter(field); break;
                case "lease": delivery.Lease = field.Lease(); break;
                case "leaseUntil": delivery.Until = field.Time(); break;
                case "deliveryCount": delivery.Count = field.Int32(); break;
                case "sessionState": delivery.State = field.Base64(); break;
                case "sessionVersion": delivery.Version = field.Int64(0); break;
                default: field.Unknown(); break;
            }
        }
        return new StoredMessage
        {
            Position = position ?? new Position(-1, -1),
            Timestamp = timestamp ?? throw spot.Missing("timestamp"),
            Key = shared.Key,
            Body = shared.Body,
            Tombstone = shared.Tombstone,
            ContentType = shared.ContentType,
            Headers = shared.Headers,
            Token = shared.Token,
            CorrelationId = shared.CorrelationId,
            ReplyTo = shared.ReplyTo,
            RoutingKey = shared.RoutingKey,
            DeliverAt = deliverAt,
            TimeToLive = timeToLive,
            Priority = priority,
            DeadLetter = deadLetter,
        };
    }

    private static void WriteDelivery(Utf8JsonWriter writer, Delivery delivery)
    {
        writer.WriteString("lease", delivery.Lease.ToString());
        writer.WriteTime("leaseUntil", delivery.LeaseUntil);
        writer.WriteNumber("deliveryCount", delivery.DeliveryCount);
        if (!delivery.SessionState.IsEmpty)
            writer.WriteBase64String("sessionState", delivery.SessionState.Span);
        if (delivery.SessionVersion > 0)
            writer.WriteNumber("sessionVersion", delivery.SessionVersion);
    }

    private struct DeliveryFields
    {
        public LeaseId? Lease;
        public DateTimeOffset? Until;
        public int? Count;
        public byte[]? State;
        public long Version;
    }

    private static void WriteDeadLetter(Utf8JsonWriter writer, DeadLetterInfo deadLetter)
    {
        writer.WriteStartObject("deadLetter");
        writer.WriteString("reason", deadLetter.Reason);
        writer.WritePosition("origin", deadLetter.Origin);
        writer.WriteNumber("deliveries", deadLetter.Deliveries);
        writer.WriteTime("at", deadLetter.At);
        if (deadLetter.Redrives > 0)
            writer.WriteNumber("redrives", deadLetter.Redrives);
        writer.WriteEndObject();
    }

    private static DeadLetterInfo ReadDeadLetter(JsonSpot spot)
    {
        var deadLetter = new DeadLetterInfo("", default, 0, default);
        foreach (var field in spot.Fields())
        {
            deadLetter = field.Name switch
            {
                "reason" => deadLetter with { Reason = field.Text() },
                "origin" => deadLetter with { Origin = field.Position() },
                "deliveries" => deadLetter with { Deliveries = field.Int32() },
                "at" => deadLetter with { At = field.Time() },
                "redrives" => deadLetter with { Redrives = field.Int32() },
                _ => field.Unknown(deadLetter),
            };
        }
        return deadLetter;
    }
}

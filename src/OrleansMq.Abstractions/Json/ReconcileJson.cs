using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>What a group has not settled, and what of it is delivered again.</summary>
public static class ReconcileJson
{
    private const int MaxPositions = 10_000;

    /// <summary><c>{"counts":{"total","neverDelivered","leased","returned","dead","uncommitted","deferred"},"messages":[…],"next":"…"}</c></summary>
    public static void Write(Utf8JsonWriter writer, Reconciliation found)
    {
        writer.WriteStartObject();
        writer.WritePropertyName("counts");
        WriteCounts(writer, found.Counts);
        writer.WriteList("messages", found.Messages, WriteMessage);
        writer.WriteString("next", found.Next);
        writer.WriteEndObject();
    }

    /// <summary><c>{"total","neverDelivered","leased","returned","dead","uncommitted","deferred"}</c></summary>
    public static void WriteCounts(Utf8JsonWriter writer, UnsettledCounts counts)
    {
        writer.WriteStartObject();
        writer.WriteNumber("total", counts.Total);
        writer.WriteNumber("neverDelivered", counts.NeverDelivered);
        writer.WriteNumber("leased", counts.Leased);
        writer.WriteNumber("returned", counts.Returned);
        writer.WriteNumber("dead", counts.Dead);
        writer.WriteNumber("uncommitted", counts.Uncommitted);
        writer.WriteNumber("deferred", counts.Deferred);
        writer.WriteEndObject();
    }

    public static Reconciliation Read(JsonSpot spot)
    {
        var found = new Reconciliation(new UnsettledCounts(0, 0, 0, 0, 0), [], null);
        foreach (var field in spot.Fields())
        {
            found = field.Name switch
            {
                "counts" => found with { Counts = ReadCounts(field) },
                "messages" => found with { Messages = field.Items(int.MaxValue, ReadMessage) },
                "next" => found with { Next = field.IsNull ? null : field.Text() },
                _ => field.Unknown(found),
            };
        }
        return found;
    }

    /// <summary><c>{"cause","deliveries","expired","appendedAt","message":{…}}</c></summary>
    public static void WriteMessage(Utf8JsonWriter writer, UnsettledMessage unsettled)
    {
        writer.WriteStartObject();
        writer.WriteString("cause", Words.UnsettledCause.Write(unsettled.Cause));
        writer.WriteNumber("deliveries", unsettled.Deliveries);
        writer.WriteBoolean("expired", unsettled.Expired);
        if (unsettled.AppendedAt is { } at)
            writer.WriteTime("appendedAt", at);
        writer.WritePropertyName("message");
        StoredMessageJson.Write(writer, unsettled.Message);
        writer.WriteEndObject();
    }

    /// <summary><c>{"causes":["dead","returned"],"olderThanMs":0,"positions":[…]}</c></summary>
    public static void WriteRedeliver(Utf8JsonWriter writer, RedeliverRequest request)
    {
        writer.WriteStartObject();
        writer.WriteList("causes", request.Causes, (w, cause) => w.WriteStringValue(Words.UnsettledCause.Write(cause)));
        writer.WriteMs("olderThanMs", request.OlderThan);
        if (request.Positions is { } positions)
            writer.WriteList("positions", positions, (w, position) => w.WritePosition(position));
        writer.WriteEndObject();
    }

    public static RedeliverRequest ReadRedeliver(JsonSpot spot)
    {
        var request = new RedeliverRequest();
        foreach (var field in spot.Fields())
        {
            request = field.Name switch
            {
                "causes" => request with { Causes = field.Items(6, f => f.Word(Words.UnsettledCause)) },
                "olderThanMs" => request with { OlderThan = field.Milliseconds() },
                "positions" => request with { Positions = field.IsNull ? null : field.Items(MaxPositions, f => f.Position()) },
                _ => field.Unknown(request),
            };
        }
        return request;
    }

    private static UnsettledCounts ReadCounts(JsonSpot spot)
    {
        var counts = new UnsettledCounts(0, 0, 0, 0, 0);
        foreach (var field in spot.Fields())
        {
            counts = field.Name switch
            {
                "total" => counts,
                "neverDelivered" => counts with { NeverDelivered = field.Int64() },
                "leased" => counts with { Leased = field.Int64() },
                "returned" => counts with { Returned = field.Int64() },
                "dead" => counts with { Dead = field.Int64() },
                "uncommitted" => counts with { Uncommitted = field.Int64() },
                "deferred" => counts with { Deferred = field.Int64() },
                _ => field.Unknown(counts),
            };
        }
        return counts;
    }

    private static UnsettledMessage ReadMessage(JsonSpot spot)
    {
        var (cause, deliveries, expired) = (UnsettledCause.NeverDelivered, 0, false);
        DateTimeOffset? appendedAt = null;
        StoredMessage? message = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "cause": cause = field.Word(Words.UnsettledCause); break;
                case "deliveries": deliveries = field.Int32(); break;
                case "expired": expired = field.Flag(); break;
                case "appendedAt": appendedAt = field.Time(); break;
                case "message": message = StoredMessageJson.Read(field); break;
                default: field.Unknown(); break;
            }
        }
        return new UnsettledMessage(cause, deliveries, expired, appendedAt, message ?? throw spot.Missing("message"));
    }
}

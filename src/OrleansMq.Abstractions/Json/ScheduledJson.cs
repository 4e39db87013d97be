using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>Messages that wait for their time.</summary>
public static class ScheduledJson
{
    /// <summary><c>{"id","partition","deliverAt","message":{…}}</c>; the message as it is browsed, but without a position.</summary>
    public static void Write(Utf8JsonWriter writer, ScheduledMessage scheduled)
    {
        writer.WriteStartObject();
        writer.WriteString("id", scheduled.Id);
        writer.WriteNumber("partition", scheduled.Partition);
        writer.WriteTime("deliverAt", scheduled.DeliverAt);
        writer.WritePropertyName("message");
        StoredMessageJson.Write(writer, scheduled.Message);
        writer.WriteEndObject();
    }

    public static ScheduledMessage Read(JsonSpot spot)
    {
        string? id = null;
        int? partition = null;
        DateTimeOffset? deliverAt = null;
        StoredMessage? message = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "id": id = field.Text(); break;
                case "partition": partition = field.Int32(0); break;
                case "deliverAt": deliverAt = field.Time(); break;
                case "message": message = StoredMessageJson.ReadUnplaced(field); break;
                default: field.Unknown(); break;
            }
        }
        var unplaced = message ?? throw spot.Missing("message");
        return new ScheduledMessage(
            id ?? throw spot.Missing("id"),
            deliverAt ?? throw spot.Missing("deliverAt"),
            unplaced with { Position = new Position(partition ?? throw spot.Missing("partition"), -1) });
    }

    /// <summary><c>{"scheduled":[…],"next":"…"}</c></summary>
    public static void WritePage(Utf8JsonWriter writer, Page<ScheduledMessage> page)
    {
        writer.WriteStartObject();
        writer.WriteList("scheduled", page.Items, Write);
        writer.WriteString("next", page.Next);
        writer.WriteEndObject();
    }

    public static Page<ScheduledMessage> ReadPage(JsonSpot spot)
    {
        var page = new Page<ScheduledMessage>([], null);
        foreach (var field in spot.Fields())
        {
            page = field.Name switch
            {
                "scheduled" => page with { Items = field.Items(int.MaxValue, Read) },
                "next" => page with { Next = field.IsNull ? null : field.Text() },
                _ => field.Unknown(page),
            };
        }
        return page;
    }
}
